"""What the screen promises of any input: no look-ahead, order and batch do not matter, nothing is ever NaN."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.screen import baseline, scoring
from detectors.screen.contract import HORIZON, REASONS, Baseline, Panel, Params, Scores
from detectors.series import FloatArray

COUNT = Params()
POSITIVE = Params(family="positive", windows=(1,), segment_edges=(), floor=0.01)
DAYS = np.datetime64("2025-01-01") + np.arange(240)


def draw(seed: int, n: int = 40, days: int = 200, gaps: float = 0.02) -> FloatArray:
    rng = np.random.default_rng(seed)
    week = rng.uniform(0.7, 1.4, 7)[np.arange(days) % 7]
    values = rng.negative_binomial(10 ** rng.uniform(-0.5, 2.5, n)[:, None] * week, 0.5).astype(np.float64)
    values[rng.random(values.shape) < gaps] = np.nan
    return values


def panel(values: FloatArray, exposure: FloatArray | None = None) -> Panel:
    return Panel(values, DAYS[: values.shape[1]], exposure, np.arange(len(values)) % 2)


def judge(fitted: Baseline, newest: FloatArray, exposure: FloatArray | None = None) -> Scores:
    return scoring.score(fitted, np.arange(len(newest)), fitted.start, newest, exposure)


def same(one: Scores, other: Scores, tolerance: float = 1e-4) -> None:
    for name in ("expected", "lower", "upper", "p_value", "sure"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=tolerance, err_msg=name)
    np.testing.assert_array_equal(one.reason, other.reason)


@given(seed=st.integers(0, 10_000), days=st.integers(14, 200))
@settings(max_examples=15, deadline=None)
def test_the_order_of_series_does_not_matter(seed: int, days: int) -> None:
    values, newest = draw(seed, days=days), draw(seed + 1, days=1)[:, 0]
    order = np.random.default_rng(seed).permutation(len(values))
    group = np.arange(len(values)) % 2
    one = baseline.fit_pooled(Panel(values, DAYS[:days], None, group), COUNT)
    other = baseline.fit_pooled(Panel(values[order], DAYS[:days], None, group[order]), COUNT)
    told, turned = judge(one, newest), judge(other, newest[order])
    np.testing.assert_allclose(told.p_value[order], turned.p_value, rtol=1e-3)
    np.testing.assert_allclose(told.expected[order], turned.expected, rtol=1e-4)


@given(seed=st.integers(0, 10_000), row=st.integers(0, 39), family=st.sampled_from([COUNT, POSITIVE]))
@settings(max_examples=15, deadline=None)
def test_a_series_scores_alone_as_in_a_batch_given_priors(seed: int, row: int, family: Params) -> None:
    values, newest = draw(seed), draw(seed + 1, days=1)[:, 0]
    priors = baseline.learn(panel(values), family)
    together = judge(baseline.fit(panel(values), priors, family), newest)
    group = np.array([row % 2, 1])
    pair = Panel(values[[row, 1]], DAYS[:200], None, group)
    alone = judge(baseline.fit(pair, priors, family), newest[[row, 1]])
    for name in ("expected", "p_value", "sure"):
        np.testing.assert_allclose(getattr(alone, name)[0], getattr(together, name)[row], rtol=1e-4)


@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 1000.0))
@settings(max_examples=15, deadline=None)
def test_the_unit_of_sizes_does_not_matter(seed: int, scale: float) -> None:
    values, newest = draw(seed) + 20.0, draw(seed + 1, days=1)[:, 0] + 20.0
    one = judge(baseline.fit_pooled(panel(values), POSITIVE), newest)
    other = judge(baseline.fit_pooled(panel(values * scale), POSITIVE), newest * scale)
    np.testing.assert_allclose(one.p_value, other.p_value, rtol=2e-3)
    np.testing.assert_allclose(one.expected * scale, other.expected, rtol=1e-3)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_a_point_is_never_in_its_own_fit(seed: int) -> None:
    """The same expectation whatever is observed: the judged points come in by another door than the past."""
    fitted = baseline.fit_pooled(panel(draw(seed)), COUNT)
    low, high = judge(fitted, np.zeros(40)), judge(fitted, np.full(40, 1e6))
    np.testing.assert_array_equal(low.expected, high.expected)
    assert (high.p_value[high.reason == 0] < 0.05).all()


def test_learning_and_fitting_apart_is_the_same_as_both_at_once() -> None:
    values, newest = draw(3), draw(4, days=1)[:, 0]
    priors = baseline.learn(panel(values), COUNT)
    same(
        judge(baseline.fit(panel(values), priors, COUNT), newest),
        judge(baseline.fit_pooled(panel(values), COUNT), newest),
    )


def test_blocks_do_not_matter() -> None:
    values, newest = draw(5), draw(6, days=1)[:, 0]
    small = replace(COUNT, block_rows=7)
    same(
        judge(baseline.fit_pooled(panel(values), COUNT), newest),
        judge(baseline.fit_pooled(panel(values), small), newest),
        1e-3,
    )


BAD = {
    "all missing": np.full(200, np.nan),
    "constant": np.full(200, 7.0),
    "always zero": np.zeros(200),
    "two points": np.r_[np.full(198, np.nan), 3.0, 4.0],
    "infinite": np.where(np.arange(200) % 5 == 0, np.inf, 9.0),
    "a thousand-fold spike": np.where(np.arange(200) == 150, 9_000.0, 9.0),
    "negative": np.where(np.arange(200) % 9 == 0, -3.0, 9.0),
    "huge": np.full(200, 1e30),
    "tiny": np.full(200, 1e-30),
    "only lately": np.r_[np.full(186, np.nan), np.full(14, 9.0)],
    "silent for months": np.r_[np.full(60, 9.0), np.full(140, np.nan)],
}
NEWEST = [0.0, 9.0, 1e9, np.nan, np.inf, -np.inf, -1.0]


@pytest.mark.parametrize("family", ["count", "positive", "rank", "ratio", "run"])
@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_input_has_a_defined_answer(family: str, name: str) -> None:
    values = np.vstack([draw(7, n=20), np.tile(BAD[name], (len(NEWEST), 1))])
    newest = np.r_[draw(8, n=20, days=1)[:, 0], NEWEST]
    params = replace(COUNT, family=family, windows=(1, 7, 28) if family in ("count", "ratio") else (1,))
    exposure = np.full(values.shape, 50.0) if family == "ratio" else None
    with np.errstate(all="raise", under="ignore"):
        fitted = baseline.fit_pooled(panel(values, exposure), params)
        told = judge(fitted, newest, None if exposure is None else exposure[:, 0])
    assert ((told.p_value > 0) & (told.p_value <= 1)).all()
    assert np.isfinite(told.sure).all()
    assert (told.p_value[told.reason != 0] == 1).all()
    assert set(told.reason.tolist()) <= set(range(len(REASONS)))
    unknown = told.reason[20:][[3, 4, 5]]
    assert (unknown != 0).all()


def test_exposure_that_is_nothing_is_named() -> None:
    values = np.random.default_rng(1).binomial(50, 0.2, (30, 100)).astype(np.float64)
    exposure = np.full(values.shape, 50.0)
    exposure[0] = 0.0
    fitted = baseline.fit_pooled(panel(values, exposure), replace(COUNT, family="ratio"))
    told = judge(fitted, np.r_[5.0, 5.0, 60.0, np.full(27, 9.0)], np.r_[50.0, 0.0, 50.0, np.full(27, 50.0)])
    assert [REASONS[one] for one in told.reason[:3]] == ["too short", "no exposure", "more than exposed"]


def test_a_spike_in_history_moves_nothing() -> None:
    values = draw(9, n=200, gaps=0.0) + 20.0
    spiked = values.copy()
    spiked[:, 180] *= 1000.0
    one, other = (judge(baseline.fit_pooled(panel(each), COUNT), np.full(200, 30.0)) for each in (values, spiked))
    assert np.median(np.abs(other.expected / one.expected - 1.0)) < 0.03
    assert np.max(np.abs(other.expected / one.expected - 1.0)) < 0.25


def test_two_weeks_are_enough_to_speak_and_less_sure_than_a_year() -> None:
    rng = np.random.default_rng(2)
    values = rng.poisson(40.0, (100, 210)).astype(np.float64)
    values[:50, :-14] = np.nan
    told = judge(baseline.fit_pooled(Panel(values, DAYS[:210]), COUNT), np.full(100, 40.0))
    assert (told.reason == 0).all()
    assert told.sure[:50].mean() < told.sure[50:].mean() - 0.02
    assert np.abs(told.expected[:50] / 40.0 - 1).max() < 0.2


def test_times_that_are_unsorted_or_doubled_are_refused() -> None:
    for days in (DAYS[:10][::-1], np.repeat(DAYS[:5], 2)):
        with pytest.raises(ValueError, match="ascending"):
            Panel(np.zeros((2, 10)), days)


def test_a_point_too_far_ahead_is_not_judged() -> None:
    fitted = baseline.fit_pooled(panel(draw(1)), COUNT)
    for ahead, judged in ((-1, False), (0, True), (HORIZON - 1, True), (HORIZON, False)):
        told = scoring.score(fitted, np.array([0]), fitted.start + ahead, np.array([5.0]))
        assert (REASONS[told.reason[0]] == "judged") is judged


def test_hours_of_the_week_are_a_period_as_days_are() -> None:
    hours = np.datetime64("2025-01-01T00", "h") + np.arange(24 * 7 * 6)
    daily = 1.0 + 0.8 * np.sin(2 * np.pi * np.arange(hours.size + 1) / 24)
    values = np.random.default_rng(4).poisson(60.0 * daily, (50, hours.size + 1)).astype(np.float64)
    hourly = replace(
        COUNT, period=168, memory=168 * 6, week_half_life=168 * 20.0, half_lives=(24.0, 72.0, 168.0, 672.0)
    )
    told = scoring.score(
        baseline.fit_pooled(Panel(values[:, :-1], hours), hourly), np.arange(50), hours[-1] + 1, values[:, -1]
    )
    np.testing.assert_allclose(told.expected, 60.0 * daily[-1], rtol=0.25)
    assert (told.p_value < 0.01).sum() <= 3
