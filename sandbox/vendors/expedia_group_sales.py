"""Reservations as the GraphQL API tells them: pages in order of booking, behind a cursor."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.calendar import MINOR_DIGITS
from sandbox.rows import BookingRow
from sandbox.vendors.expedia_group_ledger import Ledger, bad_input

MAX_PAGE_SIZE = 500


def connection(
    ledger: Ledger, channel: str, property_id: str, now: datetime, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """One page of what fits the filters."""
    size = arguments["pageSize"]
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise bad_input(f"pageSize must be from 1 to {MAX_PAGE_SIZE}")
    found = ledger.find(channel, property_id, now, arguments)
    following = found.after(_read_cursor(arguments["after"])) if arguments.get("after") else found
    page, places = ledger.rows(following, size), following.places[:size].tolist()
    return {
        "totalCount": len(found.places),
        "pageInfo": {
            "hasNextPage": len(following.places) > size, "endCursor": _cursor(places[-1]) if places else None,
        },
        "edges": [
            {"cursor": _cursor(place), "node": _node(channel, row)} for place, row in zip(places, page, strict=True)
        ],
    }  # fmt: skip


def _updated_at(row: BookingRow) -> datetime:
    return row.cancelled_at or row.booked_at


def _status(row: BookingRow) -> str:
    return "CANCELLED" if row.cancelled_at else "BOOKED"


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(f"after:{place}".encode()).decode()


def _read_cursor(told: str) -> int:
    try:
        kind, _, place = base64.urlsafe_b64decode(told.encode()).decode().partition(":")
        if kind == "after" and place.isdecimal():
            return int(place)
    except (binascii.Error, UnicodeDecodeError):
        pass
    raise bad_input("after is no cursor of ours")


def _node(channel: str, row: BookingRow) -> dict[str, Any]:
    own = channel.upper()
    first_name, _, last_name = row.guest_name.partition(" ")
    return {
        "id": row.reservation_id,
        "status": _status(row),
        "distributionChannel": "VRBO" if channel == "vrbo" else "EXPEDIA_INTEGRATED",
        "source": "Vrbo" if channel == "vrbo" else "Expedia",
        "businessModel": "EXPEDIA_COLLECT" if channel == "vrbo" else "HOTEL_COLLECT",
        "creationDateTime": row.booked_at.astimezone(UTC).isoformat(timespec="seconds"),
        "lastUpdatedDateTime": _updated_at(row).astimezone(UTC).isoformat(timespec="seconds"),
        "checkInDate": row.checkin.isoformat(),
        "checkOutDate": row.checkout.isoformat(),
        "unitIds": [{"id": row.room_id, "idSource": own}],
        "rateIds": [{"id": row.rate_id, "idSource": own}],
        "reservationIds": [{"id": row.reservation_id, "idSource": own}],
        "primaryGuest": {
            "firstName": first_name, "lastName": last_name, "loyaltyTier": None, "phoneNumbers": None,
            "emailAddress": None,
        },
        "amounts": None,
        "supplierAmount": None if channel == "vrbo" else _supplier_amount(row),
        "vrboAmounts": _vrbo_amounts(row) if channel == "vrbo" else None,
    }  # fmt: skip


def _supplier_amount(row: BookingRow) -> dict[str, Any]:
    """The world knows one total, so that before and after tax are the same."""
    amount = row.total_minor / 10 ** MINOR_DIGITS[row.currency]
    compensation = {"basePercent": 0.15, "acceleratorPercent": None}
    return {
        "__typename": "ExpediaSupplierAmount", "rateType": "SELL", "currencyCode": row.currency, "rates": [],
        "total": {"amountBeforeTax": amount, "amountAfterTax": amount, "compensation": compensation},
    }  # fmt: skip


def _vrbo_amounts(row: BookingRow) -> dict[str, Any]:
    digits = MINOR_DIGITS[row.currency]
    whole, part = divmod(row.total_minor, 10**digits)
    amount = f"{whole}.{part:0{digits}d}" if digits else str(whole)
    rent = {"preTaxAmount": {"amount": amount, "currencyCode": row.currency}, "items": []}
    return {
        "currentAmounts": {
            "supplierFees": {"rent": rent, "fees": [], "discounts": []},
            "marketplaceFees": {"supplier": [], "traveler": []},
            "taxDistributions": [],
        },
        "damageProtection": None, "transactions": [],
    }  # fmt: skip
