"""Peers are alike in what they are and in how they move, and are used where the market tells less."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import peers, sweep
from python_nodes.scoring.watches import load_watches

MakeListing = Callable[..., ListingInfo]
N, DAYS = 48, 230


def drawn(seed: int, groups: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> dict[str, FloatArray]:
    """Impressions of listings whose groups' days shake all of them, and bookings that follow."""
    rng = np.random.default_rng(seed)
    shared = np.exp(rng.normal(0, 0.25, (int(groups.max()) + 1, DAYS)))
    mean = 600.0 * np.exp(rng.normal(0, 0.3, (groups.size, 1))) * shared[groups]
    shown = rng.poisson(mean * rng.gamma(30.0, 1 / 30.0, mean.shape)).astype(np.float64)
    return {"search_impressions": shown, "booking_velocity": rng.poisson(shown * 0.002).astype(np.float64)}


GROUPS = np.arange(N) % 2


def test_those_that_move_together_are_peers_though_nothing_says_so(listing: MakeListing) -> None:
    found = peers.group([listing(key) for key in range(N)], drawn(1, GROUPS), np.full(N, 100.0), 12)
    assert found.near.shape == (N, 12)
    assert (GROUPS[found.near] == GROUPS[:, None]).all()
    assert found.chosen.all()
    assert (np.diff(found.weight, axis=1) <= 1e-12).all()
    assert ((found.weight > 0) & (found.weight <= 1)).all()


def test_where_the_market_tells_as_much_it_stays(listing: MakeListing) -> None:
    listings = [listing(key, f"m{GROUPS[key]}") for key in range(N)]
    assert not peers.group(listings, drawn(2, GROUPS), np.full(N, 100.0), 12).chosen.any()


def test_price_and_volume_tell_where_days_do_not(listing: MakeListing) -> None:
    values = {name: np.full((N, DAYS), np.nan) for name in ("search_impressions", "booking_velocity")}
    values["booking_velocity"][:] = np.where(GROUPS == 0, 0.1, 6.0)[:, None]
    found = peers.group([listing(key) for key in range(N)], values, np.where(GROUPS == 0, 80.0, 400.0), 8)
    assert (GROUPS[found.near] == GROUPS[:, None]).all()
    assert not found.chosen.any()


def test_neither_itself_nor_its_unit_elsewhere_is_a_peer(listing: MakeListing) -> None:
    listings = [replace(listing(key), unit_id=key // 3) for key in range(9)]
    values = {name: np.ones((9, DAYS)) for name in ("search_impressions", "booking_velocity")}
    near = peers.group(listings, values, np.ones(9), 4).near
    assert near.shape == (9, 4)
    assert not (near // 3 == np.arange(9)[:, None] // 3).any()


@pytest.mark.parametrize("count", [0, 1])
def test_few_listings_have_few_peers(count: int, listing: MakeListing) -> None:
    values = {name: np.ones((count, DAYS)) for name in ("search_impressions", "booking_velocity")}
    assert peers.group([listing(key) for key in range(count)], values, np.ones(count)).near.shape == (count, 0)


def test_peers_that_are_no_rows_are_left_out() -> None:
    six = [(one, 1.0) for one in (8, 9, 10, 11, 12, 99)]
    near = peers.Near({7: six, 8: [(99, 1.0)], 12: six}, frozenset({7, 8}))
    beside = peers.beside(np.zeros(6, dtype=np.int64), [7, 8, 9, 10, 11, 12], near)
    assert beside is not None
    assert beside.chosen.tolist() == [True, False, False, False, False, False]
    assert beside.near[0, :5].tolist() == [1, 2, 3, 4, 5]
    assert beside.weight[0].tolist() == [1, 1, 1, 1, 1, 0]
    assert (beside.weight[5] > 0).any()
    assert peers.beside(np.zeros(2, dtype=np.int64), [1, 2], near) is None


def test_what_befalls_all_peers_is_blamed_on_none_and_said_of_one(listing: MakeListing) -> None:
    """Half of a market that the portfolio takes for one falls, and one listing of the other half by itself."""
    values = drawn(3, GROUPS)
    listings = [listing(key) for key in range(N)]
    found = peers.group(listings, values, np.full(N, 100.0), 12)
    of = {key: list(zip(found.near[key].tolist(), found.weight[key].tolist(), strict=True)) for key in range(N)}
    near = peers.Near(of, frozenset(of))
    values["search_impressions"][GROUPS == 0, -10:] *= 0.5
    values["search_impressions"][1, -10:] *= 0.3
    first = np.datetime64("2026-01-05")
    matrix = MetricMatrix(np.arange(N), first + np.arange(DAYS), values)
    watches = [watch for watch in load_watches() if watch.name == "demand_drop"]
    day = (first + DAYS).item()
    blind = sweep.score_all(watches, matrix, listings, None, day)
    (alone,) = sweep.score_all(watches, matrix, listings, None, day, near=near)
    # The market's own middle lies between the halves: too low for the one, too high for the other.
    assert all(one.evidence["peers_moved"] < -0.2 for one in blind)
    assert alone.listing_id == 1
    assert alone.evidence["peers"] == 12
    assert abs(alone.evidence["peers_moved"]) < 0.15
    assert "its 12 peers moved by" in alone.evidence["comparison"]
