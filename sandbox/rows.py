"""Rows the simulated world hands to the vendor counterparts; dates are property-local, instants UTC-aware."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple


class PerformanceRow(NamedTuple):
    """One listing's funnel on one property-local day; money in the property's currency."""

    date: date
    property_id: str
    room_id: str
    search_views: int
    page_views: int
    bookings: int
    revenue_minor: int
    currency: str


class BookingRow(NamedTuple):
    """One booking with its whole life; whoever serves it hides a ``cancelled_at`` that is still to come."""

    reservation_id: str
    property_id: str
    room_id: str
    rate_id: str
    booked_at: datetime
    cancelled_at: datetime | None
    checkin: date
    checkout: date
    guest_name: str
    total_minor: int
    currency: str


class AriRow(NamedTuple):
    """One night as the channel shows it; sold out is open with no units left, closed is ``is_open`` False."""

    room_id: str
    rate_id: str
    night: date
    price_minor: int | None
    is_open: bool
    units_left: int
    min_stay: int


class HealthRow(NamedTuple):
    """The channel's own word on a room: ``bookable``, ``closed`` or ``suspended``."""

    room_id: str
    status: str
    changed_at: datetime
    detail: str


class OperatorRow(NamedTuple):
    """The operator's own calendar for one unit and night, which no incident touches."""

    unit_external_id: str
    night: date
    is_open: bool
    units: int
