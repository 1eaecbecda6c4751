"""What a guard assumes a finding to cost gives way to what counts show, as far as they show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from python_nodes.domain.findings import LOSS_IS_ASSUMED, Anomaly
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import measured
from python_nodes.scoring.watches import load_watches

World = Callable[..., MetricMatrix]
MakeListing = Callable[..., ListingInfo]
N = 30


def finding(days: int, today: date, share: float = 0.1, *, is_assumed: bool = True) -> Anomaly:
    return Anomaly(
        listing_id=1, kind="amenity_missing", metric="listing_views", onset_date=today - timedelta(days=days),
        observed=4.0, expected=5.0, lower=None, upper=None, p_value=None, share_lost=share, confidence=1.0,
        cause="amenity_missing", evidence={LOSS_IS_ASSUMED: is_assumed, "missing": ["wifi"]},
    )  # fmt: skip


def told(matrix: MetricMatrix, listing: MakeListing, one: Anomaly, today: date) -> Anomaly:
    listings = [listing(key, f"m{key % 2}") for key in range(1, N + 1)]
    (found,) = measured.corrected([one], measured.counting(load_watches()), matrix, listings, today)
    return found


def fallen(world: World, seed: int, days: int, kept: float, volume: float) -> tuple[MetricMatrix, date]:
    """A world whose first listing lost impressions, and all below them, on the last days."""
    matrix = world(seed, np.concatenate([np.array([volume]), np.linspace(0.1, 4.0, N - 1)]))
    values = {name: array.copy() for name, array in matrix.values.items()}
    for name in ("search_impressions", "listing_views", "booking_velocity"):
        values[name][0, -days:] = np.round(values[name][0, -days:] * kept)
    return replace(matrix, values=values), (matrix.days[-1] + np.timedelta64(1, "D")).item()


def test_a_busy_listing_tells_what_the_loss_is(world: World, listing: MakeListing) -> None:
    shares = []
    for seed in range(40, 46):
        matrix, today = fallen(world, seed, 9, 0.6, 12.0)
        shares.append(told(matrix, listing, finding(9, today), today).share_lost)
    assert 0.25 < np.mean(shares) < 0.45


def test_what_is_assumed_rightly_stays_near_it(world: World, listing: MakeListing) -> None:
    shares = []
    for seed in range(40, 46):
        matrix, today = fallen(world, seed, 9, 0.8, 6.0)
        shares.append(told(matrix, listing, finding(9, today, 0.2), today).share_lost)
    assert np.mean(shares) == pytest.approx(0.2, abs=0.07)


def test_a_quiet_listing_says_little_about_its_bookings(world: World, listing: MakeListing) -> None:
    matrix, today = fallen(world, 47, 3, 1.0, 0.05)
    one = told(matrix, listing, finding(3, today), today)
    assert abs(one.share_lost - 0.1) < 0.04
    assert one.evidence["assumed_share_lost"] == 0.1
    assert one.evidence["counted_days"] == 3


@pytest.mark.parametrize(("days", "is_assumed"), [(0, True), (5, False)])
def test_a_finding_of_today_or_of_known_cost_stays(
    days: int, is_assumed: bool, world: World, listing: MakeListing
) -> None:
    matrix, today = fallen(world, 48, 9, 0.5, 6.0)
    one = finding(days, today, is_assumed=is_assumed)
    assert told(matrix, listing, one, today) is one


def test_a_listing_that_tells_nothing_keeps_the_assumption(world: World, listing: MakeListing) -> None:
    matrix, today = fallen(world, 49, 9, 0.5, 6.0)
    values = {name: array.copy() for name, array in matrix.values.items()}
    for array in values.values():
        array[0] = np.nan
    one = told(replace(matrix, values=values), listing, finding(5, today), today)
    assert one.share_lost == pytest.approx(0.1)
