"""A slow fall is told from a step and from chance; what a whole group does is nobody's."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import peers
from detectors.rules import trend
from detectors.series import Forecast

DAYS, N = 160, 40
PARAMS = trend.Params(scan_days=30)


def forecast(seed: int, kept: np.ndarray, spread: float = 0.1) -> Forecast:
    """``kept`` (N, DAYS) is what is left of an expectation of 500 a day."""
    noise = np.exp(np.random.default_rng(seed).normal(0, spread, (N, DAYS)))
    expected = np.full((N, DAYS), 500.0)
    ones = np.ones((N, DAYS))
    return Forecast(expected, ones, ones * 0.01, expected * kept * noise)


def ramp(days: int, left: float) -> np.ndarray:
    kept = np.ones((N, DAYS))
    kept[0, -days:] = np.linspace(1.0, left, days)
    return kept


def active(made: Forecast, params: trend.Params = PARAMS) -> list[int]:
    return np.flatnonzero(trend.scan(made, np.zeros(N, dtype=np.int64), params).active[:, -1]).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_ramp_is_found_and_dated(seed: int) -> None:
    scan = trend.scan(forecast(seed, ramp(20, 0.5)), np.zeros(N, dtype=np.int64), PARAMS)
    assert np.flatnonzero(scan.active[:, -1]).tolist() == [0]
    assert abs(int(scan.onset[0]) - (DAYS - 20)) <= 6
    assert 0.3 < scan.fall[0, -1] < 0.6


@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_no_slow_decline(seed: int) -> None:
    kept = np.ones((N, DAYS))
    kept[0, -12:] = 0.5
    assert active(forecast(seed, kept)) == []


def test_a_group_that_declines_together_is_nobodys_decline() -> None:
    together = np.broadcast_to(np.concatenate([np.ones(DAYS - 25), np.linspace(1.0, 0.4, 25)]), (N, DAYS))
    assert active(forecast(1, together)) == []


def test_quiet_series_stay_quiet() -> None:
    assert sum(len(active(forecast(seed, np.ones((N, DAYS)), 0.25))) for seed in range(15)) <= 1


def test_a_rank_that_rises_slowly_is_seen_only_if_asked_for() -> None:
    worse = 1.0 / ramp(20, 0.5)
    assert active(forecast(2, worse)) == []
    assert active(forecast(2, worse), trend.Params(scan_days=30, rises=True)) == [0]


def test_the_index_follows_a_season_that_a_lagging_expectation_does_not() -> None:
    truth = 500.0 * np.exp(-0.01 * np.arange(DAYS))
    lagging = np.concatenate([np.full(30, 500.0), truth[:-30]])
    expected = np.broadcast_to(lagging, (N, DAYS)).copy()
    made = Forecast(expected, expected, expected, np.broadcast_to(truth, (N, DAYS)).copy())
    index = peers.index(made, np.zeros(N, dtype=np.int64), 5, 20.0)
    ratio = np.broadcast_to(truth, (N, DAYS)) / index
    assert ratio[:, 40:].std() / ratio[:, 40:].mean() < 0.01
    alone = peers.log_move(peers.log_ratios(made.capped, expected, 20.0), np.zeros(N, dtype=np.int64), 5)
    assert np.exp(alone[0, -1]) == pytest.approx(truth[-1] / lagging[-1], rel=1e-2)
