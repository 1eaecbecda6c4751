"""What a tenant's own past tells of its watches: where it is like the shipped tails, and where it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from detectors import calibrate
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import own_tails
from python_nodes.scoring.watches import Watch, load_watches, with_budget

World = Callable[..., MetricMatrix]
MakeListing = Callable[..., ListingInfo]
VOLUMES = np.linspace(0.5, 8.0, 60)


def of(*names: str) -> list[Watch]:
    return [one for one in load_watches() if one.name in names]


def cut(tails: calibrate.Tails, segment: int) -> float:
    return float(calibrate.limits(tails, np.array([segment]), np.array([1e-5]))[0])


def end(matrix: MetricMatrix) -> object:
    return (matrix.days[-1] + np.timedelta64(1, "D")).item()


def rougher(matrix: MetricMatrix, by: float) -> MetricMatrix:
    """The same world with bookings that come and go week by week, as no count of a steady rate does."""
    rng = np.random.default_rng(7)
    booked = matrix.values["booking_velocity"]
    weeks = rng.gamma(1.0 / by, by, (booked.shape[0], booked.shape[1] // 7 + 1))
    swing = np.repeat(weeks, 7, axis=1)[:, : booked.shape[1]]
    return replace(matrix, values={**matrix.values, "booking_velocity": np.floor(booked * swing)})


def test_a_rough_portfolio_is_cut_higher_than_a_smooth_one(world: World, listing: MakeListing) -> None:
    listings = [listing(key, f"m{key % 3}") for key in range(1, 61)]
    watches = of("conversion_drop")
    smooth = world(1, VOLUMES)
    rough = rougher(smooth, 0.15)
    told = [own_tails.learn(watches, one, listings, end(one)).tails["conversion_drop"] for one in (smooth, rough)]
    assert cut(told[1], 4) > cut(told[0], 4) + 0.5
    assert cut(told[0], 4) == pytest.approx(cut(watches[0].tails[0].tails, 4), rel=0.3)


def test_only_the_days_before_are_known(world: World, listing: MakeListing) -> None:
    listings = [listing(key) for key in range(1, 61)]
    matrix = world(2, VOLUMES)
    spoilt = {name: array.copy() for name, array in matrix.values.items()}
    for array in spoilt.values():
        array[:, -5:] = 0.0
    day = matrix.days[-5].item()
    told, other = (
        own_tails.learn(of("conversion_drop", "demand_drop"), one, listings, day)
        for one in (matrix, replace(matrix, values=spoilt))
    )
    assert told.alerts == other.alerts
    for name in ("conversion_drop", "demand_drop"):
        assert (told.tails[name].values == other.tails[name].values).all()


def test_an_incident_that_the_watch_told_does_not_move_its_cut(world: World, listing: MakeListing) -> None:
    listings = [listing(key) for key in range(1, 61)]
    calm = world(3, VOLUMES[::-1])
    booked = calm.values["booking_velocity"].copy()
    booked[0, -30:] = 0.0
    broken = replace(calm, values={**calm.values, "booking_velocity": booked})
    told = [own_tails.learn(of("conversion_drop"), one, listings, end(one)) for one in (calm, broken)]
    assert told[1].alerts == told[0].alerts + 1
    assert cut(told[1].tails["conversion_drop"], 4) == pytest.approx(cut(told[0].tails["conversion_drop"], 4), abs=0.2)
    assert told[1].false_discovery_rate == pytest.approx(min(told[1].asked / told[1].alerts, 1.0))


def test_the_budget_asked_of_the_replayed_days_is_told(world: World, listing: MakeListing) -> None:
    listings = [listing(key) for key in range(1, 61)]
    matrix = world(4, VOLUMES)
    watches = with_budget(of("conversion_drop"), 0.7)
    assert own_tails.learn(watches, matrix, listings, end(matrix)).asked == pytest.approx(0.7 * 0.6 * 90 / 7)
    whole = with_budget(of("conversion_drop"), 0.7, listings=0)
    assert own_tails.learn(whole, matrix, listings, end(matrix)).asked == pytest.approx(0.7 * 90 / 7)


def test_nothing_stored_teaches_nothing(world: World) -> None:
    told = own_tails.learn(of("conversion_drop"), world(5, VOLUMES), [], end(world(5, VOLUMES)))
    assert (dict(told.tails), told.asked, told.alerts, told.false_discovery_rate) == ({}, 0.0, 0, None)
