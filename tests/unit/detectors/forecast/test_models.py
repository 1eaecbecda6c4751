"""What every forecasting model promises; a new file with a NAME is tested without a line here."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from detectors.forecast import chooser
from detectors.forecast.contract import LEVELS, DayArray, FloatArray, ForecastError
from detectors.forecast.past import LEVEL

HORIZON = 14


def days(size: int) -> DayArray:
    return np.datetime64("2025-01-06", "D") + np.arange(size)


def counts(size: int = 150, mean: float = 20.0, seed: int = 0) -> FloatArray:
    """Counts with busy weekends."""
    usual = mean * np.where(np.arange(size) % 7 >= 5, 1.6, 0.76)
    return np.random.default_rng(seed).poisson(usual).astype(np.float64)


@pytest.fixture(params=chooser.models().values(), ids=chooser.models())
def model(request: pytest.FixtureRequest) -> ModuleType:
    found: ModuleType = request.param
    return found


def test_the_four_are_found() -> None:
    assert set(chooser.models()) == {"Prophet", "MSTL", "ETS", "seasonal naive"}


def test_weekdays_and_level_go_on_within_nested_bands(model: ModuleType) -> None:
    values = counts()
    kept = values.copy()
    told = model.forecast(values, days(150), HORIZON, None, None, LEVELS)
    assert np.array_equal(values, kept)
    assert told.model == model.NAME
    assert told.mean.shape == (HORIZON,)
    assert told.lower.shape == told.upper.shape == (2, HORIZON)
    assert (told.lower >= 0.0).all()
    ends = np.stack([told.lower[1], told.lower[0], told.mean, told.upper[0], told.upper[1]])
    assert (np.diff(ends, axis=0) >= 0.0).all()
    weekend = (np.arange(150, 150 + HORIZON) % 7) >= 5
    assert told.mean[weekend].mean() > 1.5 * told.mean[~weekend].mean()
    assert told.mean.mean() == pytest.approx(20.0, rel=0.2)


def test_the_same_series_is_told_the_same_and_no_other_generator_moves(model: ModuleType) -> None:
    values = counts(90)
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    first = model.forecast(values, days(90), HORIZON, None, None, LEVELS)
    assert np.random.random() == expected
    second = model.forecast(values, days(90), HORIZON, None, None, LEVELS)
    assert np.array_equal(first.upper, second.upper)


def test_another_unit_gives_the_same_forecast_in_that_unit(model: ModuleType) -> None:
    values = counts()
    one, hundred = (model.forecast(values * unit, days(150), HORIZON, None, None, LEVELS).mean for unit in (1.0, 100.0))
    assert hundred == pytest.approx(100.0 * one, rel=0.03)


def test_gaps_and_infinities_are_missing(model: ModuleType) -> None:
    values = counts(200)
    gappy = values.copy()
    gappy[[3, 50, 51, 52, 120]] = np.nan
    gappy[[70, 90]] = np.inf
    gappy[-4:] = np.nan
    told = model.forecast(gappy, days(200), HORIZON, None, None, LEVELS)
    assert np.isfinite(np.stack([told.mean, *told.lower, *told.upper])).all()
    weekend = (np.arange(200, 200 + HORIZON) % 7) >= 5
    assert told.mean[weekend].mean() > 1.3 * told.mean[~weekend].mean(), "a trailing gap must not shift weekdays"


def test_a_holiday_is_learnt_taken_out_and_put_in(model: ModuleType) -> None:
    size = 280
    values = 100.0 + np.random.default_rng(1).normal(0.0, 3.0, size + HORIZON)
    holidays = np.zeros(size + HORIZON, dtype=np.bool_)
    holidays[[20, 61, 99, 150, 200, 241, 270, size + 3]] = True
    values[holidays] *= 0.5
    with_mark = model.forecast(values[:size], days(size), HORIZON, holidays, None, LEVELS).mean
    without = model.forecast(values[:size], days(size), HORIZON, None, None, LEVELS).mean
    assert with_mark[3] < 0.75 * np.delete(with_mark, 3).min()
    assert without[3] > 80.0
    as_event = model.forecast(values[:size], days(size), HORIZON, None, holidays, LEVELS).mean
    assert as_event[3] == pytest.approx(with_mark[3], rel=0.05)


@pytest.mark.parametrize("values", [np.full(60, 4.0), np.zeros(60), np.array([2.0, 3.0]), np.array([7.0])])
def test_constant_empty_and_short_series_have_their_mean_as_answer(model: ModuleType, values: FloatArray) -> None:
    told = model.forecast(values, days(len(values)), HORIZON, None, None, LEVELS)
    assert told.model == LEVEL
    assert told.mean == pytest.approx(np.full(HORIZON, values.mean()))
    assert (told.upper[1] >= told.mean).all()


def test_what_may_be_negative_stays_so(model: ModuleType) -> None:
    values = np.random.default_rng(2).normal(-5.0, 1.0, 100)
    told = model.forecast(values, days(100), HORIZON, None, None, LEVELS)
    assert told.mean.mean() == pytest.approx(-5.0, abs=1.5)


def test_what_cannot_be_is_refused_by_name(model: ModuleType) -> None:
    with pytest.raises(ForecastError, match="no value is known"):
        model.forecast(np.full(40, np.nan), days(40), HORIZON, None, None, LEVELS)
    with pytest.raises(ForecastError, match="horizon"):
        model.forecast(counts(40), days(40), 0, None, None, LEVELS)
    with pytest.raises(ForecastError, match="contiguous"):
        model.forecast(counts(40), days(41)[np.arange(41) != 7], HORIZON, None, None, LEVELS)
    with pytest.raises(ForecastError, match="must cover 54 days"):
        model.forecast(counts(40), days(40), HORIZON, np.zeros(40, dtype=np.bool_), None, LEVELS)
