"""From a statistic to a p-value and back, on laws whose tails are known."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import calibrate
from detectors.calibrate import LEVELS, Tails

NO_EDGES = np.zeros(0)


def exponential(size: int, rate: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(1.0 / rate, size)


def test_p_values_of_points_not_learnt_from_keep_their_word() -> None:
    points = exponential(200_000)
    tails = calibrate.learn(points, np.ones(points.size), NO_EDGES, 1.0)
    fresh = exponential(2_000_000, seed=1)
    p_values = calibrate.p_values(tails, np.zeros(fresh.size, dtype=np.int64), fresh)
    for level in (0.1, 0.01, 0.001, 0.0001):
        assert np.mean(p_values <= level) == pytest.approx(level, rel=0.15)


def test_few_points_still_tell_a_tail_far_beyond_them() -> None:
    ratios = []
    for seed in range(20):
        tails = calibrate.learn(exponential(3_000, seed=seed), np.ones(3_000), NO_EDGES, 1.0)
        ratios.append(calibrate.p_values(tails, np.array([0]), np.array([-np.log(1e-5)]))[0] / 1e-5)
    assert 0.7 < np.exp(np.mean(np.log(ratios))) < 1.4


def test_a_cut_is_where_its_p_value_is() -> None:
    tails = calibrate.learn(exponential(50_000), np.ones(50_000), NO_EDGES, 1.0)
    asked = np.array([0.4, 0.03, 1e-3, 3e-6, 1e-12])
    cuts = calibrate.limits(tails, np.zeros(5, dtype=np.int64), asked)
    assert calibrate.p_values(tails, np.zeros(5, dtype=np.int64), cuts) == pytest.approx(asked, rel=1e-6)
    assert (np.diff(cuts) > 0).all()
    assert np.isinf(calibrate.limits(tails, np.array([0]), np.array([0.0])))


def test_segments_have_tails_of_their_own() -> None:
    information = np.repeat([0.5, 5.0], 50_000)
    points = np.concatenate([exponential(50_000, 1.0), exponential(50_000, 4.0, seed=2)])
    tails = calibrate.learn(points, information, np.array([1.0]), 1.0)
    assert calibrate.segments(tails, np.array([0.5, 1.0, 5.0, np.nan])).tolist() == [0, 1, 1, 0]
    cuts = calibrate.limits(tails, np.array([0, 1]), np.full(2, 0.001))
    assert cuts == pytest.approx([np.log(1000), np.log(1000) / 4], rel=0.1)


def test_a_segment_without_points_takes_the_nearest_one() -> None:
    tails = calibrate.learn(exponential(5_000), np.ones(5_000), np.array([10.0]), 1.0)
    assert (tails.values[0] == tails.values[1]).all()
    with pytest.raises(ValueError, match="too few"):
        calibrate.learn(exponential(50), np.ones(50), NO_EDGES, 1.0)


def test_nothing_known_of_a_point_is_no_alarm() -> None:
    tails = calibrate.bound(28)
    told = calibrate.p_values(tails, np.zeros(3, dtype=np.int64), np.array([np.nan, -np.inf, -5.0]))
    assert told.tolist() == [1.0, 1.0, 1.0]


def test_theory_bounds_a_sum_of_e_values_by_markov() -> None:
    told = calibrate.p_values(calibrate.bound(28), np.array([0, 0]), np.log([280.0, 28e9]))
    assert told == pytest.approx([0.1, 1e-9], rel=1e-6)


def shipped() -> Tails:
    return Tails(NO_EDGES, -np.log(LEVELS)[None, :], 0.3)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (2.0, 1.0), (-1.0, 2.0), (0.5, 0.6)])
def test_a_portfolios_own_past_moves_the_tails(shift: float, scale: float) -> None:
    own = shift + scale * exponential(400_000)
    tails = calibrate.adjusted(shipped(), own, np.ones(own.size), np.ones(own.size, dtype=np.bool_), 1_000.0)
    asked = np.array([0.01, 1e-4, 1e-6])
    cuts = calibrate.limits(tails, np.zeros(3, dtype=np.int64), asked)
    assert cuts == pytest.approx(shift - scale * np.log(asked), rel=0.03)
    assert tails.clustering == 0.3


def test_a_short_past_leaves_the_tails_nearly_as_shipped() -> None:
    own = 3.0 + 3.0 * exponential(300)
    tails = calibrate.adjusted(shipped(), own, np.ones(300), np.ones(300, dtype=np.bool_), 30_000.0)
    assert tails.values == pytest.approx(shipped().values, abs=0.3)


def test_incidents_that_are_known_or_few_do_not_move_the_tails() -> None:
    own = exponential(100_000)
    own[:200] = 60.0
    calm = np.ones(own.size, dtype=np.bool_)
    told = [
        calibrate.adjusted(shipped(), own, np.ones(own.size), mask, 1_000.0).values[0, -1]
        for mask in (calm, np.arange(own.size) >= 200)
    ]
    assert told == pytest.approx([-np.log(1e-4)] * 2, rel=0.12)


@pytest.mark.parametrize(
    ("edges", "values", "clustering"),
    [
        (NO_EDGES, np.zeros((1, LEVELS.size)), 1.0),
        (NO_EDGES, np.full((1, LEVELS.size), np.nan), 1.0),
        (np.array([1.0]), -np.log(LEVELS)[None, :], 1.0),
        (np.array([2.0, 1.0]), np.tile(-np.log(LEVELS), (3, 1)), 1.0),
        (NO_EDGES, -np.log(LEVELS)[None, :], 0.0),
    ],
)
def test_tails_that_make_no_sense_are_refused(edges: np.ndarray, values: np.ndarray, clustering: float) -> None:
    with pytest.raises(ValueError, match=r"values|quantiles|edges|clustering"):
        Tails(edges, values, clustering)
