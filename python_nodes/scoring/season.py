"""How demand and prices moved with the year, market by market, told by bookings that are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.domain.portfolio import ListingInfo

YEAR_DAYS = 364
"""52 weeks: the same weekday a year ago."""
LEAST_DAYS = 14
"""A window of a year ago that is told for less says nothing."""
POOL = 50.0
"""Bookings that stand for "as ever" beside what a market's windows tell."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Columns of the bookings' days: ``base`` is what levels are of, ``near`` its last part."""

    base: slice
    near: slice
    near_year_ago: slice
    now_year_ago: slice


def windows(end: int, baseline_days: int, gap_days: int, near_days: int, half_width_days: int) -> Windows:
    """Lay the windows before column ``end``; what would lie before the first column is cut off."""
    year_ago = end - YEAR_DAYS

    def span(first: int, stop: int) -> slice:
        return slice(max(first, 0), max(stop, 0))

    return Windows(
        span(end - gap_days - baseline_days, end - gap_days),
        span(end - gap_days - near_days, end - gap_days),
        span(year_ago - gap_days - near_days, year_ago - gap_days),
        span(year_ago - half_width_days, year_ago + half_width_days + 1),
    )


def told_days(counts: FloatArray, listings: Sequence[ListingInfo]) -> BoolArray:
    """Return the days that each listing's channel tells of: a day before its first booking is no day without one."""
    told = np.zeros(counts.shape, dtype=np.bool_)
    channels = np.array([listing.channel for listing in listings])
    for channel in np.unique(channels):
        rows = channels == channel
        booked = np.flatnonzero(counts[rows].sum(axis=0))
        if booked.size:
            told[rows, int(booked[0]) :] = True
    return told


def mean_a_day(counts: FloatArray, told: BoolArray) -> FloatArray:
    """Return each row's mean over its told days, 0 where none is."""
    return np.asarray((counts * told).sum(axis=1) / np.maximum(told.sum(axis=1), 1), dtype=np.float64)


def movement(counts: FloatArray, told: BoolArray, markets: IntArray, at: Windows) -> tuple[FloatArray, FloatArray]:
    """Return now over the base window, and now over the year's mean, of each listing's market.

    Measured up to the base window's end, and from there on as the same weeks of the year before moved. A market's
    window is the sum of its listings' bookings over what the same listings' means come to on the days they tell, so
    one that joins within the year moves nothing.
    """
    usual = np.where(told, mean_a_day(counts, told)[:, None], 0.0)
    drift, index = np.ones(len(counts)), np.ones(len(counts))
    for market in np.unique(markets):
        rows = markets == market
        seen, wanted = counts[rows].sum(axis=0), usual[rows].sum(axis=0)
        since = _ratio(seen, wanted, at.near, at.base, POOL) * _year_ago(seen, wanted, told[rows], at, POOL)
        drift[rows] = np.clip(since, 0.4, 2.5)
        index[rows] = np.clip(drift[rows] * _level(seen, wanted, at.base, POOL), 0.2, 5.0)
    return drift, index


def value_movement(
    counts: FloatArray, money: FloatArray, per_booking: FloatArray, told: BoolArray, markets: IntArray, at: Windows
) -> FloatArray:  # fmt: skip
    """Return what bookings of each listing's market are now worth, over what the same listings' usually are."""
    moved = np.ones(len(counts))
    for market in np.unique(markets):
        rows = markets == market
        worth, usual = money[rows].sum(axis=0), (counts[rows] * per_booking[rows, None]).sum(axis=0)
        pool = max(POOL * float(per_booking[rows].mean()), 1.0)
        lately = _level(worth, usual, at.near, pool)
        moved[rows] = np.clip(lately * _year_ago(worth, usual, told[rows], at, pool), 0.5, 2.0)
    return moved


def _level(seen: FloatArray, wanted: FloatArray, window: slice, pool: float) -> float:
    return float((seen[window].sum() + pool) / (wanted[window].sum() + pool))


def _ratio(seen: FloatArray, wanted: FloatArray, window: slice, other: slice, pool: float) -> float:
    return _level(seen, wanted, window, pool) / _level(seen, wanted, other, pool)


def _year_ago(seen: FloatArray, wanted: FloatArray, told: BoolArray, at: Windows, pool: float) -> float:
    """Return how the weeks from the near window to now moved a year ago; 1 where that is not told."""
    days = np.asarray(told.any(axis=0), dtype=np.bool_)
    if min(days[at.near_year_ago].sum(), days[at.now_year_ago].sum()) < LEAST_DAYS:
        return 1.0
    return _ratio(seen, wanted, at.now_year_ago, at.near_year_ago, pool)
