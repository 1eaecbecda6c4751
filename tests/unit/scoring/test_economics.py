"""Money and lead times by hand-made numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.economics import economics, night_demand


def test_steady_bookings_are_worth_what_they_were(listing: Callable[..., ListingInfo]) -> None:
    days = np.datetime64("2025-01-26") + np.arange(400)
    counts = np.full((2, 400), 3.0)
    result = economics(
        [listing(1), listing(2)], days, counts, counts * 20_000, counts / 3, None, date(2026, 3, 2), {"EUR": 2.0}
    )
    assert result.bookings_per_day == pytest.approx([3.0, 3.0])
    assert result.revenue_per_booking_minor == pytest.approx([40_000.0, 40_000.0])
    assert result.kept_share == pytest.approx([2 / 3, 2 / 3])
    assert result.season_index == pytest.approx([1.0, 1.0])


def test_a_present_problem_does_not_lower_what_is_expected(listing: Callable[..., ListingInfo]) -> None:
    days = np.datetime64("2025-01-26") + np.arange(400)
    counts = np.full((1, 400), 3.0)
    counts[0, -10:] = 0.0
    result = economics([listing(1)], days, counts, counts * 100, counts * 0, None, date(2026, 3, 2), {})
    assert result.bookings_per_day[0] > 2.9


def seasonal_counts(first: str, n_days: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Bookings that rise and fall by three tenths within a year, and their days."""
    days = np.datetime64(first) + np.arange(n_days)
    phase = 2 * np.pi * days.astype(np.int64) / 364.0
    return level * (1 + 0.3 * np.sin(phase)), days


def test_days_before_the_first_booking_are_no_days_without_one(listing: Callable[..., ListingInfo]) -> None:
    curve, days = seasonal_counts("2025-01-06", 420, 40.0)
    whole = np.stack([curve, curve])
    late = whole.copy()
    late[:, :20] = 0.0
    told = [
        economics([listing(1), listing(2)], days, counts, counts * 100, counts * 0, None, date(2026, 3, 2), {})
        for counts in (whole, late)
    ]
    assert told[1].bookings_per_day == pytest.approx(told[0].bookings_per_day, rel=0.02)


@pytest.mark.parametrize("as_of", [date(2026, 3, 2), date(2026, 6, 1), date(2026, 8, 31), date(2026, 11, 30)])
def test_expectation_and_value_follow_the_season_to_this_day(as_of: date, listing: Callable[..., ListingInfo]) -> None:
    curve, days = seasonal_counts(str(np.datetime64(as_of) - 420), 441, 40.0)
    price = 10_000 * (1 - 0.3 * np.sin(2 * np.pi * days.astype(np.int64) / 364.0))
    counts = np.stack([curve, curve])
    result = economics([listing(1), listing(2)], days, counts, counts * price, counts * 0, None, as_of, {})
    assert result.bookings_per_day == pytest.approx([curve[420]] * 2, rel=0.05)
    assert result.revenue_per_booking_minor == pytest.approx([price[420]] * 2, rel=0.06)


def test_a_listing_that_joined_lately_does_not_move_its_market(listing: Callable[..., ListingInfo]) -> None:
    days = np.datetime64("2025-01-26") + np.arange(400)
    counts = np.full((3, 400), 6.0)
    counts[2, :300] = 0.0
    places = [listing(1), listing(2), replace(listing(3), channel="vrbo")]
    result = economics(places, days, counts, counts * 100, counts * 0, None, date(2026, 3, 2), {})
    assert result.bookings_per_day == pytest.approx([6.0] * 3, rel=0.01)


def test_late_cancellations_are_waited_for(listing: Callable[..., ListingInfo]) -> None:
    days = np.datetime64("2025-01-26") + np.arange(400)
    counts = np.full((1, 400), 3.0)
    cancelled = np.where(np.arange(400) < 340, 1.0, 0.0)[None, :]
    result = economics([listing(1)], days, counts, counts * 100, cancelled, None, date(2026, 3, 2), {})
    assert result.kept_share == pytest.approx([2 / 3])


def test_night_demand_follows_lead_and_stay() -> None:
    row = np.zeros(1_000, np.int64)
    demand = night_demand(row, np.full(1_000, 5), np.full(1_000, 2), 2, 90)
    assert demand[0, 5] == pytest.approx(0.5)
    assert demand[0, 6] == pytest.approx(0.5)
    assert demand.sum(axis=1) == pytest.approx([1.0, 1.0])
    far = night_demand(row, np.full(1_000, 200), np.full(1_000, 2), 1, 90)
    assert far.sum() == 0.0
    assert night_demand(row[:0], row[:0], row[:0], 2, 10).sum(axis=1) == pytest.approx([1.0, 1.0])
