"""Arrays over listings that guards, scoring and impact read; row ``i`` is always ``listings[i]``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    ``price_minor`` is NaN where the channel shows no price. ``observed_at`` (n_listings,) is the last successful
    poll, datetime64[s] UTC, NaT if never.
    """

    nights: DayArray
    known: BoolArray
    is_open: BoolArray
    price_minor: FloatArray
    units_left: IntArray
    min_stay_nights: IntArray
    observed_at: NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class HealthState:
    """The channel's own word per listing: ``status`` is '' if never told; ``changed_at`` datetime64[s] UTC."""

    status: NDArray[np.str_]
    changed_at: NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class GuardInputs:
    """Everything a guard may look at.

    ``operator_known``/``operator_open`` (n_listings, n_nights) over ``ari.nights``: the operator's own calendar.
    ``trailing_price_minor`` (n_listings, n_nights): what a night usually costs, by earlier polls that no price alert
    makes doubtful, NaN if unknown.
    ``last_performance_day`` (n_listings,) datetime64[D], NaT if none.
    ``night_demand`` (n_listings, n_nights): share of a day's expected bookings that would touch that night's stay
    (sums to 1 over nights where lead times are known).
    """

    as_of: datetime
    as_of_day: date
    listings: Sequence[ListingInfo]
    ari: AriMatrix
    health: HealthState
    operator_known: BoolArray
    operator_open: BoolArray
    trailing_price_minor: FloatArray
    last_performance_day: NDArray[np.datetime64]
    night_demand: FloatArray


@dataclass(frozen=True, slots=True)
class Economics:
    """What one day of a listing is worth, (n_listings,), in the tenant's currency.

    ``bookings_per_day`` expected; ``revenue_per_booking_minor`` gross booking value before commission;
    ``kept_share`` 1 − expected cancellation share; ``season_index`` expected demand now ÷ year's mean.
    """

    bookings_per_day: FloatArray
    revenue_per_booking_minor: FloatArray
    kept_share: FloatArray
    season_index: FloatArray
