"""Where guests' own words are in Booking.com's documents."""

from __future__ import annotations

import re

from python_nodes.domain.guests import GuestSpan
from python_nodes.vendors.booking_com.ota import RESERVATION_TAGS
from python_nodes.vendors.guest_spans import XmlGuests, in_csv

_PERSON = {
    "NamePrefix": "name", "GivenName": "name", "MiddleName": "name", "Surname": "name", "NameTitle": "name",
    "CardHolderName": "name", "Email": "email", "AddressLine": "address", "CityName": "address",
    "PostalCode": "address", "Text": "words", "ListItem": "words",
}  # fmt: skip
_GUESTS = XmlGuests(
    items=tuple(sorted(RESERVATION_TAGS)),
    id_pattern=re.compile(rb"<(?:\w+:)?HotelReservationID\s[^<>]*?\bResID_Value\s*=\s*[\"']([^\"'<]+)[\"']"),
    texts=_PERSON,
    attributes={
        ("Telephone", "PhoneNumber"): "phone", ("PaymentCard", "CardNumber"): "card",
        ("PaymentCard", "SeriesCode"): "card", ("PaymentCard", "ExpireDate"): "card",
    },
)  # fmt: skip


def guest_spans(content: bytes, operation: str) -> list[GuestSpan] | None:
    """Where guests' own words are; None where they cannot be told apart."""
    if operation == "reservations":
        return _GUESTS.spans(content)
    return in_csv(content, "reservation_id", {"guest_name": "name"}) if operation == "reservation_history" else None
