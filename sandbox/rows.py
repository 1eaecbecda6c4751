"""Rows the simulated world hands to the vendor counterparts; dates are property-local, instants UTC-aware.

``property_id`` is always what the channel calls the property, ``room_id`` what it calls the listing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple


class PerformanceRow(NamedTuple):
    """One listing's funnel on one property-local day."""

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
    """One night as the channel shows it; sold out is open with no units left, closed is ``is_open`` False.

    ``price_minor`` None is a missing rate. ``fees_minor`` is charged once a stay, 0 where no fee is set.
    """

    room_id: str
    rate_id: str
    night: date
    price_minor: int | None
    is_open: bool
    units_left: int
    min_stay_nights: int
    fees_minor: int
    currency: str


class HealthRow(NamedTuple):
    """The channel's own word on a room: ``bookable``, ``closed`` or ``suspended``."""

    room_id: str
    status: str
    changed_at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A listing's review score, 0 to 10 on every channel, and how many reviews it is made of."""

    room_id: str
    score_10: float
    count: int


class ContentRow(NamedTuple):
    """What a listing's page offers: amenities and rate plans, sorted."""

    room_id: str
    amenities: tuple[str, ...]
    rate_plans: tuple[str, ...]


class MarketRow(NamedTuple):
    """What a rank tracker and a rate shopper see of a listing on one day; 1 is the best rank."""

    channel: str
    room_id: str
    search_rank: int
    competitor_price_minor: int
    currency: str


class ChangeRow(NamedTuple):
    """One line of the operator's change log; ``room_id`` is empty where a change is the whole property's."""

    changed_at: datetime
    channel: str
    property_id: str
    room_id: str
    field: str
    old: str
    new: str
    actor: str


class OperatorRow(NamedTuple):
    """The operator's own calendar for one unit and night, which no incident touches."""

    unit_external_id: str
    night: date
    is_open: bool
    units: int
