"""Dated extranet reports (CSV): performance per room and day, and reservations by booking date.

Assumed: no Booking.com API gives these figures. They stand for the reports that a person downloads from the extranet,
so only the facts are modelled: complete days up to the property's yesterday, each row with the report's creation time.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sandbox.vendors.booking_com_xml import decimal_text
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
    created = now.isoformat(timespec="seconds")
    rows = (
        (row.date.isoformat(), row.property_id, row.room_id, row.search_views, row.page_views, row.bookings,
         decimal_text(row.revenue_minor, row.currency), row.currency, created)
        for row in (world.performance(CHANNEL, first, last) if first <= last else [])
        if row.date <= newest[row.property_id]
    )  # fmt: skip
    return _csv(PERFORMANCE_COLUMNS, rows)


def reservations_csv(world: World, zones: Mapping[str, ZoneInfo], start: date, end: date, now: datetime) -> str:
    """History as it stood when the queues began at t0: what happened since arrives through the queues only."""
    first, last = _within(world, start, min(end, world.t0 - timedelta(days=1)))
    rows = []
    live_at = {place: datetime.combine(world.t0, time(), tzinfo=zone) for place, zone in zones.items()}
    for row in world.bookings(CHANNEL, first, last) if first <= last else []:
        if row.booked_at > now:
            continue
        cancelled_at = row.cancelled_at
        if cancelled_at and cancelled_at >= live_at[row.property_id]:
            cancelled_at = None
        booked, cancelled = _stamp(row.booked_at), _stamp(cancelled_at) if cancelled_at else ""
        rows.append((
            row.reservation_id, row.property_id, row.room_id, row.rate_id, "cancelled" if cancelled_at else "ok",
            booked, cancelled, row.checkin.isoformat(), row.checkout.isoformat(), row.guest_name,
            decimal_text(row.total_minor, row.currency), row.currency, cancelled or booked,
        ))  # fmt: skip
    return _csv(RESERVATION_COLUMNS, rows)


def _within(world: World, start: date, end: date) -> tuple[date, date]:
    oldest = world.t0 - timedelta(days=world.history_days)
    return max(start, oldest), min(end, world.t0 + timedelta(days=world.live_days - 1))


def _stamp(moment_at: datetime) -> str:
    return moment_at.isoformat(timespec="seconds")


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
