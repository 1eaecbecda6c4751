"""Noise that is a share of the expectation: its dispersion is learnt at any volume and follows a season."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors import spread
from detectors.series import Forecast

SHARE = 0.25


def drawn(levels: np.ndarray, days: int = 400, seed: int = 0) -> Forecast:
    rng = np.random.default_rng(seed)
    season = 1.0 + 0.5 * np.sin(np.arange(days) / 58.0)
    expected = levels[:, None] * season
    values = rng.poisson(expected * rng.gamma(1.0 / SHARE**2, SHARE**2, expected.shape)).astype(float)
    # The pool's dispersion, as counts of all sizes together tell it, is the largest series'.
    dispersion = np.full(expected.shape, 1.0 + SHARE**2 * levels.max())
    return Forecast(expected, dispersion, np.full(expected.shape, 0.05), values)


def test_small_and_large_series_have_their_own_dispersion_in_every_season() -> None:
    levels = np.repeat([30.0, 300.0, 3000.0], 20)
    forecast = drawn(levels)
    told = spread.relative(forecast)
    truth = 1.0 + SHARE**2 * forecast.expected
    assert np.median(told.dispersion[:, 200:] / truth[:, 200:], axis=1) == pytest.approx(np.ones(60), rel=0.2)
    assert np.median(forecast.dispersion[:20, 200:] / truth[:20, 200:]) > 20


def test_only_the_past_tells_it() -> None:
    forecast = drawn(np.full(5, 200.0))
    capped = forecast.capped.copy()
    capped[:, 300:] *= 3.0
    told, other = (spread.relative(one).dispersion for one in (forecast, replace(forecast, capped=capped)))
    assert (told[:, :310] == other[:, :310]).all()
    assert not (told[:, 310:] == other[:, 310:]).all()


def test_an_outage_in_the_past_is_no_noise() -> None:
    forecast = drawn(np.full(5, 200.0))
    capped = forecast.capped.copy()
    capped[0, 200:220] = 0.0
    told = spread.relative(replace(forecast, capped=capped)).dispersion
    assert told[0, 260] == pytest.approx(spread.relative(forecast).dispersion[0, 260], rel=0.1)


def test_without_a_past_the_dispersion_stays() -> None:
    forecast = drawn(np.full(3, 200.0))
    assert (spread.relative(forecast).dispersion[:, :10] == forecast.dispersion[:, :10]).all()
    unknown = replace(forecast, expected=np.full(forecast.expected.shape, np.nan))
    assert (spread.relative(unknown).dispersion == forecast.dispersion).all()
