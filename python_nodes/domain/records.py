"""What vendors deliver once mapped: external identities, property-local dates, money in minor units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

BookingStatus = Literal["confirmed", "checked_in", "checked_out", "cancelled", "no_show"]


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """Where a record came from; every external entity carries one."""

    source: str
    external_id: str
    source_version: int
    source_updated_at: datetime
    raw_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRecord:
    """One revision of one booking (seed 001 TR-3), for one listing named by its external id.

    ``total_amount_minor`` is in ``currency``'s minor units, taxes and fees included, before commission.
    """

    origin: External
    listing_external_id: str
    rate_plan_external_id: str | None
    check_in_date: date
    check_out_date: date
    booked_at: datetime
    cancelled_at: datetime | None
    total_amount_minor: int
    currency: str
    status: BookingStatus
    guest_name: str | None = None
    guest_email: str | None = None
    guest_phone: str | None = None
    channel: str = "ota"


@dataclass(frozen=True, slots=True, kw_only=True)
class AriRecord:
    """Availability, rate and restriction of one listing, rate plan and stay date, as observed at a moment."""

    source: str
    listing_external_id: str
    rate_plan_external_id: str
    stay_date: date
    observed_at: datetime
    price_minor: int | None
    currency: str
    is_open: bool
    units_left: int
    min_stay_nights: int = 1
    fees_minor: int = 0
    raw_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRecord:
    """What a channel itself says of a listing: ``bookable``, ``suspended``, ``closed``."""

    source: str
    listing_external_id: str
    status: str
    changed_at: datetime
    observed_at: datetime
    detail: str = ""
    raw_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRecord:
    """One listing's funnel on one property-local day, from an extranet report.

    ``search_impressions``, ``listing_views`` and ``bookings`` are counts of that day; ``None`` is missing, not zero.
    """

    source: str
    listing_external_id: str
    day_date: date
    as_of_at: datetime
    search_impressions: int | None
    listing_views: int | None
    bookings: int | None
    revenue_minor: int | None
    currency: str
    raw_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorNight:
    """The operator's own word for one unit and night: the truth a channel is compared with."""

    unit_external_id: str
    stay_date: date
    is_open: bool
    units: int
    raw_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A record that could not be used, kept whole: ``raw`` is what came, ``reason`` names the field."""

    source: str
    operation: str
    reason: str
    field: str | None
    raw: bytes
    raw_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRecord:
    """What guests' reviews of a listing average to at a moment; ``score_10`` runs from 0 to 10 on every channel."""

    source: str
    listing_external_id: str
    observed_at: datetime
    score_10: float
    review_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRecord:
    """What a channel shows of a listing: its amenities and the rate plans on sale, by the channel's own names."""

    source: str
    listing_external_id: str
    observed_at: datetime
    amenities: frozenset[str]
    rate_plans: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRecord:
    """A line of a change log: what was changed on a channel; without a listing it was the whole property's.

    ``property_external_id`` is what the channel calls the property; ``old`` and ``new`` are as the log writes them.
    """

    source: str
    changed_at: datetime
    channel: str
    listing_external_id: str | None
    property_external_id: str | None
    field: str
    old: str
    new: str
    actor: str
    raw_id: int | None = None
