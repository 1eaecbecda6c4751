"""OTA 2003/05 messages as Booking.com's documents show them, built and read with lxml."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from lxml import etree

from sandbox.calendar import MINOR_DIGITS
from sandbox.rows import AriRow, BookingRow
from sandbox.sales import decimal_text

_NS = "http://www.opentravel.org/OTA/2003/05"
_ASSUMPTION = "<!-- ASSUMPTION of this sandbox: Booking.com documents no read of availability and rates -->"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
Attributes = dict[str, str]


class AriBlock(NamedTuple):
    """One property's part of the answer on availability and rates."""

    property_id: str
    rows: Sequence[AriRow]


class MalformedRequest(ValueError):
    """The body is not the OTA message it should be."""


_quoted = lru_cache(maxsize=4_096)(quoteattr)


def reservations(root_name: str, rows: Sequence[tuple[BookingRow, str | None]], now: datetime) -> bytes:
    """The queue as one message; each row comes with its ResStatus, None for a new reservation."""
    root = _root(root_name, now)
    parent = _child(root, "HotelReservations")
    for row, status in rows:
        _reservation(parent, row, status)
    return _bytes(root)


def acknowledged(root_name: str, now: datetime) -> bytes:
    """The answer to a good acknowledgement."""
    root = _root(root_name, now)
    _child(root, "Success")
    return _bytes(root)


def errors(root_name: str, messages: Iterable[str], now: datetime) -> bytes:
    """The answer to a message that could not be processed."""
    root = _root(root_name, now)
    parent = _child(root, "Errors")
    for message in messages:
        _child(parent, "Error", {"Type": "3", "ShortText": message})
    return _bytes(root)


def read_acknowledgement(content: bytes, root_name: str) -> list[str]:
    """The reservation ids that an acknowledgement names; raises MalformedRequest."""
    try:
        root = etree.fromstring(content, _PARSER)
    except etree.XMLSyntaxError as error:
        raise MalformedRequest(f"not well-formed XML: {error}") from None
    if etree.QName(root).localname != root_name:
        raise MalformedRequest(f"root element must be {root_name}")
    ids = [element.get("ResID_Value") for element in root.iter("{*}HotelReservationID")]
    if not ids or any(not value for value in ids):
        raise MalformedRequest("HotelReservationID with ResID_Value is required")
    return [value for value in ids if value]


def ari(blocks: Iterable[AriBlock], missing: Iterable[str] = ()) -> bytes:
    """Availability and rates, one message per room, rate plan and night: our assumption, and it says so.

    Nights come by the ten thousand, so they are written as text; what is not a number or a date is quoted.
    """
    parts = ["<?xml version='1.0' encoding='UTF-8'?>\n<OTA_HotelAvailGetRS>", _ASSUMPTION]
    warnings = [f'<Warning Type="3" ShortText={quoteattr(f"unknown property {one}")}/>' for one in missing]
    if warnings:
        parts += ["<Warnings>", *warnings, "</Warnings>"]
    for block in blocks:
        parts.append(f"<AvailStatusMessages HotelCode={quoteattr(block.property_id)}>")
        parts += [_night(row) for row in block.rows]
        parts.append("</AvailStatusMessages>")
    return "".join([*parts, "</OTA_HotelAvailGetRS>"]).encode()


def _night(row: AriRow) -> str:
    night, status = row.night.isoformat(), "Open" if row.is_open else "Close"
    price = (
        f'<BaseByGuestAmt AmountAfterTax="{decimal_text(row.price_minor, row.currency)}"'
        f" CurrencyCode={_quoted(row.currency)}/>"
        if row.price_minor is not None
        else ""
    )
    fee = (
        f'<Fees><Fee AmountAfterTax="{decimal_text(row.fees_minor, row.currency)}"'
        f" CurrencyCode={_quoted(row.currency)}/></Fees>"
        if row.fees_minor
        else ""
    )
    return (
        f'<AvailStatusMessage BookingLimit="{row.units_left}"><StatusApplicationControl Start="{night}" End="{night}"'
        f" InvTypeCode={_quoted(row.room_id)} RatePlanCode={_quoted(row.rate_id)}/>"
        f'<RestrictionStatus Status="{status}"/><LengthsOfStay><LengthOfStay MinMaxMessageType="SetMinLOS"'
        f' Time="{row.min_stay_nights}"/></LengthsOfStay>{price}{fee}</AvailStatusMessage>'
    )


