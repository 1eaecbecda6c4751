"""Maps Booking.com's documents to domain records; pure, and never raises: what cannot be read is a Rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import TypeVar

from lxml import etree

from python_nodes.domain.records import BookingRecord, BookingStatus, External, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.booking_com.ari import map_ari, map_ari_columns
from python_nodes.vendors.booking_com.guests import guest_spans
from python_nodes.vendors.booking_com.health import map_health
from python_nodes.vendors.booking_com.ota import (
    RESERVATION_TAGS,
    attribute,
    first,
    local_name,
    money,
    named,
    read_date,
    read_moment,
    rejected,
    required,
)
from python_nodes.vendors.booking_com.pages import map_content, map_reviews
from python_nodes.vendors.booking_com.reports import (
    map_performance,
    map_performance_columns,
    map_reservation_history,
    map_reservation_history_columns,
)
from python_nodes.vendors.safe_xml import read_xml

__all__ = [
    "guest_spans",
    "map_ari",
    "map_ari_columns",
    "map_content",
    "map_health",
    "map_performance",
    "map_performance_columns",
    "map_reservation_history",
    "map_reservation_history_columns",
    "map_reservations",
    "map_reviews",
    "raw_reservation",
]

T = TypeVar("T")
CANCEL_WORDS = frozenset({"cancel", "cancelled"})


def map_reservations(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[BookingRecord], list[Rejected]]:
    """One record a room of each reservation of either queue."""

    def read(element: etree._Element) -> list[BookingRecord]:
        return _bookings(element, source, observed_at, raw_id)

    return _each_element(content, RESERVATION_TAGS, read, source=source, operation="reservations", raw_id=raw_id)


def raw_reservation(content: bytes, record: BookingRecord) -> bytes:
    """The part of ``content`` that told ``record``, as a document that maps again by itself."""
    reservation_id = record.origin.external_id.partition("/")[0]

    def told(element: etree._Element) -> bool:
        return attribute(element, "HotelReservationID", "ResID_Value") == reservation_id

    return _part(content, RESERVATION_TAGS, told)


def _part(content: bytes, tags: Iterable[str], told: Callable[[etree._Element], bool]) -> bytes:
    """The last element that fits (the last told wins); all of ``content`` if none does."""
    fitting = [element for element in named(read_xml(content), *tags) if told(element)]
    return etree.tostring(fitting[-1], with_tail=False) if fitting else content


def _each_element(
    content: bytes,
    tags: Iterable[str],
    read: Callable[[etree._Element], list[T]],
    *,
    source: str,
    operation: str,
    raw_id: int | None,
) -> tuple[list[T], list[Rejected]]:
    good: list[T] = []
    bad: list[Rejected] = []
    try:
        root = read_xml(content)
    except RejectedRecord as error:
        return [], [rejected(error, content, source, operation, raw_id)]
    for element in named(root, *tags):
        try:
            good.extend(read(element))
        except RejectedRecord as error:
            bad.append(rejected(error, etree.tostring(element, with_tail=False), source, operation, raw_id))
    return good, bad


def _bookings(element: etree._Element, source: str, observed_at: datetime, raw_id: int | None) -> list[BookingRecord]:
    reservation_id = required(element, "HotelReservationID", "ResID_Value")
    cancelled = _is_cancelled(element)
    booked_at, updated_at = _moments(element, observed_at, cancelled=cancelled)
    stays = list(named(element, "RoomStay"))
    if not stays:
        raise RejectedRecord("RoomStay: missing", field="RoomStay")
    status: BookingStatus = "cancelled" if cancelled else "confirmed"
    records = []
    for number, stay in enumerate(stays):
        # A reservation of several rooms is several bookings: a listing is one room type.
        external_id = reservation_id if len(stays) == 1 else f"{reservation_id}/{stay.get('IndexNumber') or number}"
        check_in_date, check_out_date = _stay_dates(element, stay)
        amount_minor, currency = _total(element, stay, alone=len(stays) == 1)
        records.append(
            BookingRecord(
                origin=External(
                    source=source,
                    external_id=external_id,
                    source_version=int(updated_at.timestamp()),
                    source_updated_at=updated_at,
                    raw_id=raw_id,
                ),
                listing_external_id=attribute(stay, "RoomType", "RoomTypeCode")
                or required(stay, "RoomRate", "RoomTypeCode"),
                rate_plan_external_id=attribute(stay, "RatePlan", "RatePlanCode")
                or attribute(stay, "RoomRate", "RatePlanCode"),
                check_in_date=check_in_date,
                check_out_date=check_out_date,
                booked_at=booked_at,
                cancelled_at=updated_at if cancelled else None,
                total_amount_minor=amount_minor,
                currency=currency,
                status=status,
                guest_name=_guest_name(element),
                guest_email=_text(element, "Email"),
                guest_phone=attribute(element, "Telephone", "PhoneNumber"),
            )
        )
    return records


def _moments(element: etree._Element, observed_at: datetime, *, cancelled: bool) -> tuple[datetime, datetime]:
    """When it was booked and when it last changed."""
    created = element.get("CreateDateTime") or required(element, "HotelReservationID", "ResID_Date")
    booked_at = read_moment(created, "CreateDateTime")
    modified = element.get("LastModifyDateTime")
    updated_at = read_moment(modified, "LastModifyDateTime") if modified else booked_at
    if cancelled and not modified:
        updated_at = max(observed_at, booked_at)
    return booked_at, updated_at


def _is_cancelled(element: etree._Element) -> bool:
    told = element.get("ResStatus") or element.getroottree().getroot().get("ResStatus") or ""
    return told.lower() in CANCEL_WORDS


def _stay_dates(element: etree._Element, stay: etree._Element) -> tuple[date, date]:
    span = first(stay, "TimeSpan")
    if span is None:
        span = first(element, "TimeSpan")
    if span is not None:
        return read_date(span.get("Start", ""), "TimeSpan@Start"), read_date(span.get("End", ""), "TimeSpan@End")
    # Booking.com's own documents give no span but one RoomRate a night.
    nights = [read_date(rate.get("EffectiveDate", ""), "RoomRate@EffectiveDate") for rate in named(stay, "RoomRate")]
    if not nights:
        raise RejectedRecord("RoomRate@EffectiveDate: missing", field="RoomRate@EffectiveDate")
    try:
        return min(nights), max(nights) + timedelta(days=1)
    except OverflowError:
        raise RejectedRecord("RoomRate@EffectiveDate: out of range", field="RoomRate@EffectiveDate") from None


def _total(element: etree._Element, stay: etree._Element, *, alone: bool) -> tuple[int, str]:
    total = next((child for child in stay if local_name(child.tag) == "Total"), None)
    if total is None and alone:
        info = first(element, "ResGlobalInfo")
        total = first(info, "Total") if info is not None else None
    if total is None:
        raise RejectedRecord("Total@AmountAfterTax: missing", field="Total@AmountAfterTax")
    return money(total, "Total")


def _guest_name(element: etree._Element) -> str | None:
    parts = [_text(element, name) for name in ("GivenName", "Surname")]
    return " ".join(part for part in parts if part) or None


def _text(element: etree._Element, name: str) -> str | None:
    found = first(element, name)
    return found.text.strip() or None if found is not None and found.text else None
