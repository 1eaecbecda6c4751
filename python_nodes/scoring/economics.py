"""What a day of each listing is worth, and which nights its bookings touch; told by past bookings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from python_nodes.domain.inputs import Economics
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import money as doubt
from python_nodes.scoring import season


@dataclass(frozen=True, slots=True, kw_only=True)
class EconomicsSettings:
    """``gap_days`` keeps a problem that has begun out of what is normal; pools weigh as so many bookings or days.

    ``near_days`` are the last of the baseline's, from which a market's season is followed on. Of bookings made within
    ``cancel_days`` it is not yet known which are cancelled.
    """

    baseline_days: int = 91
    gap_days: int = 14
    near_days: int = 28
    pool_bookings: float = 5.0
    pool_cancelled: float = 30.0
    pool_days: float = 14.0
    season_half_width_days: int = 14
    cancel_days: int = 60


DEFAULTS = EconomicsSettings()


def economics(
    listings: Sequence[ListingInfo], days: DayArray, bookings: FloatArray, revenue_minor: FloatArray,
    cancelled: FloatArray, matrix: MetricMatrix | None, as_of_day: date, fx: Mapping[str, float],
    settings: EconomicsSettings = DEFAULTS,
) -> Economics:  # fmt: skip
    """Return expected bookings, their value, what survives cancellation, the season, and how sure that is.

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
    told = season.told_days(counts, listings)
    at = season.windows(
        end, settings.baseline_days, settings.gap_days, settings.near_days, settings.season_half_width_days
    )
    drift, season_index = season.movement(counts, told, markets, at)
    equivalent = counts[:, at.base].sum(axis=1) + settings.pool_days * season.mean_a_day(counts, told)
    per_day = equivalent / (told[:, at.base].sum(axis=1) + settings.pool_days)
    base = np.array([listing.base_price_minor for listing in listings], dtype=np.float64)
    total, value = counts.sum(axis=1), money.sum(axis=1)
    nights = float(value.sum() / max(float((total * base).sum()), 1.0)) if value.sum() > 0 else 1.0
    per_booking = (value + settings.pool_bookings * base * nights) / (total + settings.pool_bookings)
    worth = season.value_movement(counts, money, per_booking, told, markets, at)
    kept = _kept_share(counts, lost, settings)
    past = doubt.Past(
        counts=counts, money=money, told=told, base=at.base, equivalent=equivalent, per_booking_minor=per_booking,
        kept_share=kept, pooled_bookings=settings.pool_bookings, pooled_cancelled=settings.pool_cancelled,
    )  # fmt: skip
    return Economics(per_day * drift, per_booking * worth * rates, kept, season_index, doubt.worth_sd(past))


def _kept_share(counts: FloatArray, lost: FloatArray, settings: EconomicsSettings) -> FloatArray:
    """Return which share of bookings is not cancelled, by those old enough to know; by all where none is."""
    known = max(counts.shape[1] - settings.cancel_days, 0)
    if counts[:, :known].sum() > 0:
        counts, lost = counts[:, :known], lost[:, :known]
    share = lost.sum() / max(float(counts.sum()), 1.0)
    gone = (lost.sum(axis=1) + settings.pool_cancelled * share) / (counts.sum(axis=1) + settings.pool_cancelled)
    return np.asarray(np.clip(1.0 - gone, 0.0, 1.0), dtype=np.float64)


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
