"""Checks on whole columns: the same rules as for records, by the hundred thousand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from python_nodes.domain.columns import AriColumns, BookingColumns, BoolArray, ObjectArray, PerformanceColumns
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray, MetricPoints
from python_nodes.domain.money import known_currencies
from python_nodes.domain.records import Rejected
from python_nodes.normalize.index import CLOCK_SKEW, PortfolioIndex

Columns = TypeVar("Columns", AriColumns, BookingColumns, PerformanceColumns)
Problem = tuple[str, str]
MAX_STAY_NIGHTS = 730


def normalize_performance_columns(
    columns: PerformanceColumns, index: PortfolioIndex, as_of: datetime
) -> tuple[PerformanceColumns, list[Rejected]]:
    """Keep the rows that can be used; of a (listing, day) told twice the latest report's row."""
    reason = performance_reasons(columns, index, as_of)
    bad = rejected_rows(reason, columns, "performance")
    keep = np.flatnonzero(is_none(reason))
    order = keep[np.argsort(columns.as_of_at[keep], kind="stable")]
    place = index.positions(columns.listing_external_id[order])
    latest = last_of_each(place, columns.day_date[order].astype(np.int64))
    return take(columns, np.sort(order[latest])), bad


def normalize_booking_columns(
    columns: BookingColumns, index: PortfolioIndex, as_of: datetime
) -> tuple[BookingColumns, list[Rejected]]:
    """Columnar ``normalize_bookings``."""
    nights = (columns.check_out_date - columns.check_in_date).astype(np.int64)
    now = np.datetime64(naive_utc(as_of + CLOCK_SKEW), "s")
    reason = reasons(
        len(columns),
        (
            (index.positions(columns.listing_external_id) < 0, "listing_external_id", "unknown listing"),
            (unknown_currency(columns.currency), "currency", "unknown currency"),
            (columns.total_amount_minor < 0, "total_amount_minor", "negative price"),
            (columns.booked_at > now, "booked_at", "booked in the future"),
            (columns.cancelled_at < columns.booked_at, "cancelled_at", "cancelled before it was booked"),
            ((nights <= 0) | (nights > MAX_STAY_NIGHTS), "check_out_date", "not a stay of 1 to 730 nights"),
        ),
    )
    bad = rejected_rows(reason, columns, "reservation_history")
    keep = np.flatnonzero(is_none(reason))
    rows = np.sort(keep[last_of_each(codes(columns.external_id[keep]), columns.source_version[keep])])
    return take(columns, rows), bad


def performance_points(columns: PerformanceColumns, index: PortfolioIndex, as_of: datetime) -> MetricPoints:
    """The funnel's metrics of normalized columns; a ratio over zero is missing, not zero.

    ``adr`` is not here: the report tells revenue by booking day but no nights.
    """
    views, impressions, bookings = columns.listing_views, columns.search_impressions, columns.bookings
    return MetricPoints(
        listing_id=index.listing_id[index.positions(columns.listing_external_id)],
        day_date=columns.day_date,
        source=columns.source,
        as_of_at=as_of,
        values={
            "search_impressions": impressions,
            "listing_views": views,
            "click_through_rate": _ratio(views, impressions),
            "conversion_rate": _ratio(bookings, views),
            "booking_velocity": bookings,
        },
    )


def performance_reasons(columns: PerformanceColumns, index: PortfolioIndex, as_of: datetime) -> ObjectArray:
    """What is wrong with each row, None where nothing is."""
    place = index.positions(columns.listing_external_id)
    views, impressions, bookings = columns.listing_views, columns.search_impressions, columns.bookings
    return reasons(
        len(columns),
        (
            (place < 0, "listing_external_id", "unknown listing"),
            (unknown_currency(columns.currency), "currency", "unknown currency"),
            ((place >= 0) & (columns.currency != currencies(index, place)), "currency", "not the property's currency"),
            (impressions < 0, "search_impressions", "negative"),
            (views < 0, "listing_views", "negative"),
            (bookings < 0, "bookings", "negative"),
            (columns.revenue_minor < 0, "revenue_minor", "negative"),
            (views > impressions, "listing_views", "more views than impressions"),
            (bookings > views, "bookings", "more bookings than views"),
            (columns.day_date > local_days(index, as_of)[place], "day_date", "in the future"),
            (
                columns.as_of_at > np.datetime64(naive_utc(as_of + CLOCK_SKEW), "s"),
                "as_of_at",
                "reported in the future",
            ),
        ),
    )


