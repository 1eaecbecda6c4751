"""The log-change of bookings is shared out over the steps, with an uncertainty that holds."""

from __future__ import annotations

import numpy as np

from python_nodes.scoring.rootcause import case, funnel

DAYS, ONSET = case.SPAN_DAYS, case.SPAN_DAYS - 14


def drawn(seed: int, n: int, impressions: float = 1.0, clicks: float = 1.0, books: float = 1.0) -> funnel.Change:
    """Draw funnels that change in the last fortnight, in a market that stays."""
    rng = np.random.default_rng(seed)
    after = np.arange(DAYS) >= ONSET
    shown = rng.poisson(np.where(after, impressions, 1.0) * 500.0, (n, DAYS))
    viewed = rng.binomial(shown, np.broadcast_to(np.where(after, clicks, 1.0) * 0.2, shown.shape))
    booked = rng.binomial(viewed, np.broadcast_to(np.where(after, books, 1.0) * 0.03, shown.shape))
    own = {name: one.astype(float) for name, one in zip(case.COUNTS, (shown, viewed, booked), strict=True)}
    market = {name: np.full((n, DAYS), 9000.0) for name in case.COUNTS}
    return funnel.since(funnel.steps(own, market), np.full(n, ONSET))


def test_each_step_gets_its_own_part() -> None:
    change = drawn(1, 200, impressions=0.8, clicks=0.9, books=0.5)
    assert np.allclose(np.median(change.log, axis=0), np.log([0.8, 0.9, 0.5]), atol=0.04)
    assert np.allclose(change.shares().sum(axis=1), 1.0)
    assert (change.shares().argmax(axis=1) == 2).mean() > 0.95
    assert (change.days == 14).all()


def test_chance_alone_stays_within_two_standard_errors() -> None:
    within = (np.abs(drawn(2, 800).z) < 2.0).mean(axis=0)
    assert ((within > 0.92) & (within < 0.985)).all()


def test_the_estimates_error_covers_the_truth() -> None:
    change = drawn(3, 800, books=0.4)
    covered = np.abs(change.log[:, 2] - np.log(0.4)) < 2.0 * change.ci_se[:, 2]
    assert 0.92 < covered.mean() < 0.985


def test_a_market_that_falls_is_not_the_listings_fall() -> None:
    rng = np.random.default_rng(4)
    level = np.where(np.arange(DAYS) >= ONSET, 0.5, 1.0)
    shown = rng.poisson(level * 500.0, (1, DAYS)).astype(float)
    own = dict.fromkeys(case.COUNTS, shown)
    market = {name: np.broadcast_to(level * 9000.0, (1, DAYS)) for name in case.COUNTS}
    assert abs(funnel.since(funnel.steps(own, market), np.array([ONSET])).z[0, 0]) < 2.5
    assert funnel.since(funnel.raw(own), np.array([ONSET])).z[0, 0] < -8.0


def test_a_break_today_and_untold_series_are_no_evidence() -> None:
    nothing = {name: np.full((1, DAYS), np.nan) for name in case.COUNTS}
    change = funnel.since(funnel.steps(nothing, nothing), np.array([ONSET]))
    assert (change.z == 0.0).all()
    today = drawn(5, 1)
    own = {name: np.full((1, DAYS), 50.0) for name in case.COUNTS}
    assert (funnel.since(funnel.steps(own, own), np.array([DAYS])).z == 0.0).all()
    assert np.isfinite(today.z).all()
