"""Metrics that no channel reports and that bookings tell: by booking date, and by night.

Every function works on whole arrays; a value that cannot be told is NaN. The glossary has each metric's definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from python_nodes.domain.columns import BoolArray
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray

LEAD_SHARE = 0.9
"""Nights are told once this share of their bookings would have been made since bookings are known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Booked:
    """One entry a booking, (n_bookings,); days are property-local, NaT where it was not cancelled.

    ``listing_row`` points into the listings; ``value`` is the whole stay in the property's currency, NaN if unknown;
    ``is_kept`` is False for a cancelled stay and for a guest who did not come.
    """

    listing_row: IntArray
    booked_day: DayArray
    cancelled_day: DayArray
    check_in_day: DayArray
    stay_nights: IntArray
    value: FloatArray
    is_kept: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """From when until when each listing's bookings are known, (n_listings,), both days included; NaT if never."""

    first_day: DayArray
    last_day: DayArray

    def on(self, days: DayArray, *, later_days: int | IntArray = 0) -> BoolArray:
        """Tell which days are known, (n_listings, n_days); ``later_days`` puts the first one off."""
        begin = self.first_day + np.asarray(later_days, dtype="timedelta64[D]")
        # A comparison with NaT is False, so what is never known is known on no day.
        return np.asarray((days >= begin[:, None]) & (days <= self.last_day[:, None]), dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Capacity:
    """What each listing's unit can sell: ``unit_row`` (n_listings,) points into units, ``rooms`` (n_units,) of each.

    ``is_blocked`` (n_units, n_days): what is not sold that night was withheld.
    """

    unit_row: IntArray
    rooms: IntArray
    is_blocked: BoolArray


def by_booking_date(booked: Booked, known: Known, days: DayArray) -> dict[str, FloatArray]:
    """Return bookings, net nights, lead time and length of stay of what was booked on each day, cancelled or not."""
    shape = (len(known.first_day), len(days))
    is_known = known.on(days)
    made = _sums(booked.listing_row, booked.booked_day, np.ones(len(booked.listing_row)), days, shape)
    nights = _sums(booked.listing_row, booked.booked_day, booked.stay_nights, days, shape)
    lead = (booked.check_in_day - booked.booked_day).astype(np.int64)
    leads = _sums(booked.listing_row, booked.booked_day, lead, days, shape)
    gone = ~np.isnat(booked.cancelled_day)
    lost = _sums(booked.listing_row[gone], booked.cancelled_day[gone], booked.stay_nights[gone], days, shape)
    return {
        "booking_velocity": np.where(is_known, made, np.nan),
        "pickup_nights": np.where(is_known, nights - lost, np.nan),
        "lead_time_days": np.where(is_known, ratio(leads, made), np.nan),
        "los_nights": np.where(is_known, ratio(nights, made), np.nan),
    }


def by_night(booked: Booked, known: Known, capacity: Capacity, days: DayArray) -> dict[str, FloatArray]:
    """Return occupancy, ADR and RevPAR of each night; a listing's share of its unit, which other channels sell too.

    A unit's occupancy is the sum of its listings'. Nights are left out until ``LEAD_SHARE`` of their bookings are
    known, and while any of the unit's listings is not known.
    """
    n_units, shape = len(capacity.rooms), (len(known.first_day), len(days))
    row, day, value = _nights(booked)
    sold = _sums(row, day, np.ones(len(row)), days, shape)
    revenue = _sums(row, day, value, days, shape)
    sold_of_unit = np.zeros((n_units, len(days)))
    np.add.at(sold_of_unit, capacity.unit_row, sold)
    left = np.maximum(capacity.rooms[:, None] - sold_of_unit, 0.0)
    available = sold_of_unit + np.where(capacity.is_blocked, 0.0, left)
    whole = np.ones((n_units, len(days)), dtype=np.bool_)
    np.logical_and.at(whole, capacity.unit_row, known.on(days, later_days=_lead_days(booked)))
    is_whole, own = whole[capacity.unit_row], available[capacity.unit_row]
    return {
        "occupancy": np.where(is_whole, ratio(sold, own), np.nan),
        "adr": np.where(known.on(days), ratio(revenue, sold), np.nan),
        "revpar": np.where(is_whole, ratio(revenue, own), np.nan),
    }


def filled_ratios(told: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the ratios that no report tells and whose parts are told."""
    shown, viewed, booked = (told[name] for name in ("search_impressions", "listing_views", "booking_velocity"))
    found = {"click_through_rate": ratio(viewed, shown), "conversion_rate": ratio(booked, viewed)}
    return {name: np.where(np.isnan(told[name]), values, np.nan) for name, values in found.items()}


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide; over nothing the ratio is missing, not zero."""
    result = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=np.asarray(denominator) > 0)
    return result


def _nights(booked: Booked) -> tuple[IntArray, DayArray, FloatArray]:
    """Listing, day and value of each night that was stayed; a stay's value is spread evenly."""
    kept = np.flatnonzero(booked.is_kept & (booked.stay_nights > 0))
    stay = booked.stay_nights[kept]
    which = np.repeat(kept, stay)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(stay) - stay, stay)
    day = booked.check_in_day[which] + offset.astype("timedelta64[D]")
    return booked.listing_row[which], day, booked.value[which] / booked.stay_nights[which]


def _lead_days(booked: Booked) -> int:
    lead = (booked.check_in_day - booked.booked_day).astype(np.int64)
    return int(np.quantile(lead, LEAD_SHARE)) if len(lead) else 0


def _sums(
    row: IntArray, day: DayArray, values: FloatArray | IntArray, days: DayArray, shape: tuple[int, int]
) -> FloatArray:
    result = np.zeros(shape)
    if len(days):
        column = (day - days[0]).astype(np.int64)
        inside = (column >= 0) & (column < len(days))
        np.add.at(result, (row[inside], column[inside]), np.asarray(values, dtype=np.float64)[inside])
    return result
