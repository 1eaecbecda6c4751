"""Money and lead times by hand-made numbers."""

from __future__ import annotations

from collections.abc import Callable
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


def test_night_demand_follows_lead_and_stay() -> None:
    row = np.zeros(1_000, np.int64)
    demand = night_demand(row, np.full(1_000, 5), np.full(1_000, 2), 2, 90)
    assert demand[0, 5] == pytest.approx(0.5)
    assert demand[0, 6] == pytest.approx(0.5)
    assert demand.sum(axis=1) == pytest.approx([1.0, 1.0])
    far = night_demand(row, np.full(1_000, 200), np.full(1_000, 2), 1, 90)
    assert far.sum() == 0.0
    assert night_demand(row[:0], row[:0], row[:0], 2, 10).sum(axis=1) == pytest.approx([1.0, 1.0])
