"""Maps Booking.com's extranet reports (CSV) to columns; a row that cannot be read is rejected, the rest goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import numpy as np
import polars as pl

from python_nodes.domain.columns import BookingColumns, PerformanceColumns
from python_nodes.domain.money import MAX_MINOR, currency_digits
from python_nodes.domain.records import BookingRecord, BookingStatus, External, PerformanceRecord, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.csv_table import day, moment, part_rows, read_table, row_document

PERFORMANCE_FIELDS = (
    "date", "property_id", "room_id", "search_views", "page_views", "bookings", "revenue", "currency",
    "report_created_at",
)  # fmt: skip
RESERVATION_FIELDS = (
    "reservation_id", "property_id", "room_id", "rate_id", "status", "booked_at", "cancelled_at", "checkin",
    "checkout", "guest_name", "total_price", "currency", "modified_at",
)  # fmt: skip
STATUSES = {
    "ok": "confirmed", "confirmed": "confirmed", "checked_in": "checked_in", "checked_out": "checked_out",
    "cancelled": "cancelled", "cancelled_by_guest": "cancelled", "no_show": "no_show",
}  # fmt: skip
MAX_COUNT = 10**9


def map_performance_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[PerformanceColumns, list[Rejected]]:
    """The performance report as columns; empty counts are missing, not zero."""
    frame, bad = read_table(content, PERFORMANCE_FIELDS, source=source, operation="performance", raw_id=raw_id)
    counts = ("search_views", "page_views", "bookings")
    checked = frame.with_columns(
        day("date").alias("date!"),
        moment("report_created_at").alias("report_created_at!"),
        *(pl.col(name).cast(pl.Float64, strict=False).alias(f"{name}!") for name in counts),
        _minor("revenue", frame["currency"]).alias("revenue!"),
    )
    reasons = (
        _unread("date", optional=False),
        pl.when(pl.col("room_id").is_null()).then(pl.lit("room_id")),
        *(pl.when(_is_no_count(name)).then(pl.lit(name)) for name in counts),
        _unread("revenue", optional=True),
        _unread("report_created_at", optional=False),
    )
    good, kept = part_rows(checked, reasons, bad, source=source, operation="performance", raw_id=raw_id)
    columns = PerformanceColumns(
        source=source,
        raw_id=raw_id,
        listing_external_id=good["room_id"].to_numpy().astype(object),
        day_date=good["date!"].to_numpy().astype("datetime64[D]"),
        search_impressions=good["search_views!"].to_numpy().astype(np.float64),
        listing_views=good["page_views!"].to_numpy().astype(np.float64),
        bookings=good["bookings!"].to_numpy().astype(np.float64),
        revenue_minor=good["revenue!"].to_numpy().astype(np.float64),
        currency=good["currency"].fill_null("").to_numpy().astype(object),
        as_of_at=good["report_created_at!"].to_numpy().astype("datetime64[s]"),
        observed_at=observed_at,
        raw_row=lambda row: row_document(kept, row),
    )
    return columns, bad


def map_reservation_history_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[BookingColumns, list[Rejected]]:
    """The reservations report as columns."""
    operation = "reservation_history"
    frame, bad = read_table(content, RESERVATION_FIELDS, source=source, operation=operation, raw_id=raw_id)
    moments, days = ("booked_at", "cancelled_at", "modified_at"), ("checkin", "checkout")
    checked = frame.with_columns(
        *(moment(name).alias(f"{name}!") for name in moments),
        *(day(name).alias(f"{name}!") for name in days),
        pl.col("status").str.to_lowercase().replace_strict(STATUSES, default=None).alias("status!"),
        _minor("total_price", frame["currency"]).alias("total_price!"),
    )
    cancelled_unsaid = (pl.col("status!") == "cancelled") & pl.col("cancelled_at!").is_null()
    reasons = (
        *(pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in ("reservation_id", "room_id")),
        *(_unread(name, optional=name == "cancelled_at") for name in (*moments, *days, "status", "total_price")),
        pl.when(cancelled_unsaid).then(pl.lit("cancelled_at")),
    )
    good, kept = part_rows(checked, reasons, bad, source=source, operation=operation, raw_id=raw_id)
    updated_at = good["modified_at!"].to_numpy().astype("datetime64[s]")
    columns = BookingColumns(
        source=source,
        raw_id=raw_id,
        external_id=good["reservation_id"].to_numpy().astype(object),
        source_version=updated_at.astype(np.int64),
        source_updated_at=updated_at,
        listing_external_id=good["room_id"].to_numpy().astype(object),
        rate_plan_external_id=good["rate_id"].to_numpy().astype(object),
        check_in_date=good["checkin!"].to_numpy().astype("datetime64[D]"),
        check_out_date=good["checkout!"].to_numpy().astype("datetime64[D]"),
        booked_at=good["booked_at!"].to_numpy().astype("datetime64[s]"),
        cancelled_at=good["cancelled_at!"].to_numpy().astype("datetime64[s]"),
        total_amount_minor=good["total_price!"].to_numpy().astype(np.int64),
        currency=good["currency"].fill_null("").to_numpy().astype(object),
        status=good["status!"].to_numpy().astype(object),
        guest_name=good["guest_name"].to_numpy().astype(object),
        raw_row=lambda row: row_document(kept, row),
    )
    return columns, bad


def map_performance(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[PerformanceRecord], list[Rejected]]:
    """The performance report as records; prefer the columns for whole reports."""
    columns, bad = map_performance_columns(content, source=source, observed_at=observed_at, raw_id=raw_id)
    records = [
        PerformanceRecord(
            source=source,
            listing_external_id=columns.listing_external_id[row],
            day_date=columns.day_date[row].item(),
            as_of_at=_utc(columns.as_of_at[row]),
            search_impressions=_whole(columns.search_impressions[row]),
            listing_views=_whole(columns.listing_views[row]),
            bookings=_whole(columns.bookings[row]),
            revenue_minor=_whole(columns.revenue_minor[row]),
            currency=columns.currency[row],
            raw_id=raw_id,
        )
        for row in range(len(columns))
    ]
    return records, bad


def map_reservation_history(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[BookingRecord], list[Rejected]]:
    """The reservations report as records."""
    columns, bad = map_reservation_history_columns(content, source=source, observed_at=observed_at, raw_id=raw_id)
    return booking_records(columns), bad


def booking_records(columns: BookingColumns) -> list[BookingRecord]:
    """One record a row."""
    updated, booked = columns.source_updated_at.tolist(), columns.booked_at.tolist()
    cancelled, amounts = columns.cancelled_at.tolist(), columns.total_amount_minor.tolist()
    versions, check_in, check_out = (
        columns.source_version.tolist(), columns.check_in_date.tolist(), columns.check_out_date.tolist(),
    )  # fmt: skip
    return [
        BookingRecord(
            origin=External(
                source=columns.source,
                external_id=columns.external_id[row],
                source_version=versions[row],
                source_updated_at=updated[row].replace(tzinfo=UTC),
                raw_id=columns.raw_id,
            ),
            listing_external_id=columns.listing_external_id[row],
            rate_plan_external_id=columns.rate_plan_external_id[row],
            check_in_date=check_in[row],
            check_out_date=check_out[row],
            booked_at=booked[row].replace(tzinfo=UTC),
            cancelled_at=cancelled[row].replace(tzinfo=UTC) if cancelled[row] else None,
            total_amount_minor=amounts[row],
            currency=columns.currency[row],
            status=cast(BookingStatus, columns.status[row]),
            guest_name=columns.guest_name[row],
        )
        for row in range(len(columns))
    ]


def _minor(name: str, currencies: pl.Series) -> pl.Expr:
    """Minor units as float64, null where unreadable or finer than the currency; exact up to 2**53."""
    digits = {code: _digits(code) for code in currencies.drop_nulls().unique().to_list()}
    factor = pl.col("currency").replace_strict({c: 10.0**d for c, d in digits.items()} or {"": 1.0}, default=100.0)
    scaled = pl.col(name).cast(pl.Float64, strict=False) * factor
    whole = scaled.round(0)
    fits = scaled.is_finite() & ((scaled - whole).abs() < 1e-3) & (whole.abs() <= MAX_MINOR)
    return pl.when(fits).then(whole)


def _digits(currency: str) -> int:
    try:
        return currency_digits(currency)
    except RejectedRecord:
        # Normalizing refuses the unknown currency and names it; here it must only not stop the other rows.
        return 2


def _unread(name: str, *, optional: bool) -> pl.Expr:
    unread = pl.col(f"{name}!").is_null()
    return pl.when(unread & pl.col(name).is_not_null() if optional else unread).then(pl.lit(name))


def _is_no_count(name: str) -> pl.Expr:
    value = pl.col(f"{name}!")
    readable = value.is_between(-MAX_COUNT, MAX_COUNT) & (value == value.floor())
    return pl.col(name).is_not_null() & ~readable.fill_null(False)


def _utc(moment: np.datetime64) -> datetime:
    return cast(datetime, moment.astype("datetime64[s]").item()).replace(tzinfo=UTC)


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else int(value)
