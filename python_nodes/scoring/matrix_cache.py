"""A tenant's series as one mapped file: float32, (n_metrics, n_listings, n_days), read at memory speed.

What a store took minutes to give is read from it once; afterwards only new days are, and what was written since: where
the store tells that, no more than it, else the last days again, since reports are corrected. Listings may come, go and
change places: what is known of them is carried over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_nodes.domain.metrics import Changes, DayArray, IntArray, MetricStore, Rewritten
from python_nodes.scoring import arrays_file

VERSION = 2
CORRECTED_DAYS = 35
"""So many last days are read again: channels' reports are corrected for about a month."""
LISTINGS_AT_ONCE = 2_000
_ROUNDED_DAYS = 8
"""Listings whose rewritten days begin within as many are read together."""


@dataclass(frozen=True, slots=True)
class Cached:
    """What a file holds; ``values`` is mapped and read only, NaN where nothing is told, as new as ``mark``."""

    metrics: tuple[str, ...]
    listing_ids: IntArray
    days: DayArray
    values: NDArray[Any]
    mark: str = ""

    def of(self, metric: str) -> NDArray[Any]:
        """Return one metric's series, (n_listings, n_days), without copying them."""
        return np.asarray(self.values[self.metrics.index(metric)])


def path_of(root: Path, tenant_id: int) -> Path:
    """Return where a tenant's series lie."""
    return root / str(tenant_id) / "series.matrix"


def load(path: Path) -> Cached | None:
    """Return what is kept; None where nothing is, or another version wrote it."""
    known = arrays_file.read(path)
    if known is None or known[0].get("version") != VERSION:
        return None
    told, arrays = known
    days = np.datetime64(told["first_day"], "D") + np.arange(arrays["values"].shape[2])
    return Cached(tuple(told["metrics"]), np.asarray(arrays["listing_ids"]), days, arrays["values"], told["mark"])


def refresh(
    path: Path, store: MetricStore, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int],
    span: tuple[date, date], *, anew: bool = False, kind: str = "<f4", changes: Changes | None = None,
) -> Cached:  # fmt: skip
    """Bring the file up to a span of days, reading no more of the store than is new or may have been corrected.

    Parameters
    ----------
    path : Path
    store : MetricStore
    tenant_id : int
    metrics : sequence of str
    listing_ids : sequence of int
        The rows wanted, in this order.
    span : (date, date)
        The first and last day wanted, both included.
    anew : bool
        Read all: after older days were imported or corrected, which nothing here can see.
    kind : str
        The type in which values are kept: "<f4", or "<f8" for the store's very own.
    changes : Changes, optional
        What the store says was written since the file's mark; then the last days are not read again.
    """
    first, last = span
    before = None if anew or (changes is not None and changes.rewritten is None) else load(path)
    mark = "" if changes is None else changes.mark
    told = {"version": VERSION, "metrics": list(metrics), "first_day": first.isoformat(), "mark": mark}
    shape = (len(metrics), len(listing_ids), (last - first).days + 1)
    layout = {"listing_ids": ("<i8", (len(listing_ids),)), "values": (kind, shape)}
    with arrays_file.replacing(path, told, layout) as places:
        places["listing_ids"][...] = listing_ids
        values = places["values"]
        known, since = _carry(before, values, metrics, listing_ids, first, 0 if changes else CORRECTED_DAYS)
        new = np.setdiff1d(np.arange(len(listing_ids)), known)
        for rows, begin in ((known, since), (new, first)):
            _read(store, tenant_id, metrics, (listing_ids, rows), (first, max(begin, first), last), values)
        if changes is not None and len(known):
            until = min(since - timedelta(days=1), last)
            for rows, begin in rewritten(changes.rewritten or (), np.asarray(listing_ids), known, first):
                _read(store, tenant_id, metrics, (listing_ids, rows), (first, begin, until), values)
    found = load(path)
    if found is None:
        raise FileNotFoundError(path)
    return found


def rewritten(
    told: Sequence[Rewritten], listing_ids: IntArray, known: IntArray, first: date
) -> list[tuple[IntArray, date]]:
    """Return which of some rows are to be read again from which day on: few reads, though of more than must be."""
    begin = np.full(len(known), np.iinfo(np.int64).max)
    for one in (one for one in told if one.end >= first):
        start = max((one.start - first).days, 0) // _ROUNDED_DAYS * _ROUNDED_DAYS
        named = slice(None) if one.listing_ids is None else np.isin(listing_ids[known], one.listing_ids)
        begin[named] = np.minimum(begin[named], start)
    days = np.unique(begin[begin < np.iinfo(np.int64).max])
    return [(known[begin == day], first + timedelta(days=int(day))) for day in days]


def _carry(
    before: Cached | None, values: NDArray[Any], metrics: Sequence[str], listing_ids: Sequence[int], first: date,
    again_days: int,
) -> tuple[IntArray, date]:  # fmt: skip
    """Copy what is known and cannot change, and return of which rows, and from which day on they are to be read."""
    nothing = np.empty(0, dtype=np.int64)
    if (
        before is None
        or before.metrics != tuple(metrics)
        or before.values.dtype != values.dtype
        or not len(before.days)
        or before.days[0] > np.datetime64(first)
    ):
        return nothing, first
    since = before.days[-1].item() - timedelta(days=again_days - 1)
    start = int((np.datetime64(first) - before.days[0]).astype(np.int64))
    count = min((since - first).days, values.shape[2])
    order = np.argsort(before.listing_ids, kind="stable")
    at = np.searchsorted(before.listing_ids, listing_ids, sorter=order)
    old = order[np.minimum(at, len(order) - 1)] if len(order) else nothing
    known = np.flatnonzero(before.listing_ids[old] == np.asarray(listing_ids)) if len(order) else nothing
    if count <= 0:
        return known, first
    for metric in range(len(metrics)):
        for part in range(0, len(known), LISTINGS_AT_ONCE):
            rows = known[part : part + LISTINGS_AT_ONCE]
            values[metric, rows, :count] = before.values[metric, old[rows], start : start + count]
    return known, since


def _read(
    store: MetricStore, tenant_id: int, metrics: Sequence[str], which: tuple[Sequence[int], IntArray],
    days: tuple[date, date, date], values: NDArray[Any],
) -> None:  # fmt: skip
    """Read some rows between two days, a few thousand listings at a time, so that no more than these are in memory."""
    listing_ids, rows = which
    first, since, last = days
    if since > last:
        return
    columns = slice((since - first).days, (last - first).days + 1)
    for part in range(0, len(rows), LISTINGS_AT_ONCE):
        some = rows[part : part + LISTINGS_AT_ONCE]
        told = store.read(tenant_id, metrics, [int(listing_ids[row]) for row in some], since, last)
        for at, metric in enumerate(metrics):
            values[at, some, columns] = told.values[metric]
