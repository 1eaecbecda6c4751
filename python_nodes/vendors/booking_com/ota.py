"""Reads OTA XML; elements are found by local name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache

from lxml import etree

from python_nodes.domain.money import to_minor
from python_nodes.domain.records import Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.safe_xml import read_xml

OTA_NAMESPACE = "http://www.opentravel.org/OTA/2003/05"
RESERVATION_TAGS = ("HotelReservation", "HotelResModify")


def named(root: etree._Element, *names: str) -> Iterator[etree._Element]:
    """All elements of these local names, ``root`` included."""
    return root.iter(*(f"{{*}}{name}" for name in names))


def first(element: etree._Element, name: str) -> etree._Element | None:
    """The first descendant of that local name."""
    return next(named(element, name), None)


def attribute(element: etree._Element, name: str, attr: str) -> str | None:
    """``attr`` of the first descendant ``name`` that carries it."""
    return next((value for found in named(element, name) if (value := found.get(attr))), None)


def required(element: etree._Element, name: str, attr: str) -> str:
    """Like ``attribute``; raises RejectedRecord naming the field."""
    value = attribute(element, name, attr)
    if value is None:
        raise RejectedRecord(f"{name}@{attr}: missing", field=f"{name}@{attr}")
    return value


def read_date(text: str, field: str) -> date:
    """An ISO date, or the date part of an ISO moment."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise RejectedRecord(f"{field}: {text[:40]!r} is not a date", field=field) from None


def read_moment(text: str, field: str) -> datetime:
    """An ISO moment in UTC; Booking.com's documents show none with a zone, so one without is taken as UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RejectedRecord(f"{field}: {text[:40]!r} is not a moment", field=field) from None


def local_name(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


def money(element: etree._Element, name: str) -> tuple[int, str]:
    """Minor units and currency of an element with OTA's amount attributes; errors call it ``name``."""
    amount = element.get("AmountAfterTax") or element.get("AmountBeforeTax")
    return _amount(name, amount, element.get("CurrencyCode", ""), element.get("DecimalPlaces"))


# The same few prices stand on many nights, and an exact decimal is dear to read.
@lru_cache(maxsize=16_384)
def _amount(name: str, amount: str | None, currency: str, places: str | None) -> tuple[int, str]:
    field = f"{name}@AmountAfterTax"
    if amount is None:
        raise RejectedRecord(f"{field}: missing", field=field)
    if places is not None:
        # OTA's way of writing money without a decimal point: 12345 with 2 places is 123.45.
        if not (places.isascii() and places.isdecimal() and len(places) == 1 and amount.lstrip("-").isdecimal()):
            raise RejectedRecord(f"{name}@DecimalPlaces: {places[:8]!r} does not fit {amount[:20]!r}", field=field)
        amount = f"{amount}e-{places}"
    try:
        return to_minor(amount, currency), currency
    except RejectedRecord as error:
        told = f"{name}@CurrencyCode" if error.field == "currency" else field
        raise RejectedRecord(f"{told}: {error.reason}", field=told) from None


def rejected(error: RejectedRecord, raw: bytes, source: str, operation: str, raw_id: int | None) -> Rejected:
    """Build the quarantine's entry of what could not be read."""
    return Rejected(source=source, operation=operation, reason=error.reason, field=error.field, raw=raw, raw_id=raw_id)


def reservation_ids(content: bytes) -> list[str]:
    """Ids of all reservations a queue's document names; empty if it cannot be read."""
    try:
        root = read_xml(content)
    except RejectedRecord:
        return []
    found = (attribute(record, "HotelReservationID", "ResID_Value") for record in named(root, *RESERVATION_TAGS))
    return list(dict.fromkeys(value for value in found if value))
