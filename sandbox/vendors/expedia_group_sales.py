"""Reservations as the GraphQL API tells them: pages in order of booking, behind a cursor."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.demand import BoolArray
from sandbox.sales import Sales
from sandbox.vendors.expedia_group_ledger import Found, Ledger, bad_input
from sandbox.vendors.expedia_group_table import Column, Table

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
    page = Found(following.places[:size], following.cancelled[:size])
    places = page.places
    return {
        "totalCount": len(found.places),
        "pageInfo": {
            "hasNextPage": len(following.places) > size,
            "endCursor": _cursor(int(places[-1])) if len(places) else None,
        },
        "edges": Table(
            {
                "cursor": Column(lambda: [_cursor(place) for place in places.tolist()]),
                "node": _node(channel, ledger.sales(page), page.cancelled),
            },
            len(places),
        ),
    }  # fmt: skip


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


def _node(channel: str, sales: Sales, cancelled: BoolArray) -> dict[str, Any]:
    own = channel.upper()
    room, rate, number = (
        Column(lambda: sales.room_id), Column(lambda: sales.rate_id), Column(lambda: sales.reservation_id)
    )  # fmt: skip
    return {
        "id": number,
        "status": Column(lambda: ["CANCELLED" if gone else "BOOKED" for gone in cancelled.tolist()]),
        "distributionChannel": "VRBO" if channel == "vrbo" else "EXPEDIA_INTEGRATED",
        "source": "Vrbo" if channel == "vrbo" else "Expedia",
        "businessModel": "EXPEDIA_COLLECT" if channel == "vrbo" else "HOTEL_COLLECT",
        "creationDateTime": Column(lambda: sales.booked_at),
        "lastUpdatedDateTime": Column(lambda: sales.changed_at(cancelled)),
        "checkInDate": Column(lambda: sales.checkin),
        "checkOutDate": Column(lambda: sales.checkout),
        "unitIds": [{"id": room, "idSource": own}],
        "rateIds": [{"id": rate, "idSource": own}],
        "reservationIds": [{"id": number, "idSource": own}],
        "primaryGuest": {
            "firstName": Column(lambda: [name.partition(" ")[0] for name in sales.guest_name]),
            "lastName": Column(lambda: [name.partition(" ")[2] for name in sales.guest_name]),
            "loyaltyTier": None, "phoneNumbers": None, "emailAddress": None,
        },
        "amounts": None,
        "supplierAmount": None if channel == "vrbo" else _supplier_amount(sales),
        "vrboAmounts": _vrbo_amounts(sales) if channel == "vrbo" else None,
    }  # fmt: skip


def _supplier_amount(sales: Sales) -> dict[str, Any]:
    """The world knows one total, so that before and after tax are the same."""
    amount = Column(lambda: sales.units)
    compensation = {"basePercent": 0.15, "acceleratorPercent": None}
    return {
        "__typename": "ExpediaSupplierAmount", "rateType": "SELL", "currencyCode": Column(lambda: sales.currency),
        "rates": [], "total": {"amountBeforeTax": amount, "amountAfterTax": amount, "compensation": compensation},
    }  # fmt: skip


def _vrbo_amounts(sales: Sales) -> dict[str, Any]:
    amount = {"amount": Column(lambda: sales.total), "currencyCode": Column(lambda: sales.currency)}
    return {
        "currentAmounts": {
            "supplierFees": {"rent": {"preTaxAmount": amount, "items": []}, "fees": [], "discounts": []},
            "marketplaceFees": {"supplier": [], "traveler": []},
            "taxDistributions": [],
        },
        "damageProtection": None, "transactions": [],
    }  # fmt: skip
