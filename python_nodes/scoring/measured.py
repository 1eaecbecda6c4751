"""What a guard's finding costs where the guard can only assume it: told by the funnel's counts since it began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from detectors.rules import sequential
from python_nodes.domain.findings import LOSS_IS_ASSUMED, SHARE_SD, Anomaly
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import lost, sweep
from python_nodes.scoring.look import Looked
from python_nodes.scoring.watches import Watch

ASSUMPTION_SD = 0.2
"""How far a guard's assumption of the bookings that are left is taken to be off, in the logarithm: by a fifth."""


def waiting(found: Sequence[Anomaly], as_of_day: date) -> list[Anomaly]:
    """Return the findings of assumed cost that have stood for a whole day at least."""
    return [one for one in found if one.evidence.get(LOSS_IS_ASSUMED) and one.onset_date < as_of_day]


def counting(watches: Sequence[Watch]) -> list[Watch]:
    """Return the watches of listings' counts, one a step of the funnel."""
    return [
        one
        for one in watches
        if isinstance(one.rule_params, sequential.Params) and not one.of_market and one.of_rate is None
    ]


def corrected(
    found: Sequence[Anomaly], watches: Sequence[Watch], matrix: MetricMatrix, listings: Sequence[ListingInfo],
    as_of_day: date,
) -> list[Anomaly]:  # fmt: skip
    """Return the findings with what the counts make of their assumed share of bookings lost.

    Parameters
    ----------
    found : sequence of Anomaly
        Dated from when each began.
    watches : sequence of Watch
        Of `counting`.
    matrix : MetricMatrix
        Of all listings of the markets concerned: what a market does is not the finding's doing.
    listings : sequence of ListingInfo
    as_of_day : date

    Returns
    -------
    list of Anomaly
        In the order of ``found``; one of today, or on a listing that tells nothing, stays as it is.

    Notes
    -----
    What is left of the bookings is the product of what is left on each step of the funnel. Its logarithm by the counts,
    with the variance of their chance and of the levels they are held against, is a normal measurement of that whose
    prior is the assumption: the mean of both, weighed by their precisions. A week of a listing that books once a day
    moves the assumption little, a month of one that books ten a day replaces it.
    """
    looked, known = sweep.look_all(watches, matrix, listings, None, as_of_day)
    row_of = {listing.listing_id: row for row, listing in enumerate(known)}
    due = {id(one) for one in waiting(found, as_of_day)}
    result = []
    for one in found:
        if not looked or id(one) not in due or one.listing_id not in row_of:
            result.append(one)
            continue
        days = (as_of_day - one.onset_date).days
        share, sd = _posterior(1.0 - one.share_lost, list(looked.values()), row_of[one.listing_id], days)
        told = {"assumed_share_lost": round(one.share_lost, 4), "counted_days": days, SHARE_SD: round(sd, 4)}
        result.append(replace(one, share_lost=share, evidence={**one.evidence, **told}))
    return result


def _posterior(assumed: float, steps: Sequence[Looked], row: int, days: int) -> tuple[float, float]:
    """Return the share lost, and its standard deviation, by what is assumed to be left and by the last ``days``."""
    measured, variance = 0.0, 0.0
    for step in steps:
        seen, wanted, dispersion = lost.counts(step, row, -days)
        level_sd = float(step.forecast.relative_sd[row, -1])
        measured += float(np.log((seen + 0.5) / (wanted + 0.5)))
        # Chance by what is expected; a level of which nothing is known makes all of it unknown.
        variance += dispersion / (wanted + 0.5) + (level_sd**2 if np.isfinite(level_sd) else np.inf)
    weight = ASSUMPTION_SD**2 / (ASSUMPTION_SD**2 + variance)
    prior = float(np.log(max(assumed, 0.01)))
    left = float(np.exp(prior if weight == 0.0 else weight * measured + (1.0 - weight) * prior))
    deviation = ASSUMPTION_SD * float(np.sqrt(1.0 - weight))
    return min(max(1.0 - left, 0.0), 1.0), left * deviation
