"""Who speaks, and how wide."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.forecast import chooser, seasonal_naive
from detectors.forecast.contract import ForecastError, Predicted
from detectors.forecast.past import LEVEL

QUICK = ("ETS", "MSTL")


def days(size: int) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return np.datetime64("2025-01-06", "D") + np.arange(size)


def test_noise_on_a_steady_week_is_forecast_by_a_model_that_beats_the_floor() -> None:
    random = np.random.default_rng(3)
    usual = 30.0 * np.where(np.arange(228) % 7 >= 5, 1.5, 0.8)
    values = random.poisson(usual).astype(np.float64)
    found = chooser.choose(values[:200], days(200), 28, names=QUICK)
    assert found.predicted.model in QUICK
    assert found.origins == chooser.ORIGINS
    assert set(found.pinball) == set(found.mase) == {*QUICK, seasonal_naive.NAME}
    assert found.pinball[found.predicted.model] == min(found.pinball.values())
    assert found.pinball[found.predicted.model] < found.pinball[seasonal_naive.NAME]
    naive = seasonal_naive.forecast(values[:200], days(200), 28, None, None, (0.8, 0.95))
    assert np.abs(found.predicted.mean - usual[200:]).mean() < 0.6 * np.abs(naive.mean - usual[200:]).mean()


def test_no_model_speaks_that_does_not_beat_the_floor() -> None:
    values = np.tile([4.0, 9.0, 1.0, 16.0, 25.0, 36.0, 0.0], 20)
    found = chooser.choose(values, days(140), 14, names=QUICK)
    assert found.predicted.model == seasonal_naive.NAME
    assert found.predicted.mean == pytest.approx(values[:14])


def test_what_happens_later_changes_nothing() -> None:
    values = np.random.default_rng(4).poisson(8.0, 200).astype(np.float64)
    later = values.copy()
    later[150:] = 1000.0
    one, other = (chooser.choose(each[:150], days(150), 14, names=QUICK) for each in (values, later))
    assert np.array_equal(one.predicted.mean, other.predicted.mean)


def test_too_short_a_past_is_told_by_the_floor_without_a_trial() -> None:
    found = chooser.choose(np.random.default_rng(5).poisson(8.0, 40).astype(np.float64), days(40), 14, names=QUICK)
    assert (found.predicted.model, found.origins, found.pinball) == (seasonal_naive.NAME, 0, {})


def test_a_dead_series_stays_dead() -> None:
    found = chooser.choose(np.zeros(120), days(120), 14)
    assert found.predicted.model == LEVEL
    assert not found.predicted.upper.any()


def test_an_unknown_series_is_an_error() -> None:
    with pytest.raises(ForecastError, match="no value is known"):
        chooser.choose(np.full(100, np.nan), days(100), 14)


def test_a_series_that_begins_late_is_judged_on_what_it_has() -> None:
    values = np.full(400, np.nan)
    values[300:] = np.random.default_rng(6).poisson(12.0, 100)
    found = chooser.choose(values, days(400), 14, names=QUICK)
    assert found.origins == 3
    assert found.predicted.mean.mean() == pytest.approx(12.0, rel=0.3)


def test_bands_are_stretched_from_the_mean_and_stay_nested_and_positive() -> None:
    flat = np.ones(3)
    narrow = Predicted("x", (0.8, 0.95), 2 * flat, np.stack([flat, 0.5 * flat]), np.stack([3 * flat, 4 * flat]))
    wide = chooser.stretched(narrow, (2.5, 1.0))
    assert wide.upper[0] == pytest.approx(4.5 * flat)
    assert wide.upper[1] == pytest.approx(4.5 * flat)
    assert not wide.lower.any()


def test_bands_that_held_too_little_before_are_widened() -> None:
    # Quiet weeks, and lately noise of five times the size: the bands of a fit over all are too narrow.
    random = np.random.default_rng(7)
    values = np.concatenate([random.normal(100.0, 1.0, 200), random.normal(100.0, 8.0, 42)])
    found = chooser.choose(values, days(242), 14, names=QUICK)
    assert max(found.stretched) > 1.3
