"""What every baseline and rule promises, on series drawn here."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from detectors.baselines import weekday_season
from detectors.rules import band, sequential, trend
from detectors.series import Forecast, SeriesBatch

PARAMS = weekday_season.Params(burst_cap_sd=3.0, season_weight=0.7)


def batch(seed: int = 0, n: int = 8, days: int = 420, exposure: bool = True) -> SeriesBatch:
    rng = np.random.default_rng(seed)
    index = np.datetime64("2025-01-01") + np.arange(days)
    offered = rng.poisson(60, (n, days)).astype(float)
    values = rng.negative_binomial(offered * rng.uniform(0.005, 0.1, (n, 1)) * 2, 2 / 3).astype(float)
    return SeriesBatch(values, index, offered if exposure else None, rng.random((n, days)) < 0.03)


def scores(forecast: Forecast, rule: str) -> np.ndarray:
    n = forecast.expected.shape[0]
    if rule == "sequential":
        return sequential.scan(forecast, np.full(n, 8.0), sequential.Params()).log_statistic
    if rule == "trend":
        return trend.scan(forecast, np.arange(n), trend.Params(min_expected=1.0, min_peers=99)).z_value
    return np.exp(-band.scan(forecast, np.arange(n), band.Params(min_expected=1.0, min_peers=99)).surprise)


RULES = pytest.mark.parametrize("rule", ["sequential", "band", "trend"])


@RULES
@pytest.mark.parametrize("exposure", [True, False])
def test_input_unchanged_and_no_look_ahead(rule: str, exposure: bool) -> None:
    whole = batch(exposure=exposure)
    before = whole.values.copy()
    cut = whole.days.size - 9
    part = SeriesBatch(
        whole.values[:, :cut], whole.days[:cut], whole.exposure[:, :cut] if whole.exposure is not None else None,
        whole.holidays[:, :cut] if whole.holidays is not None else None,
    )  # fmt: skip
    long = weekday_season.fit(whole, weekday_season.learn_priors(whole, PARAMS), PARAMS)
    short = weekday_season.fit(part, weekday_season.learn_priors(part, PARAMS), PARAMS)
    np.testing.assert_array_equal(whole.values, before)
    np.testing.assert_allclose(long.expected[:, :cut], short.expected, rtol=1e-9)
    np.testing.assert_allclose(long.dispersion[:, :cut], short.dispersion, rtol=1e-9)
    np.testing.assert_allclose(scores(long, rule)[:, :-9], scores(short, rule)[:, 9:], rtol=1e-7)


@RULES
def test_alone_as_in_a_batch_given_equal_priors(rule: str) -> None:
    whole = batch(1)
    priors = weekday_season.learn_priors(whole, PARAMS)
    together = weekday_season.fit(whole, priors, PARAMS)
    assert whole.exposure is not None
    assert whole.holidays is not None
    single = SeriesBatch(whole.values[[3]], whole.days, whole.exposure[[3]], whole.holidays[[3]])
    alone = weekday_season.fit(single, priors, PARAMS)
    np.testing.assert_array_equal(together.expected[3], alone.expected[0])
    np.testing.assert_allclose(scores(together, rule)[3], scores(alone, rule)[0])


def constant(values: np.ndarray) -> None:
    values[0] = 4.0


def gappy(values: np.ndarray) -> None:
    values[0, ::3] = np.nan
    values[1, 100:300] = np.nan


def all_missing(values: np.ndarray) -> None:
    values[:] = np.nan


def zeros(values: np.ndarray) -> None:
    values[0] = 0.0


@RULES
@pytest.mark.parametrize("days", [1, 20, 420])
@pytest.mark.parametrize("spoil", [constant, gappy, all_missing, zeros])
def test_odd_series_neither_fail_nor_alarm(rule: str, days: int, spoil: Callable[[np.ndarray], None]) -> None:
    odd = batch(2, days=days, exposure=False)
    spoil(odd.values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecast = weekday_season.fit(odd, weekday_season.learn_priors(odd, PARAMS), PARAMS)
        result = scores(forecast, rule)
    assert not np.isnan(result).any()
    row = result[0]
    assert (row > 1e-5).all() if rule == "band" else (row < {"sequential": 8.0, "trend": 5.5}[rule]).all()
