"""Every watch over every listing: metric matrix in, anomalies that hold on the last day out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import chain

import numpy as np

from detectors.series import SeriesBatch
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import causes, peers, silent
from python_nodes.scoring.calendar import holiday_matrix
from python_nodes.scoring.inspect import MOST_VALUABLE
from python_nodes.scoring.learn import taught
from python_nodes.scoring.look import Fitted, Looked, look
from python_nodes.scoring.market import Places
from python_nodes.scoring.watches import Watch

AT_ONCE = 2
"""Watches that run at the same time: numpy computes three quarters of their time, and holds no other thread up."""


def score_all(
    watches: Sequence[Watch],
    matrix: MetricMatrix,
    listings: Sequence[ListingInfo],
    holidays_by_listing: BoolArray | None,
    as_of_day: date,
    unfit: BoolArray | None = None,
    near: peers.Near | None = None,
    most_valuable: int = MOST_VALUABLE,
    at_once: int = AT_ONCE,
    asked: Collection[int] | None = None,
) -> list[Anomaly]:
    """Return what is wrong with which listing on the last day told before ``as_of_day``.

    Parameters
    ----------
    watches : sequence of Watch
    matrix : MetricMatrix
        Days on or after ``as_of_day`` are ignored: that day is not over.
    listings : sequence of ListingInfo
        Series without one are skipped.
    holidays_by_listing : ndarray of bool, shape (len(matrix.listing_ids), len(matrix.days)), optional
        None takes them from the `holidays` library.
    as_of_day : date
    unfit : ndarray of bool, shape (len(matrix.listing_ids), len(matrix.days)), optional
        Days neither scored nor learnt from, as those on which the listing is known to have been down.
    near : Near, optional
        Peers of listings that are held against them rather than their market, or are new and borrow from them.
    most_valuable : int
        So many listings' figures are looked at for gaps and standstills.
    at_once : int
        Watches that run at the same time; 1 where other processes use the other cores.
    asked : collection of int, optional
        Ids of the only listings that are told of; the others teach. None for all.

    Returns
    -------
    list of Anomaly
        One a kind and listing whose alarm holds and that nothing higher in the funnel explains; none means the metric
        is back, so that an alert can be resolved. Then the figures of valuable listings that stopped coming.
    """
    looked, known = look_all(watches, matrix, listings, holidays_by_listing, as_of_day, unfit, near, at_once, asked)
    rows = None if asked is None else rows_of(known, asked)
    return causes.settle(looked, known, rows) + silent.find(matrix, known, as_of_day, unfit, most_valuable, rows)


def look_all(
    watches: Sequence[Watch],
    matrix: MetricMatrix,
    listings: Sequence[ListingInfo],
    holidays_by_listing: BoolArray | None,
    as_of_day: date,
    unfit: BoolArray | None = None,
    near: peers.Near | None = None,
    at_once: int = AT_ONCE,
    asked: Collection[int] | None = None,
) -> tuple[dict[str, Looked], list[ListingInfo]]:
    """Return each watch's state by its name, and the listings that its rows are; arguments as in `score_all`."""
    seen = known_rows(matrix, listings, as_of_day)
    known = seen.listings
    if not known:
        return {}, []
    given = holidays_by_listing
    days = matrix.days[: seen.last].astype("datetime64[D]")
    holidays = holiday_matrix(known, days) if given is None else given[seen.rows][:, : seen.last]
    groups = _numbered([listing.market for listing in known])
    places = Places(
        _numbered([one.channel for one in known]), groups, _numbered([one.property_external_id for one in known])
    )
    beside = peers.beside(groups, [one.listing_id for one in known], near)
    told = [watch for watch in watches if {watch.metric, watch.exposure or watch.metric} <= set(matrix.values)]
    wanted = None if asked is None else rows_of(known, asked)
    # Those of the same figures share what is fitted to them, so they are run in turn.
    alike: dict[tuple[str, str | None, int], list[Watch]] = {}
    for watch in told:
        alike.setdefault((watch.metric, watch.exposure, watch.history_days), []).append(watch)

    def run(some: list[Watch]) -> list[tuple[str, Looked]]:
        fitted: Fitted = {}
        taught_by = ((one.name, *taught_batch(one, matrix, seen, holidays, unfit)) for one in some)
        return [
            (name, look(own, batch, places.markets, places, fitted, beside, wanted)) for name, own, batch in taught_by
        ]

    with ThreadPoolExecutor(max_workers=at_once) as pool:
        found = dict(chain.from_iterable(pool.map(run, alike.values())))
    looked = {watch.name: found[watch.name] for watch in told}
    return looked, known


@dataclass(frozen=True, slots=True)
class Known:
    """The rows of a matrix whose listings are known, these in the same order, and how many days are over."""

    rows: IntArray
    listings: list[ListingInfo]
    last: int


def known_rows(matrix: MetricMatrix, listings: Sequence[ListingInfo], as_of_day: date) -> Known:
    """Return what of a matrix is looked at; nothing where no day is over."""
    by_id = {listing.listing_id: listing for listing in listings}
    rows = np.array([i for i, key in enumerate(matrix.listing_ids) if int(key) in by_id], dtype=np.int64)
    last = int(np.searchsorted(matrix.days, np.datetime64(as_of_day, "D")))
    rows = rows if last else rows[:0]
    return Known(rows, [by_id[int(key)] for key in matrix.listing_ids[rows]], last)


def taught_batch(
    watch: Watch, matrix: MetricMatrix, known: Known, holidays: BoolArray | None, unfit: BoolArray | None
) -> tuple[Watch, SeriesBatch]:
    """Return the watch and what it looks at of a matrix, both as verdicts left them."""
    rows, last = known.rows, known.last
    seen = slice(max(last - watch.history_days, 0), last)
    values: FloatArray = matrix.values[watch.metric][rows, seen]
    exposure = matrix.values[watch.exposure][rows, seen] if watch.exposure else None
    if unfit is not None:
        values = np.where(unfit[rows, seen], np.nan, values)
    days = matrix.days[seen].astype("datetime64[D]")
    batch = SeriesBatch(values, days, exposure, None if holidays is None else holidays[:, seen])
    if watch.learnt is None:
        return watch, batch
    told = {name: of[rows, seen] for name, of in matrix.values.items() if name in watch.learnt.looks_at}
    return taught.applied(watch, watch.learnt, batch, matrix.listing_ids[rows], told.get)


def rows_of(known: Sequence[ListingInfo], asked: Collection[int]) -> IntArray:
    """Return the rows of the listings that are asked for."""
    return np.flatnonzero(np.isin([one.listing_id for one in known], list(asked))).astype(np.int64)


def _numbered(names: Sequence[str]) -> IntArray:
    """Return the place of each name among all, from 0."""
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
