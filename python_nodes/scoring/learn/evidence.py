"""What a replay shows of a watch's alerts: how far each was over its cut, how many came, how many were allowed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta

import numpy as np

from detectors import calibrate
from detectors.series import Forecast
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import cuts, own_tails
from python_nodes.scoring.learn.precision import Judged
from python_nodes.scoring.look import Looked

LEAD_DAYS = 3
"""An alert's strangest day may be some days before it was raised: figures come late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was said of an alert of a watch: ``is_real``, its listings and the days on which it stood."""

    alert_id: int
    kind: str
    listing_ids: tuple[int, ...]
    start_date: date
    end_date: date
    is_real: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """One watch over the days replayed, by listing; ``rows`` are those that stand for a series of their own.

    ``excess`` (n_listings, n_days) is ln(p at the cut ÷ p reached); ``begun`` (n_listings,) how many alarms began,
    ``asked`` how many false ones the budget allowed; both zero beside ``rows``.
    """

    watch: str
    listings: tuple[ListingInfo, ...]
    first_date: date
    excess: FloatArray
    begun: IntArray
    asked: FloatArray

    def of(self, verdict: Verdict, row_of: dict[int, int]) -> float:
        """Return how far an alert was over its cut, in nats; 0 where this watch never reached it."""
        rows = [row_of[one] for one in verdict.listing_ids if one in row_of]
        first = max((verdict.start_date - self.first_date).days - LEAD_DAYS, 0)
        end = (verdict.end_date - self.first_date).days + 1
        seen = self.excess[rows, first:end]
        return max(float(seen.max()), 0.0) if seen.size else 0.0


def of(one: Looked, known: Sequence[ListingInfo]) -> Evidence | None:
    """Return what a replay shows of a watch that cuts by learnt tails; None of another.

    Parameters
    ----------
    one : Looked
        Of `sweep.look_all` over the days replayed, without what was learnt of its cut.
    known : sequence of ListingInfo
        Its rows.

    Returns
    -------
    Evidence or None
    """
    watch = one.watch
    if not watch.tails or not known:
        return None
    tails, columns = watch.tails[-1].tails, one.states.shape[1]
    rows = own_tails.firsts(watch, known)
    forecast = Forecast(*(getattr(one.forecast, part.name)[rows] for part in fields(Forecast)))
    allowed = cuts.rates(watch, forecast, columns, len(known))
    p_value = calibrate.p_values(tails, calibrate.segments(tails, one.information[rows]), one.statistic[rows])
    with np.errstate(divide="ignore"):
        excess = np.log(np.minimum(allowed / tails.clustering, cuts.MOST)) - np.log(p_value)
    spread = np.zeros(len(known), dtype=np.int64)
    if watch.of_market or watch.of_rate:
        names = [getattr(listing, watch.of_rate or "market") for listing in known]
        spread = np.unique(names, return_inverse=True)[1].astype(np.int64)
    else:
        spread = np.arange(len(known), dtype=np.int64)
    states = one.states[rows]
    begun, asked = np.zeros(len(known), dtype=np.int64), np.zeros(len(known))
    begun[rows] = (states[:, 1:] & ~states[:, :-1]).sum(axis=1)
    asked[rows] = allowed.sum(axis=1) * watch.budget.spends
    last: date = one.batch.days[-1].astype("datetime64[D]").item()
    return Evidence(watch.name, tuple(known), last - timedelta(days=columns - 1), excess[spread], begun, asked)


def judged(one: Evidence, verdicts: Sequence[tuple[Verdict, float]], listing_ids: Collection[int]) -> Judged:
    """Put together a segment's alerts; ``verdicts`` come with their excess.

    What the watch does not reach at all any more, as since its exposure is believed less, tells nothing of its cut.
    """
    chosen = set(listing_ids)
    at = np.array([listing.listing_id in chosen for listing in one.listings], dtype=np.bool_)
    own = [
        (verdict.is_real, excess)
        for verdict, excess in verdicts if excess > 0.0 and not chosen.isdisjoint(verdict.listing_ids)
    ]  # fmt: skip
    return Judged(
        int(one.begun[at].sum()), float(one.asked[at].sum()),
        np.array([excess for is_real, excess in own if not is_real], dtype=np.float64),
        np.array([excess for is_real, excess in own if is_real], dtype=np.float64),
    )  # fmt: skip
