"""Checks on single records; a record that cannot be used is quarantined with a reason that names its field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar

import numpy as np

from python_nodes.domain.columns import PerformanceColumns
from python_nodes.domain.money import known_currencies
from python_nodes.domain.records import BookingRecord, PerformanceRecord, Rejected
from python_nodes.normalize.columns import MAX_STAY_NIGHTS, Problem, naive_utc, objects, performance_reasons, rejected
from python_nodes.normalize.index import CLOCK_SKEW, PortfolioIndex

Record = TypeVar("Record", BookingRecord, PerformanceRecord)
EARLY: Problem = ("booked_at", "booked in the future")


def normalize_bookings(
    records: Sequence[BookingRecord],
    index: PortfolioIndex,
    as_of: datetime,
    raw_of: Callable[[BookingRecord], bytes] | None = None,
) -> tuple[list[BookingRecord], list[Rejected]]:
    """Keep the bookings that can be used; a revision told twice is kept once, silently.

    ``raw_of`` gives what came for a record (a vendor's ``raw_<record>``), so that a rejected one can be replayed.
    """
    seen: set[tuple[str, str, int]] = set()
    unique = []
    for record in records:
        key = (record.origin.source, record.origin.external_id, record.origin.source_version)
        if key not in seen:
            seen.add(key)
            unique.append(record)

    def problem(record: BookingRecord) -> Problem | None:
        nights = (record.check_out_date - record.check_in_date).days
        checks = (
            (record.listing_external_id not in index.position, "listing_external_id", "unknown listing"),
            (record.currency not in known_currencies(), "currency", "unknown currency"),
            (record.total_amount_minor < 0, "total_amount_minor", "negative price"),
            (record.booked_at > as_of + CLOCK_SKEW, *EARLY),
            (record.cancelled_at is not None and record.cancelled_at < record.booked_at, "cancelled_at",
             "cancelled before it was booked"),
            (not 0 < nights <= MAX_STAY_NIGHTS, "check_out_date", f"{nights} nights"),
        )  # fmt: skip
        return _first(checks)

    return _part(unique, problem, lambda one: (one.origin.source, "reservations", one.origin.raw_id), raw_of)


def is_early(one: Rejected) -> bool:
    """Whether a booking is rejected for nothing but the moment at which it was looked at: later it is a good one."""
    return (one.field, one.reason) == (EARLY[0], ": ".join(EARLY))


def normalize_performance(
    records: Sequence[PerformanceRecord], index: PortfolioIndex, as_of: datetime
) -> tuple[list[PerformanceRecord], list[Rejected]]:
    """Keep the days that can be used; the same rules as ``normalize_performance_columns``."""

    def count(value: int | None) -> float:
        return np.nan if value is None else float(value)

    columns = PerformanceColumns(
        source="",
        raw_id=None,
        listing_external_id=objects(one.listing_external_id for one in records),
        day_date=np.array([one.day_date for one in records], dtype="datetime64[D]"),
        search_impressions=np.array([count(one.search_impressions) for one in records], dtype=np.float64),
        listing_views=np.array([count(one.listing_views) for one in records], dtype=np.float64),
        bookings=np.array([count(one.bookings) for one in records], dtype=np.float64),
        revenue_minor=np.array([count(one.revenue_minor) for one in records], dtype=np.float64),
        currency=objects(one.currency for one in records),
        as_of_at=np.array([naive_utc(one.as_of_at) for one in records], dtype="datetime64[s]"),
        observed_at=as_of,
        raw_row=lambda row: _as_json(records[row]),
    )
    reason = performance_reasons(columns, index, as_of)
    good = [one for one, told in zip(records, reason, strict=True) if told is None]
    bad = [
        rejected(told, (one.source, "performance", one.raw_id), _as_json(one))
        for one, told in zip(records, reason, strict=True)
        if told
    ]
    return good, bad


def _first(checks: Iterable[tuple[bool, str, str]]) -> Problem | None:
    return next(((field, reason) for failed, field, reason in checks if failed), None)


def _part(
    records: Sequence[Record],
    problem: Callable[[Record], Problem | None],
    where: Callable[[Record], tuple[str, str, int | None]],
    raw_of: Callable[[Record], bytes] | None,
) -> tuple[list[Record], list[Rejected]]:
    good: list[Record] = []
    bad: list[Rejected] = []
    for record in records:
        told = problem(record)
        if told is None:
            good.append(record)
        else:
            bad.append(rejected(told, where(record), (raw_of or _as_json)(record)))
    return good, bad


def _as_json(record: BookingRecord | PerformanceRecord) -> bytes:
    return json.dumps(asdict(record), default=str).encode()
