"""Columns and records of bookings from what a vendor's mapping read reservation by reservation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np

from python_nodes.domain.columns import BookingColumns, ObjectArray, RawRow, SecondArray
from python_nodes.domain.records import BookingRecord, BookingStatus, External

NOT_A_TIME = np.datetime64("NaT", "s")
_NOT_A_TIME_S = int(NOT_A_TIME.astype(np.int64))


class Sale(NamedTuple):
    """What one document tells of one booking, moments in UTC; a tuple, for they come by the hundred thousand."""

    external_id: str
    updated_at: datetime
    listing_external_id: str
    rate_plan_external_id: str | None
    check_in_date: date
    check_out_date: date
    booked_at: datetime
    cancelled_at: datetime | None
    total_amount_minor: int
    currency: str
    status: BookingStatus
    guest_name: str | None


def booking_columns(sales: Sequence[Sale], *, source: str, raw_id: int | None, raw_row: RawRow) -> BookingColumns:
    """One row a sale, in the same order; ``raw_row`` gives row ``i`` as a document that maps again by itself.

    A version is the second of the last change.
    """
    told: dict[str, Sequence[Any]] = (
        dict(zip(Sale._fields, zip(*sales, strict=True), strict=True)) if sales else dict.fromkeys(Sale._fields, ())
    )
    updated_at = seconds(told["updated_at"])
    return BookingColumns(
        source=source,
        raw_id=raw_id,
        external_id=_objects(told["external_id"]),
        source_version=updated_at.astype(np.int64),
        source_updated_at=updated_at,
        listing_external_id=_objects(told["listing_external_id"]),
        rate_plan_external_id=_objects(told["rate_plan_external_id"]),
        check_in_date=np.array(told["check_in_date"], dtype="datetime64[D]"),
        check_out_date=np.array(told["check_out_date"], dtype="datetime64[D]"),
        booked_at=seconds(told["booked_at"]),
        cancelled_at=seconds(told["cancelled_at"]),
        total_amount_minor=np.array(told["total_amount_minor"], dtype=np.int64),
        currency=_objects(told["currency"]),
        status=_objects(told["status"]),
        guest_name=_objects(told["guest_name"]),
        raw_row=raw_row,
    )


def booking_records(sales: Iterable[Sale], *, source: str, raw_id: int | None) -> list[BookingRecord]:
    """One record a sale."""
    return [
        BookingRecord(
            origin=External(
                source=source,
                external_id=sale.external_id,
                source_version=int(sale.updated_at.timestamp()),
                source_updated_at=sale.updated_at,
                raw_id=raw_id,
            ),
            listing_external_id=sale.listing_external_id,
            rate_plan_external_id=sale.rate_plan_external_id,
            check_in_date=sale.check_in_date,
            check_out_date=sale.check_out_date,
            booked_at=sale.booked_at,
            cancelled_at=sale.cancelled_at,
            total_amount_minor=sale.total_amount_minor,
            currency=sale.currency,
            status=sale.status,
            guest_name=sale.guest_name,
        )
        for sale in sales
    ]


def seconds(moments: Sequence[datetime | None]) -> SecondArray:
    """Moments with a zone as UTC, NaT where there is none."""
    told = [_NOT_A_TIME_S if one is None else int(one.timestamp()) for one in moments]
    return np.array(told, dtype=np.int64).view("datetime64[s]")


def _objects(values: Sequence[str | None]) -> ObjectArray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
