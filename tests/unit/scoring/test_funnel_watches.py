"""Each watch of the funnel on worlds drawn at random: what it calls which trouble, and what explains what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import ConfigError
from python_nodes.scoring.sweep import look_all, score_all
from python_nodes.scoring.watches import load_watches

World = Callable[..., MetricMatrix]
MakeListing = Callable[..., ListingInfo]
N = 60


def told(matrix: MetricMatrix, listing: MakeListing) -> list[Anomaly]:
    listings = [listing(key, f"m{key % 3}") for key in range(1, N + 1)]
    until = (matrix.days[-1] + np.timedelta64(1, "D")).item()
    return score_all(load_watches(), matrix, listings, None, until)


def with_outside(matrix: MetricMatrix, seed: int) -> MetricMatrix:
    """Add what a rank tracker and a rate shopper tell."""
    rng = np.random.default_rng(seed)
    shape = (N, matrix.days.size)
    rank = np.clip(np.round(rng.uniform(5, 40, (N, 1)) * np.exp(rng.normal(0, 0.09, shape))), 1, 200)
    price = rng.uniform(80, 200, (N, 1)) * (1 + 0.1 * np.sin(np.arange(shape[1]) / 40)) * rng.uniform(0.98, 1.02, shape)
    return replace(matrix, values={**matrix.values, "search_rank": rank, "competitor_price": price})


def scaled(matrix: MetricMatrix, metric: str, rows: object, days: int, factor: float | np.ndarray) -> MetricMatrix:
    values = matrix.values[metric].copy()
    values[rows, -days:] = values[rows, -days:] * factor
    return replace(matrix, values={**matrix.values, metric: values})


def volumes() -> np.ndarray:
    return np.concatenate([np.array([6.0]), np.linspace(0.1, 4.0, N - 1)])


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_fewer_clicks_are_a_drop_of_click_through(seed: int, world: World, listing: MakeListing) -> None:
    matrix = scaled(world(seed, volumes()), "listing_views", 0, 6, 0.5)
    matrix = scaled(matrix, "booking_velocity", 0, 6, 0.5)
    (found,) = [one for one in told(matrix, listing) if one.listing_id == 1]
    assert (found.kind, found.metric, found.cause) == ("ctr_drop", "click_through_rate", "ctr_drop")
    assert found.share_lost == pytest.approx(0.5, abs=0.1)
    assert found.evidence["click_through_after"] < found.evidence["click_through_before"]


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_a_worse_rank_is_told_once_and_takes_the_impressions_with_it(
    seed: int, world: World, listing: MakeListing
) -> None:
    matrix = with_outside(world(seed, volumes()), seed)
    matrix = scaled(matrix, "search_rank", 0, 8, 3.5)
    matrix = scaled(matrix, "search_impressions", 0, 8, 0.4)
    for name in ("listing_views", "booking_velocity"):
        matrix = scaled(matrix, name, 0, 8, 0.4)
    (found,) = [one for one in told(matrix, listing) if one.listing_id == 1]
    assert (found.kind, found.metric, found.direction) == ("rank_drop", "search_rank", "up")
    assert found.observed is not None
    assert found.expected is not None
    assert found.observed / found.expected == pytest.approx(3.5, rel=0.25)
    assert found.share_lost == pytest.approx(0.6, abs=0.15)
    assert found.evidence["explains"] == ["demand_drop"]


def test_without_a_rank_the_same_fall_is_lost_demand(world: World, listing: MakeListing) -> None:
    matrix = scaled(world(20, volumes()), "search_impressions", 0, 8, 0.4)
    for name in ("listing_views", "booking_velocity"):
        matrix = scaled(matrix, name, 0, 8, 0.4)
    assert [(one.kind, one.cause) for one in told(matrix, listing) if one.listing_id == 1] == [
        ("demand_drop", "unknown")
    ]


def test_competitors_who_cut_their_price_first_are_the_cause(world: World, listing: MakeListing) -> None:
    matrix = with_outside(world(23, volumes(), kept=0.25, drop_days=12), 23)
    assert [one.kind for one in told(matrix, listing) if one.listing_id == 1] == ["conversion_drop"]
    cut = scaled(matrix, "competitor_price", 0, 12, 0.6)
    (found,) = [one for one in told(cut, listing) if one.listing_id == 1]
    assert (found.kind, found.metric, found.direction) == ("competitor_undercut", "competitor_price", "down")
    assert found.evidence["explains"] == ["conversion_drop"]
    assert 0.45 < found.share_lost < 0.85


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_of_what_books_once_or_twice_a_week_a_silent_week_is_nothing_and_a_silent_quarter_is_told(
    seed: int, world: World, listing: MakeListing
) -> None:
    a_week = np.array([1.2, 1.5, 2.0, 3.0])
    usual = np.concatenate([a_week / 7.0, volumes()[: N - 4]])
    matrix = world(seed, usual, days=491)
    silent = np.arange(4)
    week, quarter = (scaled(matrix, "booking_velocity", silent, days, 0.0) for days in (7, 91))
    ids = set((silent + 1).tolist())
    assert [one.kind for one in told(matrix, listing) if one.listing_id in ids] == []
    assert [one.kind for one in told(week, listing) if one.listing_id in ids] == []
    found = [one for one in told(quarter, listing) if one.listing_id in ids]
    assert {one.kind for one in found} == {"conversion_drop"}
    assert len(found) >= 3
    assert all(one.observed == 0 and one.share_lost > 0.7 for one in found)


def test_competitors_of_a_whole_market_who_follow_a_season_cut_nobody(world: World, listing: MakeListing) -> None:
    matrix = with_outside(world(23, volumes()), 23)
    moved = scaled(matrix, "competitor_price", slice(None), 12, 0.6)
    assert [one for one in told(moved, listing) if one.kind == "competitor_undercut"] == []


def test_a_rank_that_fades_is_a_slow_decline(world: World, listing: MakeListing) -> None:
    fading = np.linspace(1.0, 2.5, 20)
    matrix = scaled(with_outside(world(24, volumes()), 24), "search_rank", 0, 20, fading)
    assert [one.kind for one in told(matrix, listing) if one.listing_id == 1] == ["slow_decline"]


def test_a_market_that_falls_is_told_of_the_market_and_of_no_listing_alone(world: World, listing: MakeListing) -> None:
    matrix = world(25, volumes())
    rows = np.arange(N)[np.arange(1, N + 1) % 3 == 0]
    for name in ("search_impressions", "listing_views", "booking_velocity"):
        matrix = scaled(matrix, name, rows, 7, 0.55)
    found = told(matrix, listing)
    assert {one.kind for one in found} == {"market_demand_drop"}
    assert {one.listing_id for one in found} == set((rows + 1).tolist())
    assert {round(one.share_lost, 1) for one in found} <= {0.4, 0.5}


def test_all_markets_together_are_a_season(world: World, listing: MakeListing) -> None:
    matrix = world(25, volumes())
    for name in ("search_impressions", "listing_views", "booking_velocity"):
        matrix = scaled(matrix, name, slice(None), 7, 0.55)
    assert [one.kind for one in told(matrix, listing)] == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[w]\nmetric="search_rank"\nbaseline="weekday_season"\nrule="sequential"\ndirection="up"', "direction"),
        ('[w]\nmetric="search_rank"\nbaseline="weekday_season"\nrule="band"\npeers="world"', "peers"),
        ('[w]\nmetric="search_rank"\nbaseline="weekday_season"\nrule="band"\nscope="unit"', "scope"),
        ('[w]\nmetric="search_rank"\nbaseline="weekday_season"\nrule="sequential"\nscope="market"', "baseline"),
        ('[w]\nmetric="search_rank"\nbaseline="yearly_regression"\nrule="sequential"', "baseline"),
        ('[w]\nmetric="search_rank"\nbaseline="yearly_regression"\nrule="band"\nscope="market"', "sequential rule"),
        ('[w]\nmetric="search_rank"\nbaseline="weekday_season"\nrule="band"\nhistory_days=0', "history_days"),
        ('[w]\nmetric="search_rank"\nbaseline="weekday_season"\nrule="band"\n[w.loss]\nfollows="x"', "no watch"),
        ('[w]\nmetric="search_rank"\nbaseline="weekday_season"\nrule="band"\n[w.loss]\nalso=["x"]', "no watch"),
        ('[w]\nmetric="search_rank"\nbaseline="weekday_season"\nrule="band"\n[w.loss]\nalso="w"', "list of watches"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "watches.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=named):
        load_watches(path)


def test_watches_run_together_say_what_each_says_alone(world: World, listing: MakeListing) -> None:
    matrix = scaled(with_outside(world(25, volumes()), 25), "listing_views", slice(0, 8), 6, 0.4)
    listings = [listing(key, f"m{key % 3}") for key in range(1, N + 1)]
    until, watches = (matrix.days[-1] + np.timedelta64(1, "D")).item(), load_watches()
    together, _ = look_all(watches, matrix, listings, None, until)
    assert list(together) == [watch.name for watch in watches]
    assert together["ctr_drop"].active.any()
    for watch in watches:
        own = look_all([watch], matrix, listings, None, until)[0][watch.name]
        each = together[watch.name]
        assert np.array_equal(each.states, own.states)
        assert np.array_equal(each.p_value, own.p_value, equal_nan=True)
        assert np.array_equal(each.ratio, own.ratio, equal_nan=True)
        assert (each.onset.tolist(), each.facts) == (own.onset.tolist(), own.facts)
