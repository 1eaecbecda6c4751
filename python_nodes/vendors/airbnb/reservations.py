"""Maps our assumed reservations to bookings; a version is the moment of the last change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from python_nodes.domain.columns import BookingColumns
from python_nodes.domain.guests import GuestSpan
from python_nodes.domain.records import BookingRecord, BookingStatus, External, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.airbnb.document import amount, day, moment, objects, read_items, text, wrapped
from python_nodes.vendors.guest_spans import JsonGuests

DOCUMENT = "reservations"
STATUSES: dict[str, BookingStatus] = {"accepted": "confirmed", "cancelled": "cancelled"}
Told = tuple[BookingRecord, Any]
_GUESTS = JsonGuests(
    id_key="confirmation_code", beside="confirmation_code",
    texts={"guest_name": "name", "guest_email": "email", "guest_phone": "phone", "guest_message": "words"},
)  # fmt: skip


def guest_spans(content: bytes, operation: str) -> list[GuestSpan] | None:
    """Where guests' own words are; None where they cannot be told apart."""
    return _GUESTS.spans(content) if operation in ("reservations", "reservation_history") else None


def map_reservations(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[BookingRecord], list[Rejected]]:
    """One record a reservation, as it stands now."""
    found, bad = _read(content, source, "reservations", raw_id)
    return [record for record, _ in found], bad


def map_reservation_history(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[BookingRecord], list[Rejected]]:
    """The same read, by booking date."""
    found, bad = _read(content, source, "reservation_history", raw_id)
    return [record for record, _ in found], bad


def map_reservation_history_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[BookingColumns, list[Rejected]]:
    """The same as columns."""
    found, bad = _read(content, source, "reservation_history", raw_id)
    records = [record for record, _ in found]
    updated_at = np.array([_naive(one.origin.source_updated_at) for one in records], dtype="datetime64[s]")
    columns = BookingColumns(
        source=source,
        raw_id=raw_id,
        external_id=objects(one.origin.external_id for one in records),
        source_version=np.array([one.origin.source_version for one in records], dtype=np.int64),
        source_updated_at=updated_at,
        listing_external_id=objects(one.listing_external_id for one in records),
        rate_plan_external_id=objects(one.rate_plan_external_id for one in records),
        check_in_date=np.array([one.check_in_date for one in records], dtype="datetime64[D]"),
        check_out_date=np.array([one.check_out_date for one in records], dtype="datetime64[D]"),
        booked_at=np.array([_naive(one.booked_at) for one in records], dtype="datetime64[s]"),
        cancelled_at=np.array([_naive(one.cancelled_at) for one in records], dtype="datetime64[s]"),
        total_amount_minor=np.array([one.total_amount_minor for one in records], dtype=np.int64),
        currency=objects(one.currency for one in records),
        status=objects(one.status for one in records),
        guest_name=objects(one.guest_name for one in records),
        raw_row=lambda row: wrapped(DOCUMENT, found[row][1]),
    )
    return columns, bad


def raw_reservation(content: bytes, record: BookingRecord) -> bytes:
    """The part of ``content`` that told ``record``, as a document that maps again by itself."""
    found, _ = _read(content, record.origin.source, "reservations", record.origin.raw_id)
    parts = [item for one, item in found if one.origin.external_id == record.origin.external_id]
    return wrapped(DOCUMENT, parts[-1]) if parts else content


def _read(content: bytes, source: str, operation: str, raw_id: int | None) -> tuple[list[Told], list[Rejected]]:
    def read(item: Any) -> Told:
        return _booking(item, source, raw_id), item

    return read_items(content, DOCUMENT, read, source=source, operation=operation, raw_id=raw_id)


def _booking(item: Any, source: str, raw_id: int | None) -> BookingRecord:
    code, currency, status = text(item, "confirmation_code"), text(item, "currency"), text(item, "status")
    if status not in STATUSES:
        raise RejectedRecord(f"status: {status[:20]!r} is not one of {', '.join(STATUSES)}", field="status")
    updated_at = moment(item, "updated_at")
    return BookingRecord(
        origin=External(
            source=source,
            external_id=code,
            source_version=int(updated_at.timestamp()),
            source_updated_at=updated_at,
            raw_id=raw_id,
        ),
        listing_external_id=text(item, "listing_id"),
        rate_plan_external_id=text(item, "rate_plan_id") if item.get("rate_plan_id") is not None else None,
        check_in_date=day(item, "check_in"),
        check_out_date=day(item, "check_out"),
        booked_at=moment(item, "booked_at"),
        cancelled_at=moment(item, "cancelled_at") if status == "cancelled" else None,
        total_amount_minor=amount(item, "total", currency),
        currency=currency,
        status=STATUSES[status],
        guest_name=text(item, "guest_name") if item.get("guest_name") is not None else None,
    )


def _naive(moment_at: datetime | None) -> datetime | None:
    return None if moment_at is None else moment_at.replace(tzinfo=None)
