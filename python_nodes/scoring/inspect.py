"""Chosen series looked at closely: what kind of change each shows, since when, from what to what, and how sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from detectors import peers
from detectors.inspect import discover, kinds, subjects, surprise
from detectors.inspect.contract import Subjects
from detectors.series import FloatArray, Forecast, IntArray
from detectors.single import tails
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.look import MIN_PEERS, PEER_EXPECTED, Looked

WEEK = 7
HISTORY_DAYS = 182
"""What a close look reads: the longest change it tells, the level before it, and a past for its spread."""
RATES = frozenset({"conversion_rate", "click_through_rate"})
SIZES = frozenset({"search_rank", "competitor_price", "listed_price"})
"""Metrics that have a size each day; of all others the days' counts are looked at."""
BOOKINGS_OF = "conversion_drop"
"""The watch whose series are bookings."""
SLOW = {"demand_drop": "slow_decline", "rank_drop": "slow_rank_decline"}
"""By watch, the one that expects the same metric by what was weeks ago, which a slow change does not bend."""
RECENT_DAYS = 7
"""What a slow change has come to is told by the last week."""
MOST_VALUABLE = 300
"""So many listings are looked at, those expected to bring the most, in each currency its share of them."""
VALUE_DAYS = 28
REFERENCE, LEAST_REFERENCE = 100, 20
"""Of so many of them the past says how strange a series' present is; of fewer nothing is said."""
WARM_DAYS, GAP_DAYS = 98, 28
FLAGGED = kinds.Params(prior=(0.47, 0.47, 0.02, 0.02, 0.02))
"""Of what a watch has flagged it is known that a level moved."""
LEAST_SURE = 0.5
"""A kind less sure than this is not named."""


@dataclass(frozen=True, slots=True)
class CloseUp:
    """What a close look at one series found.

    ``before`` and ``after`` are of the metric as it is reported (a day's mean of counts, a rate, a place, a price); of
    a changed spread 1 and its ratio; ``sure_share`` is how likely the kind is, given that something changed;
    ``strange_p`` how often all detectors together call a quiet day as strange, None where too few tell.
    """

    kind: str
    since_date: date
    before: float | None
    after: float | None
    sure_share: float
    metric: str
    strange_p: float | None = None

    def facts(self) -> dict[str, Any]:
        """Return it as evidence for programs."""
        return {
            "kind": self.kind, "since_date": self.since_date.isoformat(), "before": self.before, "after": self.after,
            "sure_share": self.sure_share, "metric": self.metric, "strange_p": self.strange_p,
        }  # fmt: skip


def subjects_of(found: Looked, groups: IntArray, rows: IntArray | None = None) -> Subjects:
    """Return a watch's series beside what they should have been, the market's own movement taken out.

    Parameters
    ----------
    found : Looked
    groups : ndarray of int, shape (n_listings,)
        The market of each.
    rows : ndarray of int, optional
        The listings that are asked for; None for all.

    Returns
    -------
    Subjects
        Of the last `HISTORY_DAYS`.
    """
    watch, last = found.watch, slice(-HISTORY_DAYS, None)
    chosen = np.arange(groups.size) if rows is None else rows
    told = found.forecast
    values, expected = found.batch.values[:, last], told.expected[:, last]
    is_size = watch.metric in SIZES
    own = expected[chosen]
    if not (watch.of_market or watch.of_rate or watch.by_market or watch.by_shared or watch.exposure):
        logs = peers.log_ratios(values, expected, 0.0 if is_size else PEER_EXPECTED)
        own = own * np.exp(peers.log_move(logs, groups, MIN_PEERS)[chosen])
    if is_size:
        return subjects.of_sizes(values[chosen], own, WEEK)
    rest = (part[:, last][chosen] for part in (told.dispersion, told.relative_sd, told.capped))
    return subjects.of_counts(values[chosen], Forecast(own, *rest), WEEK)


def valuable(bookings: FloatArray, listings: Sequence[ListingInfo], most: int = MOST_VALUABLE) -> IntArray:
    """Return the listings expected to bring the most a day: bookings times the base price.

    Parameters
    ----------
    bookings : ndarray, shape (n_listings, n_days)
        Made a day; NaN is untold.
    listings : sequence of ListingInfo
    most : int

    Returns
    -------
    ndarray of int
        Rows, ascending. Amounts of two currencies are not compared: each has its share of the places.
    """
    recent = bookings[:, -VALUE_DAYS:]
    told = np.isfinite(recent)
    rate = np.where(told, recent, 0.0).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
    worth = rate * np.array([one.base_price_minor for one in listings], dtype=np.float64)
    currency = np.unique([one.currency for one in listings], return_inverse=True)[1]
    share = min(most / max(len(listings), 1), 1.0)
    order = np.lexsort((-worth, currency))
    place = np.empty(len(listings))
    for one in range(int(currency.max(initial=-1)) + 1):
        rows = order[currency[order] == one]
        place[rows] = (np.arange(rows.size) + 0.5) / rows.size
    return np.asarray(np.flatnonzero(place <= share), dtype=np.int64)


