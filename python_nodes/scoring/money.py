"""How far what a day of a listing is worth may be off: chance of counts, of values and of cancellations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class WorthDoubt:
    """``season_sd`` is how far a market's movement since the base window may be taken wrongly, in the logarithm.

    ``pool_days`` are the days that all listings' dispersion weighs beside a listing's own.
    """

    season_sd: float = 0.09
    pool_days: float = 30.0


DEFAULTS = WorthDoubt()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the worth of a day was told by; (n_listings, n_days) by booking date, ``base`` the days of the level.

    ``equivalent`` (n_listings,) are the bookings that the level rests on, its pool included; ``per_booking_minor`` and
    ``kept_share`` (n_listings,) what was made of the values and cancellations; ``pooled_bookings`` and
    ``pooled_cancelled`` how many bookings stood in for each.
    """

    counts: FloatArray
    money: FloatArray
    told: BoolArray
    base: slice
    equivalent: FloatArray
    per_booking_minor: FloatArray
    kept_share: FloatArray
    pooled_bookings: float
    pooled_cancelled: float


def worth_sd(past: Past, settings: WorthDoubt = DEFAULTS) -> FloatArray:
    """Return the standard deviation of the logarithm of what a day is worth.

    Parameters
    ----------
    past : Past
    settings : WorthDoubt

    Returns
    -------
    ndarray, shape (n_listings,)

    Notes
    -----
    Bookings a day, value of a booking and kept share are told by counts that are independent of one another, so the
    relative variances add: ``dispersion / bookings`` of the level, ``cv**2 / bookings`` of the value,
    ``(1 - kept) / (kept * bookings)`` of what survives, and the season's.
    """
    made = past.counts.sum(axis=1)
    rate = dispersion(past.counts[:, past.base], past.told[:, past.base], settings.pool_days)
    least = 0.25  # A quarter of a booking: of no booking at all nothing would be known, not even that.
    level = rate / np.maximum(past.equivalent, least)
    value = value_spread(past.counts, past.money, past.per_booking_minor) / np.maximum(
        made + past.pooled_bookings, least
    )
    kept = np.maximum(past.kept_share, 0.05)
    stays = (1.0 - kept) / (kept * np.maximum(made + past.pooled_cancelled, least))
    return np.asarray(np.sqrt(level + value + stays + settings.season_sd**2), dtype=np.float64)


def dispersion(counts: FloatArray, told: BoolArray, pool_days: float) -> FloatArray:
    """Return variance over mean of each listing's told days, at least 1, drawn towards that of all."""
    days = told.sum(axis=1)
    mean = np.where(told, counts, 0.0).sum(axis=1) / np.maximum(days, 1)
    squares = np.where(told, (counts - mean[:, None]) ** 2, 0.0).sum(axis=1)
    own = squares / np.maximum(mean, 1e-9) / np.maximum(days - 1, 1)
    common = float(squares.sum() / max(float((mean * days).sum()), 1e-9))
    weighed = (np.where(mean > 0, own, common) * days + common * pool_days) / (days + pool_days)
    return np.asarray(np.maximum(weighed, 1.0), dtype=np.float64)


def value_spread(counts: FloatArray, money: FloatArray, per_booking_minor: FloatArray) -> float:
    """Return the squared coefficient of variation of a booking's value, one for all listings, by their daily sums."""
    usual = np.maximum(per_booking_minor, 1e-9)[:, None]
    off = np.where(counts > 0, money / usual - counts, 0.0)
    return float((off**2).sum() / max(float(counts.sum()), 1.0))
