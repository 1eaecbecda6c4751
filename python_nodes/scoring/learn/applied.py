"""Changes in force, as the watches apply them to what they look at: masks, new levels, and cuts moved by segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray
from python_nodes.scoring.learn.changes import Change, Cut, Doubtful, Event, Exposure, NewNormal, NewNormals


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days of some listings, both included; without an end they go on."""

    listing_ids: tuple[int, ...]
    start_date: date
    end_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What verdicts changed, and the incidents that must not teach.

    Parameters
    ----------
    left_out : tuple of Span
        Neither judged nor learnt from: expected events, and days of which we heard wrong.
    incidents : tuple of Span
        Judged, but not learnt from: what people called real, and alerts that stand.
    anchors : tuple of NewNormal
    cuts : tuple of Cut
    exposures : tuple of Exposure
    """

    left_out: tuple[Span, ...] = ()
    incidents: tuple[Span, ...] = ()
    anchors: tuple[NewNormal, ...] = ()
    cuts: tuple[Cut, ...] = ()
    exposures: tuple[Exposure, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return not (self.left_out or self.incidents or self.anchors or self.cuts or self.exposures)

    @property
    def looks_at(self) -> frozenset[str]:
        """Name the metrics that are needed beside a watch's own."""
        return frozenset(one.above for one in self.exposures)

    def unfit(self, listing_ids: IntArray, days: DayArray) -> BoolArray | None:
        """Return which days are neither judged nor learnt from, (n_listings, n_days); None where all are fit."""
        return _mask(self.left_out, listing_ids, days)

    def unlearnt(self, listing_ids: IntArray, days: DayArray) -> BoolArray | None:
        """Return which days are judged, but not learnt from, (n_listings, n_days); None without any."""
        return _mask(self.incidents, listing_ids, days)

    def anchored(
        self, metric: str, exposure: str | None, values: FloatArray, listing_ids: IntArray, days: DayArray
    ) -> FloatArray:
        """Return the values with those before a new level at that level.

        Parameters
        ----------
        metric, exposure : str, optional
            Which watches' values they are.
        values : ndarray, shape (n_listings, n_days)
            Not changed.
        listing_ids : ndarray of int, shape (n_listings,)
        days : ndarray of datetime64[D], shape (n_days,)

        Returns
        -------
        ndarray
        """
        own = [one for one in self.anchors if (one.metric, one.exposure) == (metric, exposure)]
        result = values.copy() if own else values
        for one in own:
            before = int(np.searchsorted(days, np.datetime64(one.since_date, "D")))
            result[np.isin(listing_ids, one.listing_ids), :before] *= one.ratio
        return result

    def factors(self, watch: str, listing_ids: IntArray) -> FloatArray | None:
        """Return what is left of each listing's allowed false alerts, (n_listings,); None where nothing is changed."""
        own = [one for one in self.cuts if one.watch == watch]
        if not own:
            return None
        result = np.ones(listing_ids.size)
        for one in own:
            result[np.isin(listing_ids, one.listing_ids)] = one.factor
        return result

    def without_cuts(self) -> Learnt:
        """Return the same without what moved cuts."""
        return replace(self, cuts=())

    def plus(self, change: Change) -> Learnt:
        """Return the same with one more change, the newest."""
        more = of([change])
        return Learnt(
            left_out=(*self.left_out, *more.left_out), incidents=self.incidents,
            anchors=(*self.anchors, *more.anchors), cuts=(*self.cuts, *more.cuts),
            exposures=(*self.exposures, *more.exposures),
        )  # fmt: skip


def of(changes: Sequence[Change], incidents: Sequence[Span] = ()) -> Learnt:
    """Put changes in force together, the oldest first; of two cuts of a watch's same listing the later holds."""
    spans = [
        Span(listing_ids=one.listing_ids, start_date=one.start_date, end_date=one.end_date)
        for one in changes if isinstance(one, Event | Doubtful)
    ]  # fmt: skip
    return Learnt(
        left_out=tuple(spans), incidents=tuple(incidents),
        anchors=tuple(anchor for one in changes if isinstance(one, NewNormals) for anchor in one.anchors),
        cuts=tuple(one for one in changes if isinstance(one, Cut)),
        exposures=tuple(one for one in changes if isinstance(one, Exposure)),
    )  # fmt: skip


def _mask(spans: Sequence[Span], listing_ids: IntArray, days: DayArray) -> BoolArray | None:
    """Return where any span holds; by sums of what begins and ends, so that many spans cost as few."""
    if not spans or not days.size:
        return None
    ids = np.concatenate([np.asarray(one.listing_ids, dtype=np.int64) for one in spans])
    span = np.repeat(np.arange(len(spans)), [len(one.listing_ids) for one in spans])
    first = np.array([one.start_date for one in spans], dtype="datetime64[D]")
    last = np.array([one.end_date or date.max for one in spans], dtype="datetime64[D]")
    begins, ends = np.searchsorted(days, first), np.searchsorted(days, last, side="right")
    order = np.argsort(listing_ids, kind="stable")
    at = np.minimum(np.searchsorted(listing_ids[order], ids), listing_ids.size - 1)
    known = (listing_ids[order][at] == ids) & (begins[span] < ends[span])
    if not known.any():
        return None
    rows, own = np.unique(order[at[known]], return_inverse=True)
    steps = np.zeros((rows.size, days.size + 1), dtype=np.int16)
    np.add.at(steps, (own, begins[span[known]]), 1)
    np.add.at(steps, (own, ends[span[known]]), -1)
    mask = np.zeros((listing_ids.size, days.size), dtype=np.bool_)
    mask[rows] = np.cumsum(steps[:, :-1], axis=1, dtype=np.int16) > 0
    return mask
