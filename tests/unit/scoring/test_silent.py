"""Figures that stop or stand still on one listing: told as such, and only where nothing else tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from python_nodes.domain.findings import CHANGE, LOSS_IS_UNKNOWN, Anomaly
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import inspect, silent

World = Callable[..., MetricMatrix]
MakeListing = Callable[..., ListingInfo]
N = 40


def found(matrix: MetricMatrix, listing: MakeListing, unfit: np.ndarray | None = None, most: int = N) -> list[Anomaly]:
    listings = [listing(key, "m") for key in range(1, N + 1)]
    return silent.find(matrix, listings, (matrix.days[-1] + np.timedelta64(1, "D")).item(), unfit, most)


@pytest.fixture
def matrix(world: World) -> MetricMatrix:
    return world(31, np.linspace(6.0, 2.0, N))


def spoiled(matrix: MetricMatrix, metric: str, row: int, days: int, value: float) -> MetricMatrix:
    values = matrix.values[metric].copy()
    values[row, -days:] = value
    return replace(matrix, values={**matrix.values, metric: values})


def test_nothing_is_told_of_a_quiet_portfolio(matrix: MetricMatrix, listing: MakeListing) -> None:
    assert found(matrix, listing) == []


@pytest.mark.parametrize(("days", "count"), [(3, 0), (5, 1), (20, 1)])
def test_a_figure_that_stopped_is_missing(days: int, count: int, matrix: MetricMatrix, listing: MakeListing) -> None:
    told = found(spoiled(matrix, "search_impressions", 3, days, np.nan), listing)
    assert len(told) == count
    for one in told:
        assert (one.listing_id, one.kind, one.cause, one.metric) == (
            4, "metric_missing", "metric_missing", "search_impressions",
        )  # fmt: skip
        assert one.onset_date == matrix.days[-days].item()
        assert one.share_lost == 0
        assert one.p_value is not None
        assert one.p_value < 1e-3
        assert one.evidence[CHANGE].startswith("data missing since ")
        assert LOSS_IS_UNKNOWN in one.evidence


def test_a_report_that_lacks_as_a_whole_is_a_stale_feeds(matrix: MetricMatrix, listing: MakeListing) -> None:
    for metric in ("search_impressions", "listing_views", "booking_velocity"):
        matrix = spoiled(matrix, metric, 3, 8, np.nan)
    assert found(matrix, listing) == []


def test_a_figure_that_all_neighbours_lack_is_the_channels(matrix: MetricMatrix, listing: MakeListing) -> None:
    for row in range(N):
        matrix = spoiled(matrix, "search_impressions", row, 8, np.nan)
    assert found(matrix, listing) == []


def test_days_of_an_outage_are_not_missing(matrix: MetricMatrix, listing: MakeListing) -> None:
    unfit = np.zeros((N, matrix.days.size), dtype=np.bool_)
    unfit[3, -8:] = True
    assert found(spoiled(matrix, "search_impressions", 3, 8, np.nan), listing, unfit) == []


def test_a_figure_that_stands_still_is_flat_while_others_move(matrix: MetricMatrix, listing: MakeListing) -> None:
    still = spoiled(matrix, "listing_views", 5, 9, 33.0)
    (one,) = found(still, listing)
    assert (one.listing_id, one.kind, one.metric, one.observed) == (6, "metric_flat", "listing_views", 33.0)
    assert found(spoiled(still, "search_impressions", 5, 9, 500.0), listing) == []
    assert found(spoiled(matrix, "listing_views", 5, 9, 0.0), listing) == []


def test_only_the_most_valuable_are_looked_at_in_each_currency(listing: MakeListing) -> None:
    listings = [replace(listing(key, "m"), currency="EUR" if key <= 10 else "JPY") for key in range(1, 21)]
    bookings = np.tile(np.arange(20, 0, -1.0)[:, None], (1, 40))
    assert inspect.valuable(bookings, listings, 4).tolist() == [0, 1, 10, 11]
    assert inspect.valuable(bookings, listings, 100).tolist() == list(range(20))
    assert inspect.valuable(np.zeros((0, 40)), [], 4).size == 0


def test_the_less_valuable_are_not_told(matrix: MetricMatrix, listing: MakeListing) -> None:
    gone = spoiled(matrix, "search_impressions", N - 1, 8, np.nan)
    assert len(found(gone, listing)) == 1
    assert found(gone, listing, most=5) == []