def look_closely(
    looked: Mapping[str, Looked], listings: Sequence[ListingInfo], rows: Mapping[str, IntArray]
) -> dict[tuple[str, int], CloseUp]:
    """Return by watch and row what a close look at the series finds.

    Parameters
    ----------
    looked : mapping
        All watches by name.
    listings : sequence of ListingInfo
        Whose rows they are.
    rows : mapping
        By watch, the listings asked for.

    Returns
    -------
    dict
        Without those of which no kind is likelier than not.
    """
    groups = np.unique([one.market for one in listings], return_inverse=True)[1].astype(np.int64)
    booked = looked.get(BOOKINGS_OF)
    beside = np.arange(0) if booked is None else valuable(booked.batch.values, listings, REFERENCE)
    result: dict[tuple[str, int], CloseUp] = {}
    for name, chosen in rows.items():
        if not chosen.size:
            continue
        seen = looked.get(SLOW.get(name, name), looked[name])
        told = kinds.tell(subjects_of(seen, groups, chosen), FLAGGED)
        strange = _strangeness(looked[name], groups, chosen, beside)
        length = min(HISTORY_DAYS, seen.batch.days.size)
        for at, row in enumerate(chosen.tolist()):
            kind = kinds.KINDS[told.kind[at]]
            sure = float(told.posterior[at, told.kind[at]])
            if sure >= LEAST_SURE:
                since = int(told.onset[at]) - length
                result[name, row] = _close_up(looked[name], row, kind, since, float(told.size[at]), sure, strange[at])
    return result


def _strangeness(found: Looked, groups: IntArray, chosen: IntArray, beside: IntArray) -> list[float | None]:
    """Return how often as strange a day comes by all detectors of the measured rule, by the past of ``beside`` too."""
    quiet = np.setdiff1d(beside, np.flatnonzero(found.active))
    is_group = found.watch.of_market or found.watch.of_rate is not None
    if quiet.size < LEAST_REFERENCE or is_group:
        return [None] * chosen.size
    given = subjects_of(found, groups, np.concatenate([chosen, quiet]))
    last = given.values.shape[1]
    if last <= WARM_DAYS + GAP_DAYS:
        return [None] * chosen.size
    detectors = discover()
    judged = {name: detectors[name](given) for name in surprise.WEIGHTS}
    until = last - GAP_DAYS
    usual = surprise.learn(judged, WARM_DAYS, until)
    past, now = (
        surprise.combined(surprise.p_values(judged, usual, part), surprise.WEIGHTS)
        for part in (slice(WARM_DAYS, until), slice(last - 1, last))
    )
    return [float(f"{one:.2g}") for one in tails.p_values(now[: chosen.size, 0], past.ravel())]


def _close_up(
    found: Looked, row: int, kind: str, since: int, size: float, sure: float, strange: float | None
) -> CloseUp:
    """Put a kind in the metric's own numbers; ``since`` is counted back from the last day."""
    days = found.batch.days
    onset = max(days.size + since, 0)
    whole = CloseUp(kind, days[onset].astype("datetime64[D]").item(), None, None, round(sure, 3),
                    found.watch.reported_metric, strange)  # fmt: skip
    if kind == "variance":
        return replace(whole, before=1.0, after=round(size, 2))
    if kind in ("missing", "flat_line"):
        # Of the count itself, not of the rate it is a part of.
        last = float(found.batch.values[row, -1])
        return replace(whole, metric=found.watch.metric, after=round(last, 2) if np.isfinite(last) else None)
    first = max(onset, days.size - RECENT_DAYS) if kind == "slow_decline" else onset
    observed, expected = found.batch.values[row, first:], found.forecast.expected[row, first:]
    offered = np.ones(observed.shape) if found.batch.exposure is None else found.batch.exposure[row, first:]
    both = np.isfinite(observed) & np.isfinite(expected) & np.isfinite(offered)
    # Only a rate is told by what it is a share of: the market's own movement is an exposure without a unit.
    base = float(offered[both].sum()) if whole.metric in RATES else float(both.sum())
    if base <= 0:
        return whole
    return replace(whole, before=_short(expected[both].sum() / base), after=_short(observed[both].sum() / base))


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def sentence(told: CloseUp) -> str:
    """Say it in plain words."""
    since = f"since {told.since_date.day} {told.since_date:%B %Y}"
    if told.kind == "missing":
        return f"data missing {since}"
    if told.kind == "flat_line":
        return f"flat line {since}, {told.after:g} every day"
    if told.kind == "variance":
        return f"more variable since about {told.since_date.day} {told.since_date:%B %Y}, by {told.after:g} times"
    change = "level shift" if told.kind == "level_shift" else "slow decline"
    if told.before is None or told.after is None:
        return f"{change} {since}"
    unit = "" if told.metric in RATES | SIZES else " a day"
    place = "place " if told.metric == "search_rank" else ""
    before, after = (_amount(one, told.metric) for one in (told.before, told.after))
    return f"{change} {since}, from {place}{before} to {after}{unit}"


def _amount(value: float | None, metric: str) -> str:
    if value is None:
        return "unknown"
    if metric in RATES:
        return f"{100.0 * value:.2g} %"
    return f"{value:.0f}" if abs(value) >= 100 or metric == "search_rank" else f"{value:.2g}"
