"""Arrays over listings that guards, scoring and impact read; row ``i`` is always ``listings[i]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from python_nodes.domain.metrics import DayArray, FloatArray, IntArray
from python_nodes.domain.portfolio import ListingInfo

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Spans:
    """Stretches of time on listings, (n,) each; ``from_at`` and ``until_at`` are datetime64[s] UTC, end exclusive."""

    listing_id: IntArray
    from_at: NDArray[np.datetime64]
    until_at: NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class AriMatrix:
    """Latest known availability and rates, shape (n_listings, n_nights).

    ``known`` is False where no observation exists; there ``is_open`` is False, ``price_minor`` NaN, ``units_left`` 0.
    ``price_minor`` is NaN where the channel shows no price; ``fees_minor`` is charged once a stay, 0 for none.
    ``observed_at`` (n_listings,) is the last successful poll, datetime64[s] UTC, NaT if never.
    """

    nights: DayArray
    known: BoolArray
    is_open: BoolArray
    price_minor: FloatArray
    units_left: IntArray
    min_stay_nights: IntArray
    fees_minor: IntArray
    observed_at: NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class UsualTerms:
    """What each night usually asked of a guest, (n_listings, n_nights), NaN if unknown: told by earlier polls.

    Time in which an alert puts a term in doubt does not count for that term.
    """

    price_minor: FloatArray
    fees_minor: FloatArray
    min_stay_nights: FloatArray


@dataclass(frozen=True, slots=True)
class HealthState:
    """The channel's own word per listing: ``status`` and ``detail`` are '' if never told.

    ``changed_at`` is datetime64[s] UTC.
    """

    status: NDArray[np.str_]
    changed_at: NDArray[np.datetime64]
    detail: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class ReviewState:
    """The latest score (0 to 10, NaN if never told) of each listing and how many reviews it is made of."""

    score_10: FloatArray
    count: IntArray


@dataclass(frozen=True, slots=True)
class RecentDays:
    """What the last weeks told of each day, (n_listings, n_days), NaN where untold; the last day is the latest local.

    ``shown_count`` is search impressions, ``viewed_count`` listing views.
    """

    days: DayArray
    shown_count: FloatArray
    viewed_count: FloatArray
    review_score: FloatArray


@dataclass(frozen=True, slots=True)
class MissingContent:
    """What earlier snapshots of a listing's page showed and the latest does not, one entry each.

    ``row`` points into the listings; ``part`` is ``amenity`` or ``rate_plan``; ``left_count`` of that part are still
    there; ``last_seen_at`` datetime64[s] UTC.
    """

    row: IntArray
    part: NDArray[np.str_]
    name: NDArray[np.str_]
    left_count: IntArray
    last_seen_at: NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class FeedMarks:
    """What was odd about the records a feed brought, one entry each: ``mark`` is ``duplicate`` or ``currency``.

    ``row`` points into the listings; ``day`` is what the record was about; ``value`` is how often it was told, or the
    currency; ``observed_at`` datetime64[s] UTC is the poll that told it last.
    """

    row: IntArray
    operation: NDArray[np.str_]
    mark: NDArray[np.str_]
    day: DayArray
    value: NDArray[np.str_]
    observed_at: NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingPoll:
    """An operation of a connection that fails now; ``listings`` (n_listings,) are those it speaks for."""

    connection_id: int
    connection: str
    operation: str
    failing_since_at: datetime
    succeeded_at: datetime | None
    failures: int
    reason: str
    listings: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A connection whose access has a known end or is refused; ``listings`` (n_listings,) are those it speaks for."""

    connection_id: int
    connection: str
    ends_at: datetime | None
    refused_at: datetime | None
    listings: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardInputs:
    """Everything a guard may look at.

    ``operator_known``/``operator_open`` (n_listings, n_nights) over ``ari.nights``: the operator's own calendar;
    ``operator_since`` datetime64[s] UTC: when it first said so of the night, NaT where it says nothing.
    ``last_performance_day`` (n_listings,) datetime64[D], NaT if none.
    ``local_day`` (n_listings,) datetime64[D]: the day it is at each listing.
    ``night_demand`` (n_listings, n_nights): share of a day's expected bookings that would touch that night's stay
    (sums to 1 over nights where lead times are known).
    ``stay_shares`` (n_listings, k): column ``i`` is the share of bookings that stay ``i + 1`` nights, the last or more.
    ``booked_units`` (n_listings, n_nights): like units that standing bookings of all channels took before the poll of
    availability, with time enough for it to know them; 0 where the night changed on the channel since.
    ``worth``: what one minor unit of each currency is worth, all in minor units of one and the same; as known today.
    """

    as_of: datetime
    as_of_day: date
    listings: Sequence[ListingInfo]
    ari: AriMatrix
    health: HealthState
    operator_known: BoolArray
    operator_open: BoolArray
    operator_since: NDArray[np.datetime64]
    usual: UsualTerms
    last_performance_day: NDArray[np.datetime64]
    local_day: DayArray
    night_demand: FloatArray
    stay_shares: FloatArray
    booked_units: IntArray
    recent: RecentDays
    reviews: ReviewState
    missing_content: MissingContent
    marks: FeedMarks
    failing: Sequence[FailingPoll]
    access: Sequence[Access] = ()
    worth: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Economics:
    """What one day of a listing is worth, (n_listings,), in the tenant's currency.

    ``bookings_per_day`` expected; ``revenue_per_booking_minor`` gross booking value before commission;
    ``kept_share`` 1 − expected cancellation share; ``season_index`` expected demand now ÷ year's mean; ``worth_sd`` the
    standard deviation of the logarithm of the first three's product, None where nobody worked it out.
    """

    bookings_per_day: FloatArray
    revenue_per_booking_minor: FloatArray
    kept_share: FloatArray
    season_index: FloatArray
    worth_sd: FloatArray | None = None
