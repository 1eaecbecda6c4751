"""What a day of each listing is worth, and which nights its bookings touch; told by past bookings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from python_nodes.domain.inputs import Economics
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo

YEAR_DAYS = 364


@dataclass(frozen=True, slots=True, kw_only=True)
class EconomicsSettings:
    """``gap_days`` keeps a problem that has begun out of what is normal; pools weigh as so many bookings or days."""

    baseline_days: int = 91
    gap_days: int = 14
    pool_bookings: float = 5.0
    pool_cancelled: float = 30.0
    pool_days: float = 14.0
    season_half_width_days: int = 14


DEFAULTS = EconomicsSettings()


def economics(
    listings: Sequence[ListingInfo], days: DayArray, bookings: FloatArray, revenue_minor: FloatArray,
    cancelled: FloatArray, matrix: MetricMatrix | None, as_of_day: date, fx: Mapping[str, float],
    settings: EconomicsSettings = DEFAULTS,
) -> Economics:  # fmt: skip
    """Return expected bookings, their value, what survives cancellation, and the season.

    Parameters
    ----------
    listings : sequence of ListingInfo
    days : ndarray of datetime64[D], shape (n_days,)
        Booking dates, contiguous.
    bookings, revenue_minor, cancelled : ndarray, shape (n_listings, n_days)
        By booking date; revenue in the listing's currency; ``cancelled`` of the bookings made that day.
    matrix : MetricMatrix, optional
        Where it has ``booking_velocity`` it fills listings without a stored booking.
    as_of_day : date
        Nothing on or after it is used.
    fx : mapping
        Tenant's currency per unit of a currency, in minor units of each; 1 where a currency is missing.

    Returns
    -------
    Economics
    """
    end = int(np.searchsorted(days, np.datetime64(as_of_day, "D")))
    counts, money, lost = (np.nan_to_num(np.asarray(a, dtype=np.float64))[:, :end] for a in
                           (bookings, revenue_minor, cancelled))  # fmt: skip
    counts = _filled(counts, matrix, listings, days[:end])
    rates = np.array([fx.get(listing.currency, 1.0) for listing in listings], dtype=np.float64)
    markets = np.unique([listing.market for listing in listings], return_inverse=True)[1].astype(np.int64)
    recent = slice(max(end - settings.gap_days - settings.baseline_days, 0), max(end - settings.gap_days, 0))
    window_days = max(recent.stop - recent.start, 1)
    drift, season_index = _season(counts, markets, recent, settings)
    per_day = (counts[:, recent].sum(axis=1) + settings.pool_days * counts.sum(axis=1) / max(end, 1)) / (
        window_days + settings.pool_days
    )
    base = np.array([listing.base_price_minor for listing in listings], dtype=np.float64)
    total, value = counts.sum(axis=1), money.sum(axis=1)
    nights = float(value.sum() / max(float((total * base).sum()), 1.0)) if value.sum() > 0 else 1.0
    per_booking = (value + settings.pool_bookings * base * nights) / (total + settings.pool_bookings)
    share = lost.sum() / max(float(total.sum()), 1.0)
    gone = (lost.sum(axis=1) + settings.pool_cancelled * share) / (total + settings.pool_cancelled)
    return Economics(per_day * drift, per_booking * rates, np.clip(1.0 - gone, 0.0, 1.0), season_index)


def _filled(
    counts: FloatArray, matrix: MetricMatrix | None, listings: Sequence[ListingInfo], days: DayArray
) -> FloatArray:
    """Use reported bookings for a listing of which no booking is stored."""
    if matrix is None or "booking_velocity" not in matrix.values:
        return counts
    rows = {int(key): row for row, key in enumerate(matrix.listing_ids)}
    columns = np.searchsorted(matrix.days, days)
    inside = (columns < matrix.days.size) & (matrix.days[np.minimum(columns, matrix.days.size - 1)] == days)
    result = counts.copy()
    for row in np.flatnonzero(counts.sum(axis=1) == 0).tolist():
        known = rows.get(listings[row].listing_id)
        if known is not None:
            result[row, inside] = np.nan_to_num(matrix.values["booking_velocity"][known, columns[inside]])
    return result


def _season(
    counts: FloatArray, markets: IntArray, recent: slice, settings: EconomicsSettings
) -> tuple[FloatArray, FloatArray]:
    """Return now ÷ the baseline window, and now ÷ the year's mean, by market as a year ago showed it."""
    n_listings, n_days = counts.shape
    drift, index = np.ones(n_listings), np.ones(n_listings)
    centre = n_days - YEAR_DAYS
    now = slice(max(centre - settings.season_half_width_days, 0), centre + settings.season_half_width_days + 1)
    before = slice(max(recent.start - YEAR_DAYS, 0), max(recent.stop - YEAR_DAYS, 0))
    if centre < 1:
        return drift, index
    for market in np.unique(markets):
        rows = markets == market
        total = counts[rows].sum(axis=0)
        year = (total[-YEAR_DAYS:].mean() * 1.0) + 1e-9
        strength = 50.0 / (now.stop - now.start)
        present = (total[now].mean() + strength) / (year + strength)
        index[rows] = np.clip(present, 0.2, 5.0)
        if before.stop - before.start >= settings.season_half_width_days:
            past = (total[before].mean() + strength) / (year + strength)
            drift[rows] = np.clip(present / past, 0.5, 2.0)
    return drift, index


def night_demand(
    listing_row: IntArray, lead_days: IntArray, stay_nights: IntArray, n_listings: int, n_nights: int,
    pool_bookings: float = 20.0,
) -> FloatArray:  # fmt: skip
    """Return which share of a day's bookings touches each coming night.

    Parameters
    ----------
    listing_row, lead_days, stay_nights : ndarray of int, shape (n_bookings,)
        One entry a past booking; a booking spreads its weight evenly over its nights.
    n_listings, n_nights : int
    pool_bookings : float
        How many bookings the shape over all listings weighs against a listing's own.

    Returns
    -------
    ndarray, shape (n_listings, n_nights)
        A row sums to the share of bookings that fall within the nights, at most 1; evenly 1 without any booking.
    """
    usable = (lead_days >= 0) & (stay_nights > 0) & (listing_row >= 0) & (listing_row < n_listings)
    row, lead, stay = listing_row[usable], lead_days[usable], stay_nights[usable]
    if not row.size:
        return np.full((n_listings, n_nights), 1.0 / max(n_nights, 1))
    change = np.zeros((n_listings, n_nights + 1))
    np.add.at(change, (row, np.minimum(lead, n_nights)), 1.0 / stay)
    np.add.at(change, (row, np.minimum(lead + stay, n_nights)), -1.0 / stay)
    touched = np.maximum(np.cumsum(change, axis=1)[:, :n_nights], 0.0)
    made = np.bincount(row, minlength=n_listings).astype(np.float64)[:, None]
    pool = touched.sum(axis=0) / made.sum()
    return np.asarray((touched + pool_bookings * pool) / (made + pool_bookings), dtype=np.float64)
