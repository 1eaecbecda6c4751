"""Dated extranet reports (CSV): performance per room and day, and reservations by booking date.

Assumed: no Booking.com API gives these figures. They stand for the reports that a person downloads from the extranet,
so only the facts are modelled: complete days up to the property's yesterday, each row with the report's creation time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from sandbox.csv_text import csv_text
from sandbox.sales import decimals, stamps, texts
from sandbox.world import World

CHANNEL = "booking_com"
PERFORMANCE_COLUMNS = (
    "date", "property_id", "room_id", "search_views", "page_views", "bookings", "revenue", "currency",
    "report_created_at",
)  # fmt: skip
RESERVATION_COLUMNS = (
    "reservation_id", "property_id", "room_id", "rate_id", "status", "booked_at", "cancelled_at", "checkin", "checkout",
    "guest_name", "total_price", "currency", "modified_at",
)  # fmt: skip


def performance_csv(world: World, zones: Mapping[str, ZoneInfo], start: date, end: date, now: datetime) -> str:
    """Rows of complete property-local days only: up to each property's own yesterday."""
    newest = {property_id: now.astimezone(zone).date() - timedelta(days=1) for property_id, zone in zones.items()}
    first, last = _within(world, start, min(end, max(newest.values())))
    if first > last:
        return csv_text(PERFORMANCE_COLUMNS, [[] for _ in PERFORMANCE_COLUMNS])
    told, book = world.figures(CHANNEL, first, last), world.portfolio
    limit = [world.day_index(newest[place]) if place in newest else -1 for place in book.channel_property_id]
    kept = np.flatnonzero(told.day <= np.array(limit)[told.listing])
    told = told.at(kept)
    listing = told.listing.tolist()
    return csv_text(PERFORMANCE_COLUMNS, (
        world.dates(told.day), [book.channel_property_id[i] for i in listing], [book.room_id[i] for i in listing],
        texts(told.impressions), texts(told.views), texts(told.bookings),
        decimals(told.revenue_minor.tolist(), told.currency), told.currency,
        [now.isoformat(timespec="seconds")] * len(listing),
    ))  # fmt: skip


def reservations_csv(world: World, zones: Mapping[str, ZoneInfo], start: date, end: date, now: datetime) -> str:
    """History as it stood when the queues began at t0: what happened since arrives through the queues only."""
    first, last = _within(world, start, min(end, world.t0 - timedelta(days=1)))
    made, book = world.reservations, world.portfolio
    places = world.booking_places(CHANNEL, first, last) if first <= last else np.array([], dtype=np.int64)
    places = places[made.booked_s[places] <= now.timestamp()]
    live_s = {place: datetime.combine(world.t0, time(), tzinfo=zone).timestamp() for place, zone in zones.items()}
    until = np.array([live_s.get(place, 0.0) for place in book.channel_property_id])[made.listing[places]]
    cancelled_s = made.cancelled_s[places]
    gone = (cancelled_s >= 0) & (cancelled_s < until)
    told, cancelled = world.sales(places), [""] * len(places)
    for k, stamp in zip(np.flatnonzero(gone).tolist(), stamps(cancelled_s[gone]), strict=True):
        cancelled[k] = stamp
    return csv_text(RESERVATION_COLUMNS, (
        told.reservation_id, told.property_id, told.room_id, told.rate_id,
        ["cancelled" if is_gone else "ok" for is_gone in gone.tolist()], told.booked_at, cancelled, told.checkin,
        told.checkout, told.guest_name, told.total, told.currency,
        [one or booked for one, booked in zip(cancelled, told.booked_at, strict=True)],
    ))  # fmt: skip


def _within(world: World, start: date, end: date) -> tuple[date, date]:
    oldest = world.t0 - timedelta(days=world.history_days)
    return max(start, oldest), min(end, world.t0 + timedelta(days=world.live_days - 1))
