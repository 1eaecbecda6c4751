"""A replay of past days says what a sweep on each of those days says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import replay, sweep
from python_nodes.scoring.watches import load_watches

World = Callable[..., MetricMatrix]
MakeListing = Callable[..., ListingInfo]
N, DAYS = 60, 12


@pytest.fixture
def troubled(world: World) -> MetricMatrix:
    """Listing 1 loses its impressions for ten days, five days ago listing 2 its bookings, and market m0 its demand."""
    matrix = world(31, np.concatenate([[9.0, 9.0], np.linspace(0.1, 4.0, N - 2)]))
    values = {name: told.copy() for name, told in matrix.values.items()}
    for name in ("search_impressions", "listing_views", "booking_velocity"):
        values[name][0, -10:-3] = np.round(values[name][0, -10:-3] * 0.3)
        values[name][2::3, -9:] = np.round(values[name][2::3, -9:] * 0.45)
    values["booking_velocity"][1, -6:] = 0.0
    return replace(matrix, values=values)


def listings_of(listing: MakeListing) -> list[ListingInfo]:
    return [listing(key, f"m{key % 3}") for key in range(1, N + 1)]


def last_day(matrix: MetricMatrix) -> date:
    day: date = (matrix.days[-1] + np.timedelta64(1, "D")).item()
    return day


def test_each_day_says_what_its_own_sweep_says(troubled: MetricMatrix, listing: MakeListing) -> None:
    listings, end = listings_of(listing), last_day(troubled)
    start = end - timedelta(days=DAYS - 1)
    told = replay.run(load_watches(), troubled, listings, start, end)
    said = 0
    for at in range(DAYS):
        day = start + timedelta(days=at)
        found = sweep.score_all(load_watches(), troubled, listings, None, day)
        held = {
            (kind, told.listings[row].listing_id)
            for kind, states in told.states.items()
            for row in np.flatnonzero(states[:, at]).tolist()
        }
        assert held == {(one.kind, one.listing_id) for one in found}, day
        said += len(found)
    assert said > 20


def test_what_comes_later_changes_nothing(troubled: MetricMatrix, listing: MakeListing) -> None:
    listings, end = listings_of(listing), last_day(troubled)
    start = end - timedelta(days=DAYS - 1)
    whole = replay.run(load_watches(), troubled, listings, start, end)
    cut = end - timedelta(days=4)
    part = replay.run(load_watches(), troubled, listings, start, cut)
    for kind, states in part.states.items():
        assert np.array_equal(states, whole.states[kind][:, : DAYS - 4])


def test_a_market_is_one_alert_and_a_listing_is_raised_once(troubled: MetricMatrix, listing: MakeListing) -> None:
    end = last_day(troubled)
    raised = replay.alerts(
        replay.run(load_watches(), troubled, listings_of(listing), end - timedelta(days=DAYS - 1), end)
    )
    (market,) = [one for one in raised if one.kind == "market_demand_drop"]
    assert (market.scope, market.place, len(market.listing_ids), market.ended_date) == ("market", "m0", N // 3, None)
    (lost,) = [one for one in raised if one.listing_ids == (1,)]
    assert lost.kind == "demand_drop"
    assert end - timedelta(days=10) < lost.raised_date <= end - timedelta(days=6)
    assert lost.ended_date is not None
    assert [one.kind for one in raised if one.listing_ids == (2,)] == ["conversion_drop"]


def test_an_alarm_from_before_the_first_day_is_not_raised_again(troubled: MetricMatrix, listing: MakeListing) -> None:
    end = last_day(troubled)
    told = replay.run(load_watches(), troubled, listings_of(listing), end - timedelta(days=1), end)
    assert told.states["market_demand_drop"].any()
    assert [one for one in replay.alerts(told) if one.scope == "market"] == []
