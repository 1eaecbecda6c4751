"""Booking.com's two reservation queues: what is not acknowledged comes again."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sandbox.rows import BookingRow
from sandbox.world import World

CHANNEL = "booking_com"
Entry = tuple[BookingRow, str | None]


class ReservationQueues:
    """New reservations from t0 on, and cancellations from t0 on, up to a moment and without the acknowledged ones."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._acknowledged: dict[str, set[str]] = {"new": set(), "modified": set()}

    def waiting(self, queue: str, now: datetime, property_ids: frozenset[str]) -> list[Entry]:
        """What a queue holds; an empty set of properties means all."""
        with self._lock:
            done = frozenset(self._acknowledged[queue])
        return [
            (row, status) for row, status in self._entries(queue, now)
            if row.reservation_id not in done and (not property_ids or row.property_id in property_ids)
        ]  # fmt: skip

    def acknowledge(self, queue: str, reservation_ids: Iterable[str], now: datetime) -> list[str]:
        """Remove reservations from a queue; returns the ids it never held."""
        known = {row.reservation_id for row, _ in self._entries(queue, now)}
        wanted = list(reservation_ids)
        with self._lock:
            self._acknowledged[queue] |= known.intersection(wanted)
        return [reservation_id for reservation_id in wanted if reservation_id not in known]

    def _entries(self, queue: str, now: datetime) -> list[Entry]:
        last_day = _last_day(self._world, now)
        if queue == "new":
            rows = self._world.bookings(CHANNEL, self._world.t0, last_day)
            return [(hide_future(row, now), None) for row in rows if row.booked_at <= now]
        entries: list[Entry] = []
        day = self._world.t0
        while day <= last_day:
            cancelled = self._world.cancellations(CHANNEL, day)
            entries += [(row, "Cancel") for row in cancelled if row.cancelled_at and row.cancelled_at <= now]
            day += timedelta(days=1)
        return entries


def hide_future(row: BookingRow, now: datetime) -> BookingRow:
    """The booking as it stands now: a cancellation still to come is not known yet."""
    if row.cancelled_at is not None and row.cancelled_at > now:
        return row._replace(cancelled_at=None)
    return row


def _last_day(world: World, now: datetime) -> date:
    """A property east of Greenwich may be a day ahead of UTC; the world ends with its last live day."""
    return min(now.date() + timedelta(days=1), world.t0 + timedelta(days=world.live_days - 1))
