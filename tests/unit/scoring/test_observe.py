"""What has just arrived is judged by the very rule of the sweep, though only what was observed is scanned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import input_mark, observe, peers, silent, sweep
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

    def mark(*given: Any) -> str:
        return str(sorted(input_mark.of(*given).items()))

    first = mark(watches(), troubled, listings, today, fit)
    again = replace(troubled, values={name: of.copy() for name, of in troubled.values.items()})
    assert mark(watches(), again, [replace(one) for one in listings], today, fit.copy()) == first
    # An alert that has just begun teaches nothing yet: no day that is over is in it.
    assert mark(taught(today, is_event=False), troubled, listings, today, fit) == first
    down = fit.copy()
    down[5, -2] = True
    near = peers.Near({2: [(other, 1.0) for other in range(5, 25)]}, frozenset({2}))
    bolder = [replace(watches()[0], budget=replace(watches()[0].budget, false_alerts=2.0)), *watches()[1:]]
    yesterday = today - timedelta(days=1)
    others = [
        mark(watches(), changed("search_rank", 20, -40), listings, today, fit),
        mark(watches(), changed("competitor_price", 0, -1), listings, today, fit),
        mark(watches(), troubled, listings, yesterday, fit),
        mark(watches(), troubled, listings, today, down),
        mark(watches(), troubled, listings, today, fit, near),
        mark(watches(), troubled, listings, today, fit, replace(near, held=frozenset())),
        mark(watches(), troubled, listings, today, fit, None, 7),
        mark(watches()[1:], troubled, listings, today, fit),
        mark(bolder, troubled, listings, today, fit),
        mark(taught(yesterday, is_event=False), troubled, listings, today, fit),
        mark(taught(yesterday, is_event=True), troubled, listings, today, fit),
        mark(watches(), troubled, [replace(listings[0], market="m9"), *listings[1:]], today, fit),
        mark(watches(), troubled, listings[1:], today, fit),
    ]
    assert len({first, *others}) == 1 + len(others)


def test_the_marks_that_change_name_the_watches_that_look_at_what_changed(
    troubled: MetricMatrix, listing: MakeListing
) -> None:
    listings = [listing(key, f"m{key % 3}") for key in range(1, N + 1)]
    today = (troubled.days[-1] + np.timedelta64(1, "D")).item()
    first = input_mark.of(watches(), troubled, listings, today)
    assert set(first) == {one.name for one in watches()} | {input_mark.SILENT}

    def told(matrix: MetricMatrix, by: list[Watch], valuable: int = 5) -> set[str]:
        second = input_mark.of(by, matrix, listings, today, None, None, valuable)
        before = input_mark.of(watches(), troubled, listings, today, None, None, 5)
        return {name for name in before if second[name] != before[name]}

    for name in ("search_rank", "listing_views", "booking_velocity", "competitor_price"):
        values = {**troubled.values, name: troubled.values[name].copy()}
        values[name][20, -40] += 1.0
        looks = {one.name for one in watches() if name in (one.metric, one.exposure)}
        also = {input_mark.SILENT} if name in silent.READ else set()
        assert told(replace(troubled, values=values), watches()) == looks | also
    own, *others = watches()
    assert told(troubled, [replace(own, budget=replace(own.budget, false_alerts=2.0)), *others]) == {own.name}
    assert told(troubled, watches(), valuable=7) == {input_mark.SILENT}


def test_what_changed_is_told_as_the_sweep_tells_it_though_the_other_watches_are_not_asked(
    troubled: MetricMatrix, listing: MakeListing, monkeypatch: pytest.MonkeyPatch
) -> None:
    listings = [listing(key, f"m{key % 3}") for key in range(1, N + 1)]
    today = (troubled.days[-1] + np.timedelta64(1, "D")).item()
    before = {one.listing_id for one in sweep.score_all(watches(), troubled, listings, None, today)}
    quiet = [key for key in range(1, N + 1) if key not in before]
    asked: list[int] = []
    looked = sweep.look_all

    def counted(some: Sequence[Watch], *given: Any, **more: Any) -> Any:
        asked.append(len(some))
        return looked(some, *given, **more)

    monkeypatch.setattr(sweep, "look_all", counted)
    # A figure that says little more, a fall, and figures that stop coming.
    for change, watched in ((1.01, 1), (0.1, 2), (np.nan, 1)):
        values = {**troubled.values, "listing_views": troubled.values["listing_views"].copy()}
        row = quiet[0] - 1
        values["listing_views"][row, -9:] = np.round(values["listing_views"][row, -9:] * change)
        matrix = replace(troubled, values=values)
        marks, told = (input_mark.of(watches(), one, listings, today) for one in (troubled, matrix))
        changed = {name for name, mark in told.items() if mark != marks[name]}
        whole = sweep.score_all(watches(), matrix, listings, None, today)
        for observed in ({quiet[0]}, set(quiet)):
            asked.clear()
            found = observe.score_listings(watches(), matrix, listings, observed, today, changed=changed)
            assert found == [one for one in whole if one.listing_id in observed]
            assert len(asked) == watched
            assert asked[0] == len(changed - {input_mark.SILENT}) < len(watches())
