"""What kind of change is told, of series drawn here."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.inspect import kinds, subjects
from detectors.inspect.contract import Subjects
from detectors.series import Forecast

DAYS, N = 182, 40


def drawn(seed: int, mean: float = 60.0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, (N, DAYS)).astype(float)


def counted(values: np.ndarray, mean: float = 60.0) -> Subjects:
    expected = np.full(values.shape, mean)
    return subjects.of_counts(values, Forecast(expected, np.ones_like(values), expected * 0, values), 7)


def share_told(values: np.ndarray, kind: str, mean: float = 60.0) -> float:
    return float(np.mean(kinds.tell(counted(values, mean)).kind == kinds.KINDS.index(kind)))


@pytest.mark.parametrize("days", [4, 10, 25])
def test_a_step_is_a_level_shift(days: int) -> None:
    values = drawn(1)
    values[:, -days:] = np.random.default_rng(2).poisson(30.0, (N, days))
    assert share_told(values, "level_shift") > 0.9
    told = kinds.tell(counted(values))
    assert np.mean(np.abs(told.onset - (DAYS - days)) <= 1) > 0.9
    assert np.median(told.size) == pytest.approx(-0.5, abs=0.05)


def test_a_straight_slope_is_a_slow_decline() -> None:
    values = drawn(3)
    values[:, -24:] = np.random.default_rng(4).poisson(60.0 * np.linspace(0.97, 0.3, 24), (N, 24))
    assert share_told(values, "slow_decline") > 0.9
    told = kinds.tell(counted(values))
    assert np.median(np.abs(told.onset - (DAYS - 24))) <= 4
    assert np.median(told.size) == pytest.approx(-0.7, abs=0.12)


def test_noise_that_widens_is_a_changed_spread() -> None:
    values = drawn(5)
    values[:, -14:] = np.maximum(60.0 + np.random.default_rng(6).normal(0, 25, (N, 14)), 1.0)
    assert share_told(values, "variance") > 0.75
    assert np.median(kinds.tell(counted(values)).size) == pytest.approx(25 / np.sqrt(60), rel=0.3)


def test_what_repeats_stands_still_and_what_lacks_is_missing() -> None:
    values = drawn(7)
    values[:, -8:] = 57.0
    assert share_told(values, "flat_line") == 1.0
    values[:, -8:] = np.nan
    assert share_told(values, "missing") == 1.0


def test_a_count_that_stays_at_nothing_has_fallen() -> None:
    values = drawn(8)
    values[:, -8:] = 0.0
    assert share_told(values, "level_shift") == 1.0


def test_quiet_series_show_no_evidence_and_posteriors_add_up() -> None:
    told = kinds.tell(counted(drawn(9)))
    np.testing.assert_allclose(told.posterior.sum(axis=1), 1.0)
    assert np.quantile(told.log_factor, 0.9) < 3
    changed = drawn(9)
    changed[:, -10:] *= 0.5
    assert kinds.tell(counted(changed)).log_factor.min() > 10


@pytest.mark.parametrize("days", [2, 9, 60])
def test_short_and_unknown_series_are_answered(days: int) -> None:
    values = drawn(10)[:, :days]
    values[0] = np.nan
    told = kinds.tell(counted(values))
    assert np.isfinite(told.posterior).all()
    assert ((told.onset >= 0) & (told.onset <= days)).all()
