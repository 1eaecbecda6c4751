"""Trailing sums and medians against what they stand for, written out."""

import numpy as np
import pytest

from detectors import trailing
from detectors.medians import nan_median

RNG = np.random.default_rng(11)


@pytest.mark.parametrize("gap_days", [7, 10, 14, 35])
@pytest.mark.parametrize("n_times", [5, 30, 61])
def test_sums_on_the_own_weekday_are_those_of_all_days_with_the_others_left_out(gap_days: int, n_times: int) -> None:
    values = RNG.gamma(2.0, 3.0, (4, n_times))
    wanted = np.zeros_like(values)
    for day in range(7):
        alone = np.where(np.arange(n_times) % 7 == day, values, 0.0)
        wanted[:, day::7] = trailing.decayed(alone, 140.0, gap_days)[:, day::7]
    assert np.allclose(trailing.on_own_weekday(values, 140.0, gap_days), wanted, rtol=1e-12, atol=0.0)


def test_a_decayed_sum_halves_what_is_a_half_life_old_and_sees_nothing_of_the_gap() -> None:
    values = np.zeros((1, 40))
    values[0, 3] = 8.0
    found = trailing.decayed(values, 10.0, 5)
    assert found[0, :8].tolist() == [0.0] * 8
    assert found[0, [8, 18, 28]] == pytest.approx([8.0, 4.0, 2.0])


@pytest.mark.parametrize("days", [1, 2, 7])
def test_run_sums_add_the_days_before(days: int) -> None:
    values = RNG.poisson(4.0, (3, 20)).astype(np.float64)
    wanted = [[row[max(at + 1 - days, 0) : at + 1].sum() for at in range(20)] for row in values]
    assert trailing.run_sums(values, days).tolist() == wanted


@pytest.mark.parametrize("axis", [0, 1])
def test_the_median_leaves_gaps_out(axis: int) -> None:
    values = RNG.normal(size=(9, 12))
    values[RNG.random(values.shape) < 0.4] = np.nan
    values[:, 5], values[5] = 1.0, 2.0
    assert nan_median(values, axis=axis).tolist() == np.nanmedian(values, axis=axis).tolist()


def test_the_median_of_nothing_is_missing() -> None:
    assert np.isnan(nan_median(np.full((2, 3), np.nan))).all()
    assert np.isnan(nan_median(np.empty((2, 0)))).all()
