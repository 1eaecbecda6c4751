"""A channel's or a market's fault through the shipped watches: told of the right place, and of no listing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import ConfigError
from python_nodes.scoring.sweep import score_all
from python_nodes.scoring.watches import load_watches

MakeListing = Callable[..., ListingInfo]
World = Callable[..., MetricMatrix]
N, FALL_DAYS = 72, 6
CHANNEL = np.arange(N) % 2
MARKET = np.arange(N) // 2 % 3


@pytest.fixture
def listings(listing: MakeListing) -> list[ListingInfo]:
    names = ("booking_com", "expedia")
    return [
        replace(listing(row + 1, f"market-{MARKET[row]}"), channel=names[channel])
        for row, channel in enumerate(CHANNEL)
    ]


def fallen(matrix: MetricMatrix, rows: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], kept: float) -> MetricMatrix:
    """Return the world with a share of the last days' bookings left on some rows."""
    booked: FloatArray = matrix.values["booking_velocity"].copy()
    cells = np.ix_(np.flatnonzero(rows), np.arange(booked.shape[1] - FALL_DAYS, booked.shape[1]))
    booked[cells] = np.random.default_rng(9).binomial(booked[cells].astype(np.int64), kept)
    return MetricMatrix(matrix.listing_ids, matrix.days, {**matrix.values, "booking_velocity": booked})


def found(matrix: MetricMatrix, listings: list[ListingInfo]) -> list[Anomaly]:
    watches = [watch for watch in load_watches() if "conversion" in watch.name]
    return score_all(watches, matrix, listings, None, (matrix.days[-1] + 1).item())


def test_a_channels_checkout_is_the_channels_fault(world: World, listings: list[ListingInfo]) -> None:
    told = found(fallen(world(11, np.full(N, 5.0)), CHANNEL == 0, 0.4), listings)
    assert {one.kind for one in told} == {"channel_conversion_drop"}
    assert {one.listing_id for one in told} == set((np.flatnonzero(CHANNEL == 0) + 1).tolist())
    one = told[0]
    assert one.cause == "channel_fault"
    assert one.share_lost == pytest.approx(0.6, abs=0.15)
    assert one.observed is not None
    assert one.expected is not None
    assert one.observed / one.expected == pytest.approx(0.4, abs=0.15)


def test_a_market_that_books_less_is_the_markets(world: World, listings: list[ListingInfo]) -> None:
    told = found(fallen(world(12, np.full(N, 5.0)), MARKET == 1, 0.4), listings)
    assert {one.kind for one in told} == {"market_conversion_drop"}
    assert {one.listing_id for one in told} == set((np.flatnonzero(MARKET == 1) + 1).tolist())


def test_a_listing_that_falls_further_than_its_market_is_told_beside_it(
    world: World, listings: list[ListingInfo]
) -> None:
    volumes = np.where(np.arange(N) == 2, 20.0, 5.0)
    matrix = fallen(fallen(world(13, volumes), MARKET == 1, 0.5), np.arange(N) == 2, 0.1)
    told = [one for one in found(matrix, listings) if one.kind == "conversion_drop"]
    assert [one.listing_id for one in told] == [3]
    assert told[0].evidence["peers_moved"] == pytest.approx(-0.5, abs=0.15)
    assert told[0].evidence["comparison"].startswith("its channel and market moved by -")


def test_quiet_days_are_nobodys_fault(world: World, listings: list[ListingInfo]) -> None:
    assert found(world(14, np.full(N, 5.0)), listings) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('scope = "channel"\nrule = "sequential"\nbaseline = "weekday_season"', "exposure is missing"),
        ('scope = "channel"\nexposure = "listing_views"\nrule = "band"\nbaseline = "weekday_season"', "sequential"),
        ('scope = "planet"\nrule = "sequential"\nbaseline = "weekday_season"', "unknown scope"),
    ],
)  # fmt: skip
def test_a_scope_that_cannot_be_judged_is_refused(
    text: str, words: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("watches") / "watches.toml"
    path.write_text(f'[odd]\nmetric = "booking_velocity"\n{text}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        load_watches(path)
