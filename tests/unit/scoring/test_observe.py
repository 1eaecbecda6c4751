"""What has just arrived is judged by the very rule of the sweep, though only what was observed is scanned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import input_mark, observe, peers, sweep
from python_nodes.scoring.learn.applied import Learnt, Span
from python_nodes.scoring.watches import Watch, load_watches

World = Callable[..., MetricMatrix]
MakeListing = Callable[..., ListingInfo]
N = 42
FADES, FEWER_VIEWS, RANKS_LOWER, OUTAGE, STANDS_STILL = 1, 4, 7, 10, 13


@pytest.fixture
def troubled(world: World) -> MetricMatrix:
    """A portfolio on which listings have lost bookings, views, places and days, each another one."""
    rng = np.random.default_rng(11)
    calm = world(11, np.concatenate([[6.0], rng.uniform(0.3, 5.0, N - 1)]), days=230, kept=0.2, drop_days=12)
    shape = calm.values["search_impressions"].shape
    values = {name: array.copy() for name, array in calm.values.items()}
    values["search_rank"] = rng.gamma(60.0, 0.4, shape)
    values["competitor_price"] = rng.gamma(400.0, 0.3, shape)
    values["listing_views"][FEWER_VIEWS - 1, -9:] = np.round(values["listing_views"][FEWER_VIEWS - 1, -9:] * 0.25)
    values["search_rank"][RANKS_LOWER - 1, -8:] *= 4.0
    values["search_impressions"][OUTAGE - 1, -3:] = 0.0
    values["listing_views"][STANDS_STILL - 1, -12:] = 41.0
    return replace(calm, values=values)


def watches() -> list[Watch]:
    """All that are shipped; the memory of the longest is cut to the days there are."""
    return [replace(one, history_days=min(one.history_days, 220)) for one in load_watches()]


def test_what_is_observed_is_told_as_the_sweep_tells_it(troubled: MetricMatrix, listing: MakeListing) -> None:
    listings = [listing(key, f"m{key % 3}") for key in range(1, N + 1)]
    today = (troubled.days[-1] + np.timedelta64(1, "D")).item()
    unfit = np.zeros(troubled.values["search_rank"].shape, dtype=np.bool_)
    unfit[OUTAGE - 1, -3:] = True
    near = peers.Near({2: [(other, 1.0) for other in range(5, 25)]}, frozenset({2}))
    given = (watches(), troubled, listings)
    whole: list[Anomaly] = sweep.score_all(*given, None, today, unfit, near)
    assert {FADES, FEWER_VIEWS, RANKS_LOWER, STANDS_STILL} <= {one.listing_id for one in whole}
    quiet = next(key for key in range(1, N + 1) if key not in {one.listing_id for one in whole})
    for observed in ({FADES, OUTAGE}, {quiet}, {FEWER_VIEWS, RANKS_LOWER, STANDS_STILL, quiet}, {10**6}):
        told = observe.score_listings(*given, observed, today, unfit, near)
        # To the last bit: the same p-values, charts and close looks.
        assert told == [one for one in whole if one.listing_id in observed]


def test_a_mark_is_the_same_for_the_same_figures_and_no_others(troubled: MetricMatrix, listing: MakeListing) -> None:
    listings = [listing(key, f"m{key % 3}") for key in range(1, N + 1)]
    today = (troubled.days[-1] + np.timedelta64(1, "D")).item()
    fit = np.zeros(troubled.values["search_rank"].shape, dtype=np.bool_)

    def changed(name: str, row: int, column: int) -> MetricMatrix:
        values = {**troubled.values, name: troubled.values[name].copy()}
        values[name][row, column] = np.nextafter(values[name][row, column], np.inf)
        return replace(troubled, values=values)

    def taught(start_date: date, *, is_event: bool) -> list[Watch]:
        spans = (Span(listing_ids=(3,), start_date=start_date, end_date=None),)
        learnt = Learnt(left_out=spans) if is_event else Learnt(incidents=spans)
        return [replace(one, learnt=learnt) for one in watches()]

    first = input_mark.of(watches(), troubled, listings, today, fit)
    again = replace(troubled, values={name: of.copy() for name, of in troubled.values.items()})
    assert input_mark.of(watches(), again, [replace(one) for one in listings], today, fit.copy()) == first
    # An alert that has just begun teaches nothing yet: no day that is over is in it.
    assert input_mark.of(taught(today, is_event=False), troubled, listings, today, fit) == first
    down = fit.copy()
    down[5, -2] = True
    near = peers.Near({2: [(other, 1.0) for other in range(5, 25)]}, frozenset({2}))
    bolder = [replace(watches()[0], budget=replace(watches()[0].budget, false_alerts=2.0)), *watches()[1:]]
    yesterday = today - timedelta(days=1)
    others = [
        input_mark.of(watches(), changed("search_rank", 20, -40), listings, today, fit),
        input_mark.of(watches(), changed("competitor_price", 0, -1), listings, today, fit),
        input_mark.of(watches(), troubled, listings, yesterday, fit),
        input_mark.of(watches(), troubled, listings, today, down),
        input_mark.of(watches(), troubled, listings, today, fit, near),
        input_mark.of(watches(), troubled, listings, today, fit, replace(near, held=frozenset())),
        input_mark.of(watches(), troubled, listings, today, fit, None, 7),
        input_mark.of(watches()[1:], troubled, listings, today, fit),
        input_mark.of(bolder, troubled, listings, today, fit),
        input_mark.of(taught(yesterday, is_event=False), troubled, listings, today, fit),
        input_mark.of(taught(yesterday, is_event=True), troubled, listings, today, fit),
        input_mark.of(watches(), troubled, [replace(listings[0], market="m9"), *listings[1:]], today, fit),
        input_mark.of(watches(), troubled, listings[1:], today, fit),
    ]
    assert len({first, *others}) == 1 + len(others)
