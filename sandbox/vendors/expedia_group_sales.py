"""Reservations of one property as the GraphQL API pages them: filtered, by moment of booking, after a cursor."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from graphql import GraphQLError

from sandbox.calendar import MINOR_DIGITS
from sandbox.rows import BookingRow
from sandbox.world import World

MAX_PAGE_SIZE = 500
REACH = timedelta(days=465)

Sales = dict[str, list[BookingRow]]


class Ledger:
    """All reservations of the channels by property; the past is looked up once, the live days once a day."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._past: dict[str, Sales] = {}
        self._live: dict[str, tuple[date, Sales, frozenset[str]]] = {}

    def of(self, channel: str, property_id: str, now: datetime) -> list[BookingRow]:
        """What the channel knows of a property's reservations now, by moment of booking."""
        with self._lock:
            past = self._past.get(channel)
            if past is None:
                eve = self._world.t0 - timedelta(days=1)
                past = self._past[channel] = _by_property(self._world.bookings(channel, self._world.first, eve))
            day, live, cancelled = self._live.get(channel, (date.min, {}, frozenset()))
            if day != now.date():
                live, cancelled = self._since_t0(channel, now)
                self._live[channel] = (now.date(), live, cancelled)
        known = [*past.get(property_id, ()), *live.get(property_id, ())]
        return [self._as_known(row, cancelled, now) for row in known if now - REACH <= row.booked_at <= now]

    def _since_t0(self, channel: str, now: datetime) -> tuple[Sales, frozenset[str]]:
        world = self._world
        # A property east of Greenwich may be a day ahead of UTC; the world ends with its last live day.
        last = min(now.date() + timedelta(days=1), world.t0 + timedelta(days=world.live_days - 1))
        live = _by_property(world.bookings(channel, world.t0, last)) if last >= world.t0 else {}
        days = [world.t0 + timedelta(days=one) for one in range(-1, (last - world.t0).days + 1)]
        told = frozenset(row.reservation_id for day in days for row in world.cancellations(channel, day))
        return live, told

    def _as_known(self, row: BookingRow, cancelled: frozenset[str], now: datetime) -> BookingRow:
        """A cancellation still to come is not known yet, nor one that a stale feed keeps back."""
        if row.cancelled_at is None:
            return row
        live_from = datetime.combine(self._world.t0 - timedelta(days=1), time(), tzinfo=UTC)
        told = row.cancelled_at <= now and (row.cancelled_at < live_from or row.reservation_id in cancelled)
        return row if told else row._replace(cancelled_at=None)


def connection(channel: str, rows: list[BookingRow], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """One page of what fits the filters."""
    size = arguments["pageSize"]
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise bad_input(f"pageSize must be from 1 to {MAX_PAGE_SIZE}")
    fits = _filter(arguments.get("filter") or {}, arguments.get("checkOutDate"))
    found = sorted((row for row in rows if fits(row)), key=_place)
    after = arguments.get("after")
    following = [row for row in found if _cursor(row) > _read_cursor(after)] if after else found
    page = following[:size]
    return {
        "totalCount": len(found),
        "pageInfo": {
            "hasNextPage": len(following) > size, "endCursor": _encode(_cursor(page[-1])) if page else None,
        },
        "edges": [{"cursor": _encode(_cursor(row)), "node": _node(channel, row)} for row in page],
    }  # fmt: skip


def bad_input(message: str) -> GraphQLError:
    """What an argument that cannot be used is answered with."""
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def _by_property(rows: list[BookingRow]) -> Sales:
    found: Sales = {}
    for row in rows:
        found.setdefault(row.property_id, []).append(row)
    return found


def _updated_at(row: BookingRow) -> datetime:
    return row.cancelled_at or row.booked_at


def _status(row: BookingRow) -> str:
    return "CANCELLED" if row.cancelled_at else "BOOKED"


def _filter(wanted: Mapping[str, Any], check_out: Mapping[str, str] | None) -> Callable[[BookingRow], bool]:
    """The intersection of all filters; what is no moment or date is refused."""
    tests: list[Callable[[BookingRow], bool]] = []
    updated = wanted.get("lastUpdatedDateTime")
    if updated:
        since, until = _moment(updated["from"]), _moment(updated["to"])
        tests.append(lambda row: since <= _updated_at(row) <= until)
    for span, name in ((wanted.get("checkInDate"), "checkin"), (wanted.get("checkOutDate"), "checkout")):
        if span:
            tests.append(_within(name, span))
    if check_out:
        tests.append(_within("checkout", check_out))
    if wanted.get("status"):
        tests.append(lambda row: _status(row) in wanted["status"])
    if wanted.get("ids"):
        tests.append(lambda row: row.reservation_id in wanted["ids"])
    return lambda row: all(test(row) for test in tests)


def _within(name: str, span: Mapping[str, str]) -> Callable[[BookingRow], bool]:
    try:
        first, last = date.fromisoformat(str(span["from"])), date.fromisoformat(str(span["to"]))
    except ValueError:
        raise bad_input("from and to must be dates, YYYY-MM-DD") from None
    return lambda row: first <= getattr(row, name) <= last


def _moment(told: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(told))
    except ValueError:
        raise bad_input(f"{str(told)[:40]!r} is not a moment") from None
    if found.tzinfo is None:
        raise bad_input(f"{str(told)[:40]!r} is not YYYY-MM-DDTHH:mm:ssTZD")
    return found


def _place(row: BookingRow) -> tuple[datetime, str]:
    return row.booked_at, row.reservation_id


def _cursor(row: BookingRow) -> str:
    return f"{row.booked_at.astimezone(UTC).isoformat(timespec='seconds')}|{row.reservation_id}"


def _encode(cursor: str) -> str:
    return base64.urlsafe_b64encode(cursor.encode()).decode()


def _read_cursor(told: str) -> str:
    try:
        return base64.urlsafe_b64decode(told.encode()).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise bad_input("after is no cursor of ours") from None


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
