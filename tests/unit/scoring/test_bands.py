"""Bands out of baselines: of whom, of which days, and where their edges lie."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import bands, screen
from python_nodes.scoring.screen_file import Kept

TODAY = date(2026, 3, 2)
N_LISTINGS, N_DAYS = 12, 150


def listing(number: int) -> ListingInfo:
    name = f"l{number}"
    return ListingInfo(
        listing_id=number, unit_id=number, property_id=number, external_id=name, unit_external_id=name,
        property_external_id=name, channel_property_id=name, title=name, channel="booking_com", market="lisbon",
        country="PT", subdivision=None, timezone="Europe/Lisbon", currency="EUR", priority=0.5, unit_count=1,
        base_price_minor=10_000, floor_price_minor=5_000,
    )  # fmt: skip


@pytest.fixture(scope="module")
def world() -> tuple[Kept, MetricMatrix]:
    """Baselines of all days but the last, and the matrix they were learnt from."""
    draw, shape = np.random.default_rng(3), (N_LISTINGS, N_DAYS)
    shown = draw.poisson(200.0, shape)
    viewed = draw.binomial(shown, 0.1)
    values = {
        "search_impressions": shown, "listing_views": viewed, "booking_velocity": draw.binomial(viewed, 0.05),
        "availability": draw.integers(1, 90, shape), "review_score": draw.normal(8.6, 0.1, shape),
    }  # fmt: skip
    days = np.datetime64(TODAY) - np.arange(N_DAYS, 0, -1)
    told = {name: one.astype(np.float64) for name, one in values.items()}
    matrix = MetricMatrix(np.arange(1, N_LISTINGS + 1), days, told)
    found = screen.screen(matrix, [listing(one) for one in range(1, N_LISTINGS + 1)], TODAY)
    return bands.kept_of(found), matrix


def part(matrix: MetricMatrix, rows: list[int], days: slice) -> MetricMatrix:
    values = {name: told[rows][:, days] for name, told in matrix.values.items()}
    return MetricMatrix(matrix.listing_ids[rows], matrix.days[days], values)


def test_a_listing_is_told_the_same_alone_and_among_others(world: tuple[Kept, MetricMatrix]) -> None:
    kept, matrix = world
    whole = bands.of(kept, part(matrix, list(range(N_LISTINGS)), slice(-1, None)))
    some = bands.of(kept, part(matrix, [7, 2], slice(-1, None)))
    for metric in whole.expected:
        for name in ("expected", "lower", "upper"):
            np.testing.assert_array_equal(getattr(some, name)[metric], getattr(whole, name)[metric][[7, 2]])


def test_edges_of_counts_are_whole_and_a_day_without_bookings_may_be_usual(world: tuple[Kept, MetricMatrix]) -> None:
    kept, matrix = world
    told = bands.of(kept, part(matrix, list(range(N_LISTINGS)), slice(-1, None)))
    assert (told.lower["booking_velocity"] == 0.0).all(), "one booking a day is expected"
    for edge in (told.lower, told.upper):
        np.testing.assert_array_equal(edge["search_impressions"], np.round(edge["search_impressions"]))
    assert (told.lower["review_score"] % 1 != 0).all()
    np.testing.assert_allclose(told.expected["click_through_rate"], 0.1, atol=0.02)
    assert "availability" not in told.expected


def test_days_that_no_baseline_reaches_have_none(world: tuple[Kept, MetricMatrix]) -> None:
    kept, matrix = world
    told = bands.of(kept, part(matrix, [0], slice(-3, None)))
    assert told.known("listing_views").tolist() == [[False, False, True]]
    ahead = MetricMatrix(
        matrix.listing_ids[:1], matrix.days[-1:] + np.arange(1, 10),
        {name: np.full((1, 9), np.nan) for name in matrix.values},
    )  # fmt: skip
    told = bands.of(kept, ahead)
    assert told.known("listing_views").tolist() == [[True] * 7 + [False] * 2]
    assert not told.known("conversion_rate").any()


def test_a_missing_or_impossible_count_hides_no_expectation_of_a_ratio(world: tuple[Kept, MetricMatrix]) -> None:
    kept, matrix = world
    day = part(matrix, [0, 1, 2], slice(-1, None))
    usual = bands.of(kept, day).expected["click_through_rate"]
    day.values["listing_views"][:, 0] = [np.nan, 1e6, 3.0]
    np.testing.assert_allclose(bands.of(kept, day).expected["click_through_rate"], usual)
    day.values["search_impressions"][:, 0] = [0.0, np.nan, 100.0]
    assert np.isnan(bands.of(kept, day).expected["click_through_rate"][:2]).all()


def test_listings_that_no_sweep_has_seen_have_none(world: tuple[Kept, MetricMatrix]) -> None:
    kept, matrix = world
    one = part(matrix, [0, 1], slice(-1, None))
    told = bands.of(kept, MetricMatrix(np.array([999, 2]), one.days, one.values))
    assert told.known("search_impressions").tolist() == [[False], [True]]


def test_a_metric_told_for_the_first_time_today_moves_no_days(world: tuple[Kept, MetricMatrix]) -> None:
    _, matrix = world
    first = {**matrix.values, "search_rank": np.full((N_LISTINGS, N_DAYS), np.nan)}
    first["search_rank"][:, -1] = 12.0
    known = MetricMatrix(matrix.listing_ids, matrix.days, first)
    kept = bands.kept_of(screen.screen(known, [listing(one) for one in range(1, N_LISTINGS + 1)], TODAY))
    assert kept.days() == (date(2026, 3, 1), date(2026, 3, 8))
    assert not bands.of(kept, part(known, [0], slice(-1, None))).known("search_rank").any()
