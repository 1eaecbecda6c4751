"""Groups of series as one series."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import pooled
from detectors.series import Forecast


def test_a_group_has_the_share_of_its_usual_that_its_series_have_together() -> None:
    values = np.array([[10.0] * 4, [20.0] * 4, [30.0] * 4, [5.0] * 4])
    values[:3, 3] *= 0.5
    index = pooled.index(values, np.array([0, 0, 0, 1]), 1, 3.0)
    assert index[0, 3] / index[0, 0] == pytest.approx(0.5)
    assert index[1] == pytest.approx([1.0] * 4)


def test_a_series_that_is_missing_moves_nothing_and_too_few_say_nothing() -> None:
    values = np.full((6, 10), 10.0)
    values[0] = 90.0
    values[0, 9] = np.nan
    assert pooled.index(values, np.zeros(6, np.int64), 5, 3.0)[0] == pytest.approx([1.0] * 10)
    assert np.isnan(pooled.index(values, np.zeros(6, np.int64), 6, 3.0)[0, 9])


def test_one_giant_is_no_market() -> None:
    values = np.full((30, 10), 10.0)
    values[0] = 1_000.0
    values[0, 9] = 0.0
    index = pooled.index(values, np.zeros(30, np.int64), 5, 3.0)
    # It is 97 % of all counts, and weighs as three ordinary series.
    assert index[0, 9] > 0.7


def made(off: np.ndarray, noise: float = 0.06) -> Forecast:
    expected = np.full(off.shape, 1_000.0)
    return Forecast(
        expected=expected, dispersion=noise * expected, relative_sd=np.full(off.shape, 0.05),
        capped=expected * np.exp(off),
    )  # fmt: skip


def test_what_befalls_all_is_expected_of_each_and_what_befalls_one_of_none() -> None:
    off = np.zeros((6, 20))
    off[:, -5:] = -0.6
    together = pooled.moved_by_others(made(off), 3, 2)
    assert together[:, -1] == pytest.approx(np.exp(-0.6 + 2 * 1.25 * np.sqrt(0.06 / 15)), rel=0.01)
    alone = np.zeros((6, 20))
    alone[2, -5:] = -0.6
    assert pooled.moved_by_others(made(alone), 3, 2) == pytest.approx(1.0)


def test_chance_moves_next_to_nothing() -> None:
    off = np.random.default_rng(3).normal(0.0, 0.245, (6, 2_000))
    moved = np.log(pooled.moved_by_others(made(off), 3, 2))
    assert np.mean(moved == 0.0) > 0.9
    assert np.abs(moved).mean() < 0.01


def test_two_markets_know_nothing_of_each_other() -> None:
    off = np.full((2, 10), -0.6)
    assert pooled.moved_by_others(made(off), 3, 2) == pytest.approx(1.0)
