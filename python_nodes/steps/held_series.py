"""Series as a sweep reads them: out of mapped files that hold what the store said, brought up to what it says now.

What little was written since is read beside a file, more is brought into it. The files lie beside the raw archive, one
for each block of listings and set of metrics, and may be deleted at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from python_nodes import log
from python_nodes.domain.metrics import FloatArray, IntArray, MetricMatrix, MetricStore, Rewritten
from python_nodes.scoring import matrix_cache
from python_nodes.steps.services import Services

BLOCK = 2_000
"""Listings whose ids lie this close share a file, whichever of them are asked for together."""
FEWEST_VALUES = 20_000
"""Less than this the store gives faster than a file is brought up to it."""
BESIDE = 2_000
"""So few values that were written since are read of the store each time, before a file is written for them."""
SPARE_DAYS = 30
"""A window that moves on leaves so many days behind before a file is cut to it."""
_KIND = "<f8"
Late = list[tuple[IntArray, date]]
"""Places among the listings asked for, and from which day on the store says more of them than the file."""


@dataclass(frozen=True, slots=True)
class HeldSeries:
    """Reads as ``metrics`` does, to the same values, most of them from files under ``root``."""

    metrics: MetricStore
    root: Path
    fewest_values: int = FEWEST_VALUES
    beside: int = BESIDE

    def read(
        self, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date
    ) -> MetricMatrix:
        """Both ends inclusive. Where several sources tell the same point, the newest ``as_of_at`` wins."""
        n_days = (end - start).days + 1
        if len(metrics) * len(listing_ids) * n_days < self.fewest_values:
            return self.metrics.read(tenant_id, metrics, listing_ids, start, end)
        wanted = np.asarray(listing_ids, dtype=np.int64)
        values = {name: np.full((len(wanted), n_days), np.nan) for name in metrics}
        with log.stage("held_series", tenant_id=tenant_id) as facts:
            for block in np.unique(wanted // BLOCK).tolist():
                rows = np.flatnonzero(wanted // BLOCK == block)
                path = self._path(tenant_id, metrics, n_days, block)
                self._fill(
                    tenant_id, path, wanted[rows], (start, end), {name: (values[name], rows) for name in metrics}
                )
            facts.update(listings=len(wanted), metrics=len(metrics), days=n_days)
        days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
        return MetricMatrix(listing_ids=wanted, days=days, values=values)

    def _path(self, tenant_id: int, metrics: Sequence[str], n_days: int, block: int) -> Path:
        # A file serves reads of one kind only, so that its window moves on with them and no other pulls it back.
        kind = hashlib.sha256(",".join([str(n_days), *metrics]).encode()).hexdigest()[:12]
        return self.root / str(tenant_id) / f"{kind}-{block}.matrix"

    def _fill(
        self, tenant_id: int, path: Path, listing_ids: IntArray, span: tuple[date, date],
        into: dict[str, tuple[FloatArray, IntArray]],
    ) -> None:  # fmt: skip
        try:
            held, late = self._brought_up(tenant_id, path, tuple(into), listing_ids, span)
        except OSError as error:
            hint = f"make room at {path.parent} or let the worker write there; until then all is read from the store"
            log.get("held_series").warning("not_held", tenant_id=tenant_id, reason=error.strerror, hint=hint)
            told = self.metrics.read(tenant_id, tuple(into), listing_ids.tolist(), *span)
            for name, (values, rows) in into.items():
                values[rows] = told.values[name]
            return
        at = np.searchsorted(held.listing_ids, listing_ids)
        first = int((np.datetime64(span[0]) - held.days[0]).astype(np.int64))
        days = slice(first, first + (span[1] - span[0]).days + 1)
        for name, (values, rows) in into.items():
            values[rows] = held.of(name)[at, days]
        for some, begin in late:
            told = self.metrics.read(tenant_id, tuple(into), listing_ids[some].tolist(), begin, span[1])
            for name, (values, rows) in into.items():
                values[rows[some], (begin - span[0]).days :] = told.values[name]

    def _brought_up(
        self, tenant_id: int, path: Path, metrics: Sequence[str], listing_ids: IntArray, span: tuple[date, date]
    ) -> tuple[matrix_cache.Cached, Late]:
        """Return the file with what the store says now, for these listings and all that it had before.

        But for the little that is to be read beside it.
        """
        with _alone(path):
            before = matrix_cache.load(path)
            changes = self.metrics.changes(tenant_id, before.mark if before else None)
            if before is None or changes.rewritten is None:
                wanted, first, last = np.unique(listing_ids), *span
            else:
                wanted = np.union1d(before.listing_ids, listing_ids)
                first, last = _window((before.days[0].item(), before.days[-1].item()), span)
                is_whole = first == before.days[0].item() and last == before.days[-1].item()
                late = _late(changes.rewritten, listing_ids, span)
                count = len(metrics) * sum(len(some) * ((span[1] - begin).days + 1) for some, begin in late)
                if is_whole and len(wanted) == len(before.listing_ids) and count <= self.beside:
                    return before, late
            ids = wanted.tolist()
            held = matrix_cache.refresh(
                path, self.metrics, tenant_id, metrics, ids, (first, last), kind=_KIND, changes=changes
            )
            return held, []


def of(services: Services) -> HeldSeries:
    """Return the worker's own, beside the raw archive."""
    return HeldSeries(services.metrics, services.archive.root / "series")


def _late(told: Sequence[Rewritten], listing_ids: IntArray, span: tuple[date, date]) -> Late:
    """Return which of the asked listings were written from which day on."""
    found = matrix_cache.rewritten(told, listing_ids, np.arange(len(listing_ids)), span[0])
    return [(some, begin) for some, begin in found if begin <= span[1]]


def _window(held: tuple[date, date], asked: tuple[date, date]) -> tuple[date, date]:
    """Return the days to hold: all that are asked for and all that are held, but for those left far behind."""
    first = asked[0] if (asked[0] - held[0]).days > SPARE_DAYS else min(held[0], asked[0])
    last = asked[1] if asked[1] < held[0] else max(held[1], asked[1])
    return first, last


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process or thread brings this file up."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
