"""Figures of a valuable listing that stopped coming or stand still while its neighbours' move: a fault of our sight.

Told only where nothing else tells it: where the listing's other figures come and move (a report that lacks as a whole
is a stale feed's), and where most of its channel's listings go on. It costs nothing that we know of.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from detectors.inspect import flat_line, missing
from detectors.inspect.contract import Judged, Subjects
from python_nodes.domain.findings import CHANGE, CHANGE_FACTS, LOSS_IS_UNKNOWN, OF_OUR_SIGHT, Anomaly
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.inspect import MOST_VALUABLE, CloseUp, sentence, valuable

COMING = ("search_impressions", "listing_views")
"""Counts of one report: where one of them comes, the report does."""
MISSING, FLAT = "metric_missing", "metric_flat"
FIGURES = {MISSING: (*COMING, "competitor_price"), FLAT: COMING}
"""No rank: a place that nobody found is no fault of our sight, and good places stay the same for weeks."""
LEAST = {MISSING: (4, 8.0), FLAT: (6, 14.0)}
"""Days of a gap or run, and how improbable it must be by the series' own past: p of e to the minus."""
HISTORY_DAYS = 200
BOOKINGS = "booking_velocity"
READ = frozenset({*COMING, "competitor_price", BOOKINGS})
NEIGHBOURS, GOING_ON = 5, 0.8


def find(
    matrix: MetricMatrix, listings: Sequence[ListingInfo], as_of_day: date, unfit: BoolArray | None = None,
    most: int = MOST_VALUABLE, asked: IntArray | None = None,
) -> list[Anomaly]:  # fmt: skip
    """Return which figures of valuable listings lack or stand still on the last day before ``as_of_day``.

    Parameters
    ----------
    matrix : MetricMatrix
        Without ``booking_velocity`` all listings are as valuable.
    listings : sequence of ListingInfo
        Those of the matrix that are looked at, in its order.
    as_of_day : date
    unfit : ndarray of bool, shape (len(matrix.listing_ids), len(matrix.days)), optional
        Days on which a listing is known to have been down.
    most : int
    asked : ndarray of int, optional
        Rows of the only listings that are told of; None for all.

    Returns
    -------
    list of Anomaly
        Of kind ``metric_missing`` or ``metric_flat``, one a listing and kind.
    """
    end = int(np.searchsorted(matrix.days, np.datetime64(as_of_day, "D")))
    if not end or not listings:
        return []
    rows = np.flatnonzero(np.isin(matrix.listing_ids, [one.listing_id for one in listings]))
    last = slice(max(end - HISTORY_DAYS, 0), end)
    days = matrix.days[last]
    values = {name: told[rows, last] for name, told in matrix.values.items() if name in READ}
    down = np.zeros((rows.size, days.size), dtype=np.bool_) if unfit is None else unfit[rows, last]
    chosen = valuable(values[BOOKINGS], listings, most) if BOOKINGS in values else np.arange(rows.size)
    chosen = chosen if asked is None else np.intersect1d(chosen, asked)
    channel = np.unique([one.channel for one in listings], return_inverse=True)[1].astype(np.int64)
    found: dict[tuple[int, str], Anomaly] = {}
    for kind, metrics in FIGURES.items():
        for metric in (name for name in metrics if name in values):
            series = values[metric]
            others = [_goes(kind, values[name]) for name in COMING if name in values and name != metric]
            heard = np.logical_or.reduce(others) if others else np.zeros(len(listings), dtype=np.bool_)
            judged, going = _judged(kind, series[chosen]), _goes(kind, series)
            for at in np.flatnonzero(_holds(kind, judged)).tolist():
                row, since = int(chosen[at]), int(judged.onset[at])
                near = (channel == channel[row]) & np.isfinite(series[:, max(since - 1, 0)])
                near[row] = False
                if heard[row] and not down[row, since:].any() and _goes_on(going[near]):
                    one = _told(kind, metric, listings[row], days, since, judged, at, series[row])
                    found.setdefault((row, kind), one)
    return list(found.values())


def _judged(kind: str, series: FloatArray) -> Judged:
    """Return how improbable the series' gaps or runs are."""
    given = Subjects(series, np.zeros_like(series), np.full_like(series, np.inf), 7)
    if kind == MISSING:
        return missing.judge(given)
    still = flat_line.judge(given)
    # Nothing again and again is for those who judge counts.
    return Judged(np.where(series[:, -1:] > 0, still.strength, 0.0), still.onset, still.size)


def _goes(kind: str, series: FloatArray) -> BoolArray:
    """Return which series are told on the last day and, where standing still is asked for, moved lately."""
    told = np.isfinite(series[:, -1])
    if kind == MISSING:
        return told
    return np.asarray(told & (np.abs(np.diff(series[:, -LEAST[FLAT][0] :], axis=1)) > 0).any(axis=1), dtype=np.bool_)


def _holds(kind: str, judged: Judged) -> BoolArray:
    days, strength = LEAST[kind]
    return np.asarray((judged.size >= days) & (judged.strength[:, -1] >= strength), dtype=np.bool_)


def _goes_on(near: BoolArray) -> bool:
    return near.size >= NEIGHBOURS and float(near.mean()) >= GOING_ON


def _told(
    kind: str, metric: str, listing: ListingInfo, days: DayArray, since: int, judged: Judged, at: int,
    series: FloatArray,
) -> Anomaly:  # fmt: skip
    """Say it; p is the chance of as long a run by the series' own past."""
    onset = days[since].astype("datetime64[D]").item()
    p_value = float(np.exp(-judged.strength[at, -1]))
    shown = "missing" if kind == MISSING else "flat_line"
    last = float(series[-1]) if shown == "flat_line" else None
    close_up = CloseUp(shown, onset, None, last, round(1.0 - p_value, 3), metric)
    return Anomaly(
        listing_id=listing.listing_id, kind=kind, metric=metric, onset_date=onset, observed=last, expected=None,
        lower=None, upper=None, p_value=p_value, share_lost=0.0, confidence=1.0 - p_value, cause=kind,
        evidence={CHANGE: sentence(close_up), CHANGE_FACTS: close_up.facts(), "figure": metric.replace("_", " "),
                  "silent_days": int(judged.size[at]), LOSS_IS_UNKNOWN: OF_OUR_SIGHT},
    )  # fmt: skip
