"""The p-values of replayed days: how well they rank the days of what happened, and whether they keep their word."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from detectors.evaluation import calibration, ranking
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import IntArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import cuts, own_tails
from python_nodes.scoring.backtest import Label
from python_nodes.scoring.look import Looked

LIMITS = (0.1, 0.01, 0.001)
WEEK_DAYS = 7
"""The widest buffer of VUS-PR."""
AFTER_DAYS = 28
"""So long after its end an event is still in most watches' windows: these days are neither quiet nor the event's."""
NOTHING = -1e3
"""A statistic under this is of a window that told nothing."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one watch said of each replayed day: p-values (len(rows), n_days), NaN where it could say nothing.

    ``rows`` are those of its series: every listing, or the first of each market or channel, if it ``is_wide``.
    """

    kind: str
    is_wide: bool
    rows: IntArray
    p_values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one kind: of so many quiet ``points`` the share at or under each of ``LIMITS``."""

    kind: str
    points: int
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """``auc_pr`` and ``vus_pr`` are None where it is not known what happened, or nothing did on a single listing."""

    auc_pr: float | None
    vus_pr: float | None
    kept: tuple[Kept, ...]


def said(looked: Mapping[str, Looked], listings: Sequence[ListingInfo], days: int) -> list[Said]:
    """Return the p-values of the last days, by the cuts in force on each; of watches whose statistic's law is known."""
    found = []
    for one in looked.values():
        if not one.watch.tails:
            continue
        rows = own_tails.firsts(one.watch, listings)
        statistic = one.statistic[:, -days:]
        p_values = cuts.p_values(one.watch, one.forecast, one.batch.days, statistic, one.information[:, -days:])
        known = np.isfinite(statistic) & (statistic > NOTHING)
        told = np.where(known, p_values, np.nan)[rows].astype(np.float32)
        wide = one.watch.of_market or one.watch.of_rate is not None
        found.append(Said(one.watch.kind, wide, rows, told))
    return found


def rank(
    told: Sequence[Said], listings: Sequence[ListingInfo], labels: Sequence[Label], start: date,
    watched: Collection[str], *, is_whole: bool,
) -> Ranked:  # fmt: skip
    """Hold the p-values against labels.

    Parameters
    ----------
    told : sequence of Said
        Column ``i`` was said at noon of ``start + i`` days, of the figures of the day before.
    listings : sequence of ListingInfo
        The rows.
    labels : sequence of Label
    start : date
    watched : collection of str
        The kinds that watches tell; days of another kind's event count neither way.
    is_whole : bool
        Whether the labels tell everything that happened: else nothing is ranked.

    Returns
    -------
    Ranked
        By the strangest of a listing's own watches on each day. Quiet are the days on which nothing is known to have
        been, and to have ended in the four weeks before.
    """
    if not told:
        return Ranked(None, None, ())
    shape = len(listings), told[0].p_values.shape[1]
    at = {listing.listing_id: row for row, listing in enumerate(listings)}
    real = [one for one in labels if one.is_real]
    own = [one for one in real if one.scope == "listing" and (not one.kind or one.kind in watched)]
    happened = _days(own, at, start, shape, 0)
    quiet = {
        wide: ~_days([one for one in real if (one.scope != "listing") or not wide], at, start, shape, AFTER_DAYS)
        for wide in (False, True)
    }
    kept = _kept(told, quiet)
    if not (is_whole and happened.any()):
        return Ranked(None, None, kept)
    return Ranked(*_quality(_strength(told, shape), happened, quiet[False] | happened), kept)


def _days(
    labels: Iterable[Label], at: Mapping[int, int], start: date, shape: tuple[int, int], after_days: int
) -> BoolArray:
    """Return on which columns the figures are of a labelled day, or of one so soon after."""
    found = np.zeros(shape, dtype=np.bool_)
    for one in labels:
        rows = [at[key] for key in one.listing_ids if key in at]
        first = (one.start_date - start).days + 1
        last = (one.end_date - start).days + 1 + after_days
        found[rows, max(first, 0) : max(last + 1, 0)] = True
    return found


def _strength(told: Sequence[Said], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return how strange each listing's day is by the strangest of its own watches; 0 where none could say."""
    smallest = np.ones(shape, dtype=np.float32)
    for one in told:
        if not one.is_wide:
            smallest = np.fmin(smallest, one.p_values)
    return np.asarray(-np.log(np.maximum(smallest, np.float32(1e-30))), dtype=np.float64)


def _quality(strength: NDArray[np.float64], happened: BoolArray, counted: BoolArray) -> tuple[float, float]:
    """Return AUC-PR over the days that count, and VUS-PR with what lies between listings kept apart."""
    auc = ranking.auc_pr(happened[counted], strength[counted])
    # No event reaches into the next listing; what does not count ranks last.
    apart = ((0, 0), (0, WEEK_DAYS // 2 + 1))
    scores = np.pad(np.where(counted, strength, -1.0), apart, constant_values=-1.0)
    return auc, ranking.vus_pr(np.pad(happened, apart).ravel(), scores.ravel(), WEEK_DAYS)


def _kept(told: Sequence[Said], quiet: Mapping[bool, BoolArray]) -> tuple[Kept, ...]:
    result = []
    for kind in sorted({one.kind for one in told}):
        own = [one for one in told if one.kind == kind]
        points = np.concatenate([one.p_values[quiet[one.is_wide][one.rows]] for one in own])
        points = points[np.isfinite(points)].astype(np.float64)
        if points.size:
            table = calibration.table(points, np.ones(points.size, dtype=np.bool_), LIMITS)
            result.append(Kept(kind, points.size, tuple(row.reached for row in table)))
    return tuple(result)
