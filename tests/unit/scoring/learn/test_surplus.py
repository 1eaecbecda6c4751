"""Exposure that no count follows: told from exposure that counts follow, and believed by no more than was found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from python_nodes.scoring.learn import surplus
from python_nodes.scoring.learn.changes import Exposure
from python_nodes.scoring.learn.surplus import Told

ROWS, DAYS = 30, 112
IDS = np.arange(ROWS, dtype=np.int64)
CHANGE = Exposure(
    watch="conversion_drop", segment="channel vrbo", listing_ids=(0, 1), metric="booking_velocity",
    exposure="listing_views", above="search_impressions", follows=0.0,
)  # fmt: skip


def funnel(seed: int, spells: float, booked: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return impressions, views with spells of so many more, and bookings that follow ``booked`` of the log of it."""
    rng = np.random.default_rng(seed)
    season = 1.0 + 0.5 * np.sin(np.arange(DAYS) / 20.0)
    shown = rng.poisson(900.0 * season * np.ones((ROWS, 1))).astype(np.float64)
    views = rng.binomial(shown.astype(np.int64), 0.2).astype(np.float64)
    more = np.ones((ROWS, DAYS))
    for row in range(ROWS):
        for first in rng.integers(0, DAYS - 6, 4).tolist():
            more[row, first : first + 6] = spells
    bookings = rng.poisson(views * 0.03 * more**booked).astype(np.float64)
    return shown, np.rint(views * more), bookings


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_views_that_nobody_books_are_told_from_views_that_are_booked(seed: int) -> None:
    shown, views, bookings = funnel(seed, 2.0, 0.0)
    nobody = surplus.follows(Told(bookings, views, surplus.usual(views, shown)))
    assert nobody.mean < 0.2
    assert nobody.doubted > 0.99
    shown, views, bookings = funnel(seed, 2.0, 1.0)
    somebody = surplus.follows(Told(bookings, views, surplus.usual(views, shown)))
    assert somebody.mean > 0.8
    assert somebody.doubted < 0.05


def test_the_evidence_tells_the_part_whose_views_nobody_books() -> None:
    shown, views, bookings = (np.vstack(both) for both in zip(funnel(7, 2.0, 0.0), funnel(8, 2.0, 1.0), strict=True))
    told = Told(bookings, views, surplus.usual(views, shown))
    whole = surplus.follows(told)
    right, wrong = (
        sum(surplus.follows(told.of(rows), whole.dispersion).evidence for rows in parts)
        for parts in ((range(ROWS), range(ROWS, 2 * ROWS)), (range(0, 2 * ROWS, 2), range(1, 2 * ROWS, 2)))
    )
    assert right > wrong + 5.0
    assert right > whole.evidence + 5.0


def test_where_views_are_as_usual_nothing_is_doubted() -> None:
    shown, views, bookings = funnel(4, 1.0, 1.0)
    assert surplus.follows(Told(bookings, views, surplus.usual(views, shown))).doubted < 0.5
    nothing = np.full((2, 28), np.nan)
    assert surplus.follows(Told(nothing, nothing, nothing)).mean == pytest.approx(0.8, abs=0.05)


def test_what_is_usual_is_told_by_the_past_and_by_others_where_it_is_thin() -> None:
    shown, views, _ = funnel(5, 1.0, 1.0)
    whole = surplus.usual(views, shown)
    assert np.array_equal(surplus.usual(views[:, :60], shown[:, :60]), whole[:, :60])
    assert whole[:, 40:].mean() == pytest.approx(views[:, 40:].mean(), rel=0.02)
    thin = np.vstack([views, np.zeros(DAYS)]), np.vstack([shown, np.ones(DAYS)])
    assert 0.1 < surplus.usual(*thin)[-1, -1] < 0.2
    gap = shown.copy()
    gap[0, 50] = np.nan
    assert np.isnan(surplus.usual(views, gap)[0, 50])


def test_only_a_surplus_is_counted_by_less() -> None:
    exposure, usual = np.array([[50.0, 400.0, 400.0, np.nan]]), np.array([[100.0, 100.0, np.nan, 100.0]])
    assert surplus.held(exposure, usual, 0.0)[0, :3].tolist() == [50.0, 100.0, 400.0]
    assert surplus.held(exposure, usual, 0.5)[0, 1] == pytest.approx(200.0)
    assert np.isnan(surplus.held(exposure, usual, 0.5)[0, 3])


def test_it_is_believed_on_its_listings_and_of_its_series_only() -> None:
    shown, views, _ = funnel(6, 2.0, 0.0)
    given, told = views.copy(), {"search_impressions": shown}
    found = surplus.believed([CHANGE], "booking_velocity", "listing_views", views, IDS, told.get)
    assert found is not None
    assert (found[:2] < views[:2]).any()
    assert np.array_equal(found[2:], views[2:])
    assert np.array_equal(views, given)
    assert surplus.believed([CHANGE], "listing_views", "search_impressions", views, IDS, told.get) is views
    assert surplus.believed([CHANGE], "booking_velocity", "listing_views", views, IDS, {}.get) is views
    assert surplus.believed([CHANGE], "booking_velocity", "listing_views", None, IDS, told.get) is None
    half = surplus.believed([replace(CHANGE, follows=0.5)], "booking_velocity", "listing_views", views, IDS, told.get)
    assert half is not None
    assert (half[:2] >= found[:2]).all()
    assert (half[:2] > found[:2]).any()