def rejected(problem: Problem, where: tuple[str, str, int | None], raw: bytes) -> Rejected:
    """Build the quarantine's entry; ``where`` is (source, operation, raw id)."""
    field, reason = problem
    source, operation, raw_id = where
    return Rejected(
        source=source, operation=operation, reason=f"{field}: {reason}", field=field, raw=raw, raw_id=raw_id
    )


def objects(values: Iterable[str]) -> ObjectArray:
    """An object array of texts, one-dimensional also where it is empty."""
    listed = list(values)
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


def naive_utc(moment: datetime) -> datetime:
    """UTC without its zone, as numpy wants it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def reasons(count: int, checks: Sequence[tuple[BoolArray, str, str]]) -> ObjectArray:
    """The first failing check of each row, so that a row is rejected once."""
    found = np.full(count, None, dtype=object)
    for failed, field, reason in reversed(checks):
        for row in np.flatnonzero(failed):
            found[row] = (field, reason)
    return found


def is_none(reason: ObjectArray) -> BoolArray:
    """Rows that nothing is wrong with."""
    return np.array([one is None for one in reason.tolist()], dtype=np.bool_)


def rejected_rows(reason: ObjectArray, columns: Columns, operation: str) -> list[Rejected]:
    """The quarantine's entries of the rows with a reason."""
    where = (columns.source, operation, columns.raw_id)
    return [rejected(reason[row], where, columns.raw_row(int(row))) for row in np.flatnonzero(~is_none(reason))]


def unknown_currency(currency: ObjectArray) -> BoolArray:
    """Rows whose currency is no ISO 4217 code."""
    told = currency.tolist()
    unknown = {code: code not in known_currencies() for code in set(told)}
    return np.fromiter(map(unknown.__getitem__, told), dtype=np.bool_, count=len(told))


def local_days(index: PortfolioIndex, as_of: datetime) -> DayArray:
    """Return today at each listing; the extra last element serves position -1, an unknown listing."""
    today = {zone: as_of.astimezone(ZoneInfo(zone)).date() for zone in {one.timezone for one in index.listings}}
    days = [today[listing.timezone] for listing in index.listings]
    return np.array([*days, as_of.astimezone(UTC).date()], dtype="datetime64[D]")


def last_of_each(*keys: IntArray) -> IntArray:
    """Rows that are the last of their key, in the key's order."""
    order = np.lexsort(keys)
    ends = np.ones(len(order), dtype=np.bool_)
    if len(order):
        ends[:-1] = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    return order[ends]


def codes(names: ObjectArray) -> IntArray:
    """A number for each name, the same for the same name."""
    told = names.tolist()
    number = {name: at for at, name in enumerate(dict.fromkeys(told))}
    return np.fromiter(map(number.__getitem__, told), dtype=np.int64, count=len(told))


def take(columns: Columns, rows: IntArray) -> Columns:
    """Some rows of every column."""
    told = {field.name: getattr(columns, field.name) for field in fields(columns)}
    chosen: dict[str, Any] = {name: values[rows] for name, values in told.items() if isinstance(values, np.ndarray)}
    return replace(columns, **chosen, raw_row=lambda row: columns.raw_row(int(rows[row])))


def currencies(index: PortfolioIndex, positions: IntArray) -> ObjectArray:
    """The properties' own currency at each position; '' for an unknown listing."""
    return index.currency[positions]


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    result = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result
