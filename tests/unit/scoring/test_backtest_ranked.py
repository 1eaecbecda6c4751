"""P-values of replayed days against labels: what counts as the event's, what as quiet, what as neither."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest

from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import backtest_ranked, replay
from python_nodes.scoring.backtest import Label
from python_nodes.scoring.backtest_ranked import AFTER_DAYS, Said
from python_nodes.scoring.watches import load_watches

World = Callable[..., MetricMatrix]
MakeListing = Callable[..., ListingInfo]
START = date(2026, 3, 1)
WATCHED = frozenset({"ctr_drop", "market_ctr_drop"})
DAYS = 60


def label(listing: int, first: int, last: int, kind: str = "ctr_drop", *, is_real: bool = True) -> Label:
    """Of the figures of days ``first`` to ``last`` of the backtest."""
    day = START + timedelta(days=first - 1)
    return Label(
        f"{kind}-{listing}", kind, frozenset({listing}), "listing", None, day, day + timedelta(days=last - first),
        is_real,
    )  # fmt: skip


def said(p_values: np.ndarray, kind: str = "ctr_drop") -> Said:
    return Said(kind, False, np.arange(len(p_values)), p_values.astype(np.float32))


@pytest.fixture
def quiet() -> np.ndarray:
    return np.random.default_rng(5).uniform(0.2, 1.0, (3, DAYS))


def test_what_ranks_all_days_of_an_event_first_has_an_area_of_one(quiet: np.ndarray, listing: MakeListing) -> None:
    listings = [listing(key) for key in (1, 2, 3)]
    quiet[1, 10:15] = 1e-6
    labels = [label(2, 10, 14)]
    told = backtest_ranked.rank([said(quiet)], listings, labels, START, WATCHED, is_whole=True)
    assert told.auc_pr == 1.0
    assert told.vus_pr is not None
    assert told.vus_pr > 0.7
    # Half of its days, and as many days of another listing before them.
    quiet[1, 10:13] = 0.9
    quiet[2, 20:23] = 1e-9
    worse = backtest_ranked.rank([said(quiet)], listings, labels, START, WATCHED, is_whole=True)
    assert worse.auc_pr is not None
    assert worse.vus_pr is not None
    assert worse.auc_pr < 0.5
    assert worse.vus_pr < told.vus_pr


def test_an_event_at_the_end_of_one_listing_reaches_into_no_other(quiet: np.ndarray, listing: MakeListing) -> None:
    listings = [listing(key) for key in (1, 2, 3)]
    quiet[0, -3:] = 1e-6
    labels = [label(1, DAYS - 3, DAYS - 1)]
    plain = backtest_ranked.rank([said(quiet)], listings, labels, START, WATCHED, is_whole=True)
    quiet[1, :3] = 1e-7
    beside = backtest_ranked.rank([said(quiet)], listings, labels, START, WATCHED, is_whole=True)
    assert beside.vus_pr is not None
    assert plain.vus_pr is not None
    assert beside.vus_pr < plain.vus_pr - 0.1


def test_without_a_whole_truth_nothing_is_ranked_and_the_quiet_days_still_count(
    quiet: np.ndarray, listing: MakeListing
) -> None:
    listings = [listing(key) for key in (1, 2, 3)]
    quiet[0, 30:40], quiet[2, 5] = 1e-4, 0.005
    labels = [label(1, 30, 34), label(3, 5, 5, is_real=False)]
    told = backtest_ranked.rank([said(quiet)], listings, labels, START, WATCHED, is_whole=False)
    assert (told.auc_pr, told.vus_pr) == (None, None)
    (kept,) = told.kept
    after = min(35 + AFTER_DAYS, DAYS)
    assert kept.points == 3 * DAYS - (after - 30)
    # What people denied stays a quiet day that was called.
    assert kept.shares == pytest.approx((1 / kept.points, 1 / kept.points, 0.0))


def test_days_of_what_guards_tell_count_neither_way(quiet: np.ndarray, listing: MakeListing) -> None:
    listings = [listing(key) for key in (1, 2, 3)]
    quiet[1, 10:15], quiet[0, 20:30] = 1e-6, 1e-9
    labels = [label(2, 10, 14), label(1, 20, 29, kind="suspended")]
    told = backtest_ranked.rank([said(quiet)], listings, labels, START, WATCHED, is_whole=True)
    assert told.auc_pr == 1.0
    assert told.kept[0].shares == (0.0, 0.0, 0.0)


def test_nothing_said_ranks_nothing(listing: MakeListing) -> None:
    assert backtest_ranked.rank([], [listing(1)], [], START, WATCHED, is_whole=True).kept == ()


def test_the_p_values_of_the_last_day_are_those_that_the_watches_tell(world: World, listing: MakeListing) -> None:
    matrix = world(31, np.linspace(6.0, 0.1, 30), kept=0.2, drop_days=9)
    listings = [listing(key, f"m{key % 3}") for key in range(1, 31)]
    end = (matrix.days[-1] + np.timedelta64(1, "D")).item()
    looked, known = replay.look(load_watches(), matrix, listings, end - timedelta(days=20), end)
    told = backtest_ranked.said(looked, known, 21)
    assert len(told) == len(looked)
    for own, one in zip(told, looked.values(), strict=True):
        assert own.p_values.shape == (len(own.rows), 21)
        last, swept = own.p_values[:, -1], one.p_value[own.rows]
        here = np.isfinite(last)
        np.testing.assert_allclose(last[here], swept[here], rtol=1e-5, err_msg=one.watch.name)
        assert (swept[~here] == 1.0).all()
    assert min(float(np.nanmin(one.p_values[:1])) for one in told if one.kind == "conversion_drop") < 1e-4
