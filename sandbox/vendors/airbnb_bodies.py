"""What the simulated Airbnb knows at this moment of the sandbox's clock, and how its JSON tells it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Protocol, TypeVar

import numpy as np
from flask import request

from sandbox.calendar import IntArray
from sandbox.clock import SimulatedClock
from sandbox.rows import AriRow, BookingRow
from sandbox.sales import decimal_text
from sandbox.world import World

CHANNEL = "airbnb"
STATUSES = {"bookable": "listed", "closed": "unlisted", "suspended": "suspended"}
_MOST_LISTINGS = 100
_MOST_ITEMS = 200
_LONGEST_LEAD = timedelta(days=730)
Page_co = TypeVar("Page_co", covariant=True)


class BadRequest(Exception):
    """A request that cannot be served; the message names the field."""


class State:
    """The world as Airbnb shows it now; what is still to come is not known yet."""

    def __init__(self, world: World, clock: SimulatedClock) -> None:
        self.world = world
        self.clock = clock
        self.zones = world.zones(CHANNEL)
        # Pages ask for the same days again and again; what a stale feed hides depends on the day it is asked.
        self._places = lru_cache(maxsize=16)(lambda first, last, _: world.booking_places(CHANNEL, first, last))
        self._cancelled = lru_cache(maxsize=64)(lambda day, _: world.cancellation_places(CHANNEL, day))
        self._by_listing = lru_cache(maxsize=2)(self._standing)

    def listing_ids(self) -> list[str]:
        """The host's listings; on Airbnb a home is its own property."""
        return self.world.property_ids(CHANNEL)

    def wanted(self) -> list[str]:
        """The listings that a request names."""
        ids = [one for one in request.args.get("listing_ids", "").split(",") if one]
        if not ids or len(ids) > _MOST_LISTINGS:
            raise BadRequest(f"listing_ids must name 1 to {_MOST_LISTINGS} listings")
        unknown = [one for one in ids if one not in self.zones]
        if unknown:
            raise BadRequest(f"listing_ids: unknown listing {unknown[0]}")
        return ids

    def today(self, listing_id: str) -> date:
        """The day it is at a listing, within the days that the world knows."""
        return self._known(self.clock.now().astimezone(self.zones[listing_id]).date())

    def nights(self, listing_id: str, first: date, last: date) -> list[AriRow]:
        """A listing's calendar."""
        return self.world.ari(CHANNEL, listing_id, self.today(listing_id), first, last)

    def status(self, listing_id: str) -> dict[str, object]:
        """Whether a listing is shown."""
        row = self.world.health(CHANNEL, listing_id, self.today(listing_id))[0]
        return {
            "listing_id": row.room_id, "status": STATUSES[row.status], "status_reason": row.detail or None,
            "status_changed_at": row.changed_at.isoformat(),
        }  # fmt: skip

    def content(self, listing_id: str) -> dict[str, object]:
        """What a listing's page offers."""
        row = self.world.content(CHANNEL, listing_id, self.today(listing_id))[0]
        return {"listing_id": row.room_id, "amenities": row.amenities, "rate_plans": row.rate_plans}

    def reviews(self, listing_id: str) -> dict[str, object]:
        """A listing's average of one to five stars; none without a review."""
        row = self.world.reviews(CHANNEL, listing_id, self.today(listing_id))[0]
        rating = round(min(max(row.score_10 / 2, 1.0), 5.0), 2) if row.count else None
        return {"listing_id": row.room_id, "rating": rating, "review_count": row.count}

    def booked(self, first: date, last: date) -> Changes:
        """Reservations made on these property-local days, as they stand now."""
        return self._changes(self._places(first, last, self.clock.now().date()))

    def changed_after(self, moment_at: datetime) -> Changes:
        """Reservations made or cancelled after a moment, as they stand now."""
        now = self.clock.now()
        first, last = moment_at.date() - timedelta(days=1), self._known(now.date() + timedelta(days=1))
        days = (first + timedelta(days=k) for k in range((last - first).days + 1))
        found = [self._places(first, last, now.date()), *(self._cancelled(day, now.date()) for day in days)]
        return self._changes(np.unique(np.concatenate(found)), moment_at)

    def _changes(self, places: IntArray, after_at: datetime | None = None) -> Changes:
        """Of some reservations those that are made, in order of their last change known now, then of their numbers."""
        made, now_s = self.world.reservations, self.clock.now().timestamp()
        places = places[made.booked_s[places] <= now_s]
        cancelled_s = made.cancelled_s[places]
        changed_s = np.where((cancelled_s >= 0) & (cancelled_s <= now_s), cancelled_s, made.booked_s[places])
        order = np.argsort(changed_s, kind="stable")
        if after_at is not None:
            order = order[changed_s[order] > after_at.timestamp()]
        return Changes(self.world, self.clock.now(), places[order])

    def standing(self, listing_id: str) -> list[BookingRow]:
        """Reservations that are not cancelled and not over."""
        now = self.clock.now()
        # Asked once an hour: the feed is made anew at intervals, as the real one is.
        return self._by_listing(now.replace(minute=0, second=0, microsecond=0)).get(listing_id, [])

    def _standing(self, hour_at: datetime) -> dict[str, list[BookingRow]]:
        today, made = self._known(hour_at.date()), self.world.reservations
        places = self._places(today - _LONGEST_LEAD, today, self.clock.now().date())
        cancelled_s, hour_s = made.cancelled_s[places], hour_at.timestamp()
        is_on = (made.booked_s[places] <= hour_s) & ((cancelled_s < 0) | (cancelled_s > hour_s))
        is_on &= made.checkin[places] + made.nights[places] > self.world.day_index(today)
        found: dict[str, list[BookingRow]] = {}
        for row in self.world.booking_rows(places[is_on]):
            found.setdefault(row.room_id, []).append(row)
        return found

    def _known(self, day: date) -> date:
        """The world knows the channel's state from the eve of its first live day to its last."""
        world = self.world
        return max(world.t0 - timedelta(days=1), min(day, world.t0 + timedelta(days=world.live_days - 1)))


