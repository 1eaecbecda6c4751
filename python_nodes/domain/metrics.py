"""Columnar exchange of metrics between stages and the metric store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
DayArray = NDArray[np.datetime64]

METRICS: tuple[str, ...] = (
    "search_impressions", "listing_views", "click_through_rate", "conversion_rate", "booking_velocity",
    "search_rank", "competitor_price", "review_score", "availability", "listed_price",
    "occupancy", "adr", "revpar", "pickup_nights", "lead_time_days", "los_nights",
)  # fmt: skip
"""Every metric's column name, in the order of the wide row; units and definitions stand in docs/glossary.md."""


@dataclass(frozen=True, slots=True)
class MetricPoints:
    """``n`` rows of one source: ``values[metric]`` has shape (n,), NaN where the source did not tell.

    ``listing_id`` (n,) int64; ``day_date`` (n,) datetime64[D], property-local; ``as_of_at`` UTC-aware.
    """

    listing_id: IntArray
    day_date: DayArray
    source: str
    as_of_at: datetime
    values: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class MetricMatrix:
    """``values[metric]`` has shape (len(listing_ids), len(days)); NaN is missing. ``days`` is contiguous, ascending."""

    listing_ids: IntArray
    days: DayArray
    values: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class BandMatrix:
    """What was expected of each metric and day, and the band around it that one value in a hundred leaves.

    ``expected[metric]``, ``lower[metric]`` and ``upper[metric]`` have shape (len(listing_ids), len(days)), in the
    metric's own unit; NaN, in all three at once, where nothing is known. ``days`` is contiguous, ascending.
    """

    listing_ids: IntArray
    days: DayArray
    expected: Mapping[str, FloatArray]
    lower: Mapping[str, FloatArray]
    upper: Mapping[str, FloatArray]

    def known(self, metric: str) -> NDArray[np.bool_]:
        """Return which (listing, day) of a metric are told whole."""
        parts = (self.expected[metric], self.lower[metric], self.upper[metric])
        return np.asarray(np.logical_and.reduce([np.isfinite(one) for one in parts]))


@dataclass(frozen=True, slots=True)
class Settled:
    """What a store made up for: reports that had waited, and hourly readings made."""

    drained: int
    hourly: int


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Days, both ends inclusive, of which something was written; ``listing_ids`` None stands for every listing."""

    listing_ids: IntArray | None
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Changes:
    """What was written after a mark, and the ``mark`` by which to ask the next time.

    ``rewritten`` is None where that is no longer known: then anything may have been.
    """

    mark: str
    rewritten: tuple[Rewritten, ...] | None


class MetricStore(Protocol):
    """Where series live. Implementations pass tests/conformance/test_metric_store.py."""

    name: str
    """What the store is called where stores are listed."""

    def write(self, tenant_id: int, points: MetricPoints) -> int:
        """Upsert by (listing, day, source): a told value replaces, NaN keeps, an older ``as_of_at`` never wins.

        Returns the number of rows sent. Idempotent.
        """
        ...

    def read(
        self, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date
    ) -> MetricMatrix:
        """Both ends inclusive. Where several sources tell the same point, the newest ``as_of_at`` wins."""
        ...

    def told_by(self, tenant_id: int, listing_id: int, start: date, end: date) -> list[MetricPoints]:
        """All that is told of one listing, both ends inclusive: a block for each source and as-of time, oldest first.

        A value stands under the as-of time of its row: the last report of that source about that day.
        """
        ...

    def last_told_day(self, tenant_id: int, metric: str, listing_ids: Sequence[int], until: date) -> DayArray:
        """Return (len(listing_ids),) datetime64[D]: the last day up to ``until`` that tells ``metric``, or NaT."""
        ...

    def changes(self, tenant_id: int, since: str | None) -> Changes:
        """Tell what was written after a mark of ``changes``; None for a first mark.

        What is read after this is at least as new as the mark that it gave: a write that it does not tell yet is told
        the next time, so that whoever keeps what was read, and reads again what is told, has what ``read`` gives.
        """
        ...

    def count(self, tenant_id: int) -> tuple[int, int]:
        """Return (values held, series): a series is a listing and a metric with any value.

        A store that keeps what a later report replaced counts that among its values too.
        """
        ...

    def write_bands(self, tenant_id: int, bands: BandMatrix) -> int:
        """Keep what was expected; what was told of the same listing, metric and day is replaced.

        Returns the number of (listing, metric, day) sent: those that are known. Idempotent.
        """
        ...

    def read_bands(
        self, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date
    ) -> BandMatrix:
        """Both ends inclusive; NaN where nothing is kept."""
        ...

    def settle(self, tenant_id: int, since: datetime, until: datetime) -> Settled:
        """Write what still waits to be written, and thin out what was told between two moments. Idempotent."""
        ...

    def ping(self) -> None:
        """Raise ``RetryableError`` if the store does not answer, ``PermanentError`` if it is not set up."""
        ...
