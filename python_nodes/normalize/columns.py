"""Checks on whole columns: the same rules as for records, by the hundred thousand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from python_nodes.domain.columns import BookingColumns, ObjectArray, PerformanceColumns
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray, MetricPoints
from python_nodes.domain.money import known_currencies
from python_nodes.domain.records import Rejected
from python_nodes.normalize.index import CLOCK_SKEW, PortfolioIndex

BoolArray = NDArray[np.bool_]
Problem = tuple[str, str]
MAX_STAY_NIGHTS = 730


def normalize_performance_columns(
    columns: PerformanceColumns, index: PortfolioIndex, as_of: datetime
) -> tuple[PerformanceColumns, list[Rejected]]:
    """Keep the rows that can be used; of a (listing, day) told twice the latest report's row."""
    reason = performance_reasons(columns, index, as_of)
    bad = _rejected_rows(reason, columns, "performance")
    keep = np.flatnonzero(_is_none(reason))
    order = keep[np.argsort(columns.as_of_at[keep], kind="stable")]
    place = index.positions(columns.listing_external_id[order])
    latest = _last_of_each(place, columns.day_date[order].astype(np.int64))
    return _take_performance(columns, np.sort(order[latest])), bad


def normalize_booking_columns(
    columns: BookingColumns, index: PortfolioIndex, as_of: datetime
) -> tuple[BookingColumns, list[Rejected]]:
    """Columnar ``normalize_bookings``."""
    nights = (columns.check_out_date - columns.check_in_date).astype(np.int64)
    now = np.datetime64(naive_utc(as_of + CLOCK_SKEW), "s")
    reason = _reasons(
        len(columns),
        (
            (index.positions(columns.listing_external_id) < 0, "listing_external_id", "unknown listing"),
            (_unknown_currency(columns.currency), "currency", "unknown currency"),
            (columns.total_amount_minor < 0, "total_amount_minor", "negative price"),
            (columns.booked_at > now, "booked_at", "booked in the future"),
            (columns.cancelled_at < columns.booked_at, "cancelled_at", "cancelled before it was booked"),
            ((nights <= 0) | (nights > MAX_STAY_NIGHTS), "check_out_date", "not a stay of 1 to 730 nights"),
        ),
    )
    bad = _rejected_rows(reason, columns, "reservation_history")
    keep = np.flatnonzero(_is_none(reason))
    _, name = np.unique(columns.external_id[keep].astype(str), return_inverse=True)
    rows = np.sort(keep[_last_of_each(name.astype(np.int64), columns.source_version[keep])])
    return _take_bookings(columns, rows), bad


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
    expected = objects(index.listings[at].currency if at >= 0 else "" for at in place)
    views, impressions, bookings = columns.listing_views, columns.search_impressions, columns.bookings
    return _reasons(
        len(columns),
        (
            (place < 0, "listing_external_id", "unknown listing"),
            (_unknown_currency(columns.currency), "currency", "unknown currency"),
            ((place >= 0) & (columns.currency != expected), "currency", "not the property's currency"),
            (impressions < 0, "search_impressions", "negative"),
            (views < 0, "listing_views", "negative"),
            (bookings < 0, "bookings", "negative"),
            (columns.revenue_minor < 0, "revenue_minor", "negative"),
            (views > impressions, "listing_views", "more views than impressions"),
            (bookings > views, "bookings", "more bookings than views"),
            (columns.day_date > _local_days(index, as_of)[place], "day_date", "in the future"),
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


def _reasons(count: int, checks: Sequence[tuple[BoolArray, str, str]]) -> ObjectArray:
    """The first failing check of each row, so that a row is rejected once."""
    found = np.full(count, None, dtype=object)
    for failed, field, reason in reversed(checks):
        for row in np.flatnonzero(failed):
            found[row] = (field, reason)
    return found


def _is_none(reason: ObjectArray) -> BoolArray:
    return np.fromiter((one is None for one in reason), dtype=np.bool_, count=len(reason))


def _rejected_rows(reason: ObjectArray, columns: PerformanceColumns | BookingColumns, operation: str) -> list[Rejected]:
    where = (columns.source, operation, columns.raw_id)
    return [rejected(reason[row], where, columns.raw_row(int(row))) for row in np.flatnonzero(~_is_none(reason))]


def _unknown_currency(currency: ObjectArray) -> BoolArray:
    known = {code: code in known_currencies() for code in set(currency.tolist())}
    return np.fromiter((not known[code] for code in currency), dtype=np.bool_, count=len(currency))


def _local_days(index: PortfolioIndex, as_of: datetime) -> DayArray:
    """Today at each listing; the extra last element serves position -1, an unknown listing."""
    today = {zone: as_of.astimezone(ZoneInfo(zone)).date() for zone in {one.timezone for one in index.listings}}
    days = [today[listing.timezone] for listing in index.listings]
    return np.array([*days, as_of.astimezone(UTC).date()], dtype="datetime64[D]")


def _last_of_each(first_key: IntArray, second_key: IntArray) -> IntArray:
    """Rows that are the last of their (first, second) key, in any order."""
    if not len(first_key):
        return np.empty(0, dtype=np.int64)
    pairs = np.stack([first_key[::-1], second_key[::-1]])
    _, at = np.unique(pairs, axis=1, return_index=True)
    return np.asarray(len(first_key) - 1 - at, dtype=np.int64)


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    result = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


def _take_performance(columns: PerformanceColumns, rows: IntArray) -> PerformanceColumns:
    return PerformanceColumns(
        source=columns.source,
        raw_id=columns.raw_id,
        listing_external_id=columns.listing_external_id[rows],
        day_date=columns.day_date[rows],
        search_impressions=columns.search_impressions[rows],
        listing_views=columns.listing_views[rows],
        bookings=columns.bookings[rows],
        revenue_minor=columns.revenue_minor[rows],
        currency=columns.currency[rows],
        as_of_at=columns.as_of_at[rows],
        observed_at=columns.observed_at,
        raw_row=lambda row: columns.raw_row(int(rows[row])),
    )


def _take_bookings(columns: BookingColumns, rows: IntArray) -> BookingColumns:
    return BookingColumns(
        source=columns.source,
        raw_id=columns.raw_id,
        external_id=columns.external_id[rows],
        source_version=columns.source_version[rows],
        source_updated_at=columns.source_updated_at[rows],
        listing_external_id=columns.listing_external_id[rows],
        rate_plan_external_id=columns.rate_plan_external_id[rows],
        check_in_date=columns.check_in_date[rows],
        check_out_date=columns.check_out_date[rows],
        booked_at=columns.booked_at[rows],
        cancelled_at=columns.cancelled_at[rows],
        total_amount_minor=columns.total_amount_minor[rows],
        currency=columns.currency[rows],
        status=columns.status[rows],
        guest_name=columns.guest_name[rows],
        raw_row=lambda row: columns.raw_row(int(rows[row])),
    )