def _as_known(row: BookingRow, now: datetime) -> BookingRow:
    """A cancellation still to come is not known yet."""
    is_to_come = row.cancelled_at is not None and row.cancelled_at > now
    return row._replace(cancelled_at=None) if is_to_come else row


def _changed(row: BookingRow) -> datetime:
    return row.cancelled_at or row.booked_at


@dataclass(frozen=True, slots=True)
class Changes:
    """Reservations in the order in which they are told; a page of them is made when it is asked for."""

    world: World
    now: datetime
    places: IntArray

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, part: slice) -> list[BookingRow]:
        """Some of them, as they stand now."""
        return [_as_known(row, self.now) for row in self.world.booking_rows(self.places[part])]


class Pageable(Protocol[Page_co]):
    """What has a length and is cut into pages."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, part: slice, /) -> Page_co:
        """Some of them."""
        ...


def page_of(items: Pageable[Page_co], args: Mapping[str, str]) -> tuple[Page_co, str | None]:
    """One page and the cursor of the next, None after the last."""
    limit = args.get("limit", "50")
    if not limit.isascii() or not limit.isdecimal() or not 1 <= int(limit) <= _MOST_ITEMS:
        raise BadRequest(f"limit must be a whole number from 1 to {_MOST_ITEMS}")
    at = _offset(args.get("cursor"))
    until = at + int(limit)
    return items[at:until], base64.urlsafe_b64encode(f"at:{until}".encode()).decode() if until < len(items) else None


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        name, _, number = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError):
        name, number = "", ""
    if name != "at" or not number.isdecimal():
        raise BadRequest("cursor is not one of ours")
    return int(number)


def reservation(row: BookingRow) -> dict[str, object]:
    """One reservation as it stands."""
    return {
        "confirmation_code": row.reservation_id, "listing_id": row.room_id, "rate_plan_id": row.rate_id,
        "status": "cancelled" if row.cancelled_at else "accepted", "booked_at": row.booked_at.isoformat(),
        "updated_at": _changed(row).isoformat(),
        "cancelled_at": row.cancelled_at.isoformat() if row.cancelled_at else None,
        "check_in": row.checkin.isoformat(), "check_out": row.checkout.isoformat(), "guest_name": row.guest_name,
        "total": decimal_text(row.total_minor, row.currency), "currency": row.currency,
    }  # fmt: skip


def calendar(rows: Sequence[AriRow]) -> dict[str, object]:
    """A listing's nights; ``fees`` is charged once a stay."""
    return {
        "listing_id": rows[0].room_id, "rate_plan_id": rows[0].rate_id, "currency": rows[0].currency,
        "days": [
            {
                "date": row.night.isoformat(), "available_count": row.units_left,
                "status": "blocked" if not row.is_open else "available" if row.units_left else "booked",
                "price": None if row.price_minor is None else decimal_text(row.price_minor, row.currency),
                "min_nights": row.min_stay_nights, "fees": decimal_text(row.fees_minor, row.currency),
            }
            for row in rows
        ],
    }  # fmt: skip
