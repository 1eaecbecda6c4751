"""A new series' level is its likes' until its own counts outweigh what these differ by; what is told says how sure."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import borrow
from detectors.baselines import weekday_season
from detectors.peers import Compared
from detectors.series import FloatArray, SeriesBatch

PARAMS = weekday_season.Params(level_half_life_days=100.0, borrow_from_days=4.0)
N, DAYS, NEW_FROM = 60, 160, 140


def drawn(seed: int, rate: FloatArray, exposure: float = 60.0) -> SeriesBatch:
    """Clicks of 60 series, of which the first tells from ``NEW_FROM`` on only."""
    rng = np.random.default_rng(seed)
    offered = np.full((N, DAYS), exposure)
    values = rng.poisson(offered * rate[:, None]).astype(np.float64)
    values[0, :NEW_FROM] = offered[0, :NEW_FROM] = np.nan
    return SeriesBatch(values, np.datetime64("2026-01-05") + np.arange(DAYS), offered)


def like(rows: list[int]) -> Compared:
    near = np.tile(np.array(rows), (N, 1))
    return Compared(np.zeros(N, dtype=np.int64), near, np.ones(near.shape), np.zeros(N, dtype=np.bool_))


RATE = np.where(np.arange(N) < 30, 0.02, 0.2) * np.exp(np.random.default_rng(0).normal(0, 0.1, N))


def test_from_two_weeks_on_a_series_is_judged_by_its_likes_and_its_own_days() -> None:
    batch = drawn(1, RATE)
    alone = weekday_season.fit_pooled(batch, weekday_season.Params(level_half_life_days=100.0))
    lent = weekday_season.fit_pooled(batch, PARAMS, like(list(range(1, 25))))
    first = NEW_FROM + 14
    assert np.isnan(alone.expected[0, :first]).all()
    assert np.isnan(lent.expected[0, : first - 1]).all()
    assert lent.expected[0, first:].mean() == pytest.approx(60 * 0.02, rel=0.15)
    # One who has seen four days and borrows is less sure than one who has seen all.
    assert lent.relative_sd[0, first] > 1.3 * lent.relative_sd[1, first]


def test_likes_tell_more_than_all() -> None:
    batch = drawn(2, RATE)
    near = weekday_season.fit_pooled(batch, PARAMS, like(list(range(1, 25))))
    everyone = weekday_season.fit_pooled(batch, PARAMS)
    assert near.relative_sd[0, -1] < everyone.relative_sd[0, -1]


def test_own_counts_win_over_likes_that_are_wrong() -> None:
    rate = RATE.copy()
    rate[0] = 0.2
    batch = drawn(3, rate, exposure=6_000.0)
    wrong = weekday_season.fit_pooled(batch, PARAMS, like(list(range(1, 25))))
    assert wrong.expected[0, -1] == pytest.approx(6_000 * 0.2, rel=0.25)


def test_series_with_a_past_of_their_own_are_left_alone() -> None:
    batch = drawn(4, RATE)
    alone = weekday_season.fit_pooled(batch, weekday_season.Params(level_half_life_days=100.0))
    lent = weekday_season.fit_pooled(batch, PARAMS, like(list(range(1, 25))))
    np.testing.assert_array_equal(alone.expected[1:], lent.expected[1:])
    np.testing.assert_array_equal(alone.relative_sd[1:], lent.relative_sd[1:])


def test_equal_priors_score_alone_as_in_the_batch() -> None:
    batch = drawn(5, RATE)
    priors = weekday_season.learn_priors(batch, PARAMS)
    assert priors.level is not None
    assert priors.level.rows.tolist() == [0]
    whole = weekday_season.fit(batch, priors, PARAMS)
    assert batch.exposure is not None
    one = weekday_season.fit(SeriesBatch(batch.values[:1], batch.days, batch.exposure[:1]), priors, PARAMS)
    np.testing.assert_array_equal(one.expected[0], whole.expected[0])
    np.testing.assert_array_equal(one.relative_sd[0], whole.relative_sd[0])


def test_too_few_likes_lend_nothing() -> None:
    level, days = np.full((4, 9), 2.0), np.full((4, 9), 200.0)
    days[0] = 3.0
    own = borrow.Own(level, level, level, days, 0.99)
    prior = borrow.learn(own, None)
    assert prior.rows.tolist() == [0]
    assert np.isnan(prior.mean).all()
    found = borrow.lend(prior, own, np.ones(9), 1.0)
    np.testing.assert_array_equal(found.level, level)
    np.testing.assert_array_equal(found.days, days)


def test_nothing_is_borrowed_from_later_days() -> None:
    batch = drawn(6, RATE)
    assert batch.exposure is not None
    early = SeriesBatch(batch.values[:, :-3], batch.days[:-3], batch.exposure[:, :-3])
    now, later = (weekday_season.fit_pooled(one, PARAMS).expected for one in (early, batch))
    np.testing.assert_allclose(now, later[:, :-3], rtol=1e-9)