def _reservation(parent: etree._Element, row: BookingRow, status: str | None) -> None:
    attributes = {"CreateDateTime": _stamp(row.booked_at)}
    if status:
        changed_at = row.cancelled_at or row.booked_at
        attributes |= {"LastModifyDateTime": _stamp(changed_at), "ResStatus": status}
    reservation = _child(parent, "HotelReservation", attributes)
    total = {"AmountAfterTax": str(row.total_minor), "CurrencyCode": row.currency, "DecimalPlaces": _places(row)}
    _room_stay(_child(reservation, "RoomStays"), row, total)
    info = _child(reservation, "ResGlobalInfo")
    ids = _child(info, "HotelReservationIDs")
    _child(ids, "HotelReservationID", {
        "ResID_Date": _stamp(row.booked_at), "ResID_Source": "BOOKING.COM", "ResID_Type": "14",
        "ResID_Value": row.reservation_id,
    })  # fmt: skip
    _customer(info, row.guest_name)
    _child(info, "Total", total)


def _room_stay(parent: etree._Element, row: BookingRow, total: Attributes) -> None:
    stay = _child(parent, "RoomStay", {"IndexNumber": "1"})
    _child(_child(stay, "RoomTypes"), "RoomType", {"RoomTypeCode": row.room_id})
    _child(_child(stay, "RatePlans"), "RatePlan", {"RatePlanCode": row.rate_id})
    _room_rates(_child(stay, "RoomRates"), row)
    _child(stay, "Total", total)
    _child(stay, "BasicPropertyInfo", {"HotelCode": row.property_id})


def _room_rates(parent: etree._Element, row: BookingRow) -> None:
    """One rate per night; the nights share the total, the first ones carrying the odd cents."""
    nights = max(1, (row.checkout - row.checkin).days)
    rate, odd = divmod(row.total_minor, nights)
    for i in range(nights):
        night = date.fromordinal(row.checkin.toordinal() + i).isoformat()
        room_rate = _child(parent, "RoomRate", {"EffectiveDate": night, "RatePlanCode": row.rate_id})
        _child(_child(_child(room_rate, "Rates"), "Rate"), "Total", {
            "AmountAfterTax": str(rate + (i < odd)), "CurrencyCode": row.currency, "DecimalPlaces": _places(row),
        })  # fmt: skip


def _places(row: BookingRow) -> str:
    return str(MINOR_DIGITS[row.currency])


def _customer(info: etree._Element, guest_name: str) -> None:
    given, _, surname = guest_name.partition(" ")
    element = info
    for name in ("Profiles", "ProfileInfo", "Profile", "Customer", "PersonName"):
        element = _child(element, name)
    _child(element, "GivenName").text = given
    _child(element, "Surname").text = surname or given


def _child(parent: etree._Element, name: str, attributes: Attributes | None = None) -> etree._Element:
    """Append an element in its parent's namespace."""
    element = etree.SubElement(parent, etree.QName(etree.QName(parent).namespace, name))
    for key, value in (attributes or {}).items():
        element.set(key, value)
    return element


def _root(name: str, now: datetime) -> etree._Element:
    root = etree.fromstring(f'<{name} xmlns="{_NS}"/>', _PARSER)
    root.set("TimeStamp", _stamp(now))
    root.set("Target", "Production")
    root.set("Version", "2.001")
    return root


def _stamp(moment_at: datetime) -> str:
    return moment_at.isoformat(timespec="seconds")


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
