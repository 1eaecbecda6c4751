"""Booking.com's two reservation queues: what is not acknowledged comes again."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import numpy as np

from sandbox.calendar import IntArray
from sandbox.rows import BookingRow
from sandbox.world import World

CHANNEL = "booking_com"
Entry = tuple[BookingRow, str | None]


class ReservationQueues:
    """New reservations from t0 on, and cancellations from t0 on, up to a moment and without the acknowledged ones."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._acknowledged: dict[str, set[int]] = {"new": set(), "modified": set()}

    def waiting(self, queue: str, now: datetime, property_ids: frozenset[str]) -> list[Entry]:
        """What a queue holds; an empty set of properties means all."""
        with self._lock:
            done = np.array(sorted(self._acknowledged[queue]), dtype=np.int64)
        places = self._entries(queue, now)
        places = places[~np.isin(places, done)]
        if property_ids:
            book = self._world.portfolio
            asked = [i for i, place in enumerate(book.channel_property_id) if place in property_ids]
            places = places[np.isin(self._world.reservations.listing[places], asked)]
        rows = self._world.booking_rows(places)
        return [(hide_future(row, now), None) for row in rows] if queue == "new" else [(row, "Cancel") for row in rows]

    def acknowledge(self, queue: str, reservation_ids: Iterable[str], now: datetime) -> list[str]:
        """Remove reservations from a queue; returns the ids it never held."""
        places = self._entries(queue, now)
        known = dict(zip(self._world.sales(places).reservation_id, places.tolist(), strict=True))
        wanted = list(reservation_ids)
        with self._lock:
            self._acknowledged[queue] |= {known[one] for one in wanted if one in known}
        return [one for one in wanted if one not in known]

    def _entries(self, queue: str, now: datetime) -> IntArray:
        """Where everything that a queue ever held up to now stands in the world's reservations."""
        world, last_day = self._world, _last_day(self._world, now)
        if queue == "new":
            places = world.booking_places(CHANNEL, world.t0, last_day)
            return np.asarray(places[world.reservations.booked_s[places] <= now.timestamp()])
        days = (world.t0 + timedelta(days=k) for k in range((last_day - world.t0).days + 1))
        found = [np.array([], dtype=np.int64), *(world.cancellation_places(CHANNEL, day) for day in days)]
        places = np.concatenate(found)
        return np.asarray(places[world.reservations.cancelled_s[places] <= now.timestamp()])


def hide_future(row: BookingRow, now: datetime) -> BookingRow:
    """The booking as it stands now: a cancellation still to come is not known yet."""
    if row.cancelled_at is not None and row.cancelled_at > now:
        return row._replace(cancelled_at=None)
    return row


def _last_day(world: World, now: datetime) -> date:
    """A property east of Greenwich may be a day ahead of UTC; the world ends with its last live day."""
    return min(now.date() + timedelta(days=1), world.t0 + timedelta(days=world.live_days - 1))
