"""The regression on the year's waves follows what it can know and says how unsure it is."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.baselines import yearly_regression
from detectors.baselines.yearly_regression import Params
from detectors.series import SeriesBatch

DAYS = np.datetime64("2025-01-06") + np.arange(430)
WEEK = np.array([1.3, 1.1, 1.0, 0.9, 0.8, 0.9, 1.0])


def season(first_day: int = 0) -> np.ndarray:
    number = DAYS.astype("datetime64[D]").astype(np.int64) + first_day
    return np.exp(0.5 * np.sin(2 * np.pi * number / 365.25) + 0.2 * np.cos(4 * np.pi * number / 365.25))


def drawn(seed: int, n: int = 8, sd: float = 0.25) -> SeriesBatch:
    """Markets in different seasons, with a week and lognormal noise of mean one."""
    rng = np.random.default_rng(seed)
    mean = np.stack([season(91 * row) for row in range(n)]) * WEEK[(DAYS.astype(np.int64) + 3) % 7] * 1_000
    return SeriesBatch(mean * np.exp(rng.normal(-(sd**2) / 2, sd, (n, DAYS.size))), DAYS)


def test_it_follows_the_season_across_the_gap() -> None:
    batch = drawn(1)
    forecast = yearly_regression.fit(batch, Params(), 30)
    truth = np.stack([season(91 * row) for row in range(8)]) * WEEK[(DAYS.astype(np.int64) + 3) % 7] * 1_000
    off = np.log(forecast.expected / truth)[:, -30:]
    assert np.abs(off.mean()) < 0.04
    assert np.sqrt((off.mean(axis=1) ** 2).mean()) < 0.09
    # What it says of its own error is of the size of the error.
    assert forecast.relative_sd[:, -30:].mean() == pytest.approx(0.08, abs=0.03)
    assert np.sqrt(forecast.dispersion / forecast.expected)[:, -1].mean() == pytest.approx(0.25, abs=0.04)


def test_a_forecast_knows_nothing_of_its_last_days() -> None:
    batch = drawn(2, n=2)
    fallen = batch.values.copy()
    # Of the fourteen days of the gap the first six may say that a run had begun before it.
    fallen[:, -8:] *= 0.1
    before = yearly_regression.fit(batch, Params(gap_days=14), 14)
    after = yearly_regression.fit(SeriesBatch(fallen, DAYS), Params(gap_days=14), 14)
    np.testing.assert_allclose(after.expected, before.expected)
    np.testing.assert_allclose(after.relative_sd, before.relative_sd)


def test_what_befell_a_series_for_a_week_is_not_its_level() -> None:
    batch = drawn(3, n=4)
    fallen = batch.values.copy()
    fallen[0, 395:405] *= 0.3
    plain = yearly_regression.fit(batch, Params(), 5).expected[0, -1]
    assert yearly_regression.fit(SeriesBatch(fallen, DAYS), Params(), 5).expected[0, -1] > 0.87 * plain


def test_holidays_move_the_expectation_of_holidays_only() -> None:
    batch = drawn(4, n=1, sd=0.1)
    holidays = np.zeros((1, DAYS.size), dtype=np.bool_)
    holidays[0, [20, 90, 140, 200, 260, 330, 380, 428]] = True
    told = SeriesBatch(np.where(holidays, 0.6, 1.0) * batch.values, DAYS, None, holidays)
    expected = yearly_regression.fit(told, Params(), 5).expected[0]
    plain = yearly_regression.fit(batch, Params(), 5).expected[0]
    assert expected[428] / plain[428] == pytest.approx(0.65, abs=0.08)
    assert expected[427] / plain[427] == pytest.approx(1.0, abs=0.05)


def test_missing_days_and_short_histories_stay_unknown() -> None:
    values = drawn(5, n=2).values.copy()
    values[0, 100:120] = np.nan
    values[1, : 430 - 60] = np.nan
    forecast = yearly_regression.fit(SeriesBatch(values, DAYS), Params(min_history_days=56, gap_days=14), 10)
    assert np.isfinite(forecast.expected[0, -10:]).all()
    assert np.isnan(forecast.expected[1, -10:]).all()
    assert np.isnan(forecast.expected[0, :-10]).all()
