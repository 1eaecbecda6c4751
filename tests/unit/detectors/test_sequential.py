"""The rule keeps its rate of false alarms by theory, and sees what it should, over many random settings."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors import families
from detectors.rules import sequential
from detectors.series import Forecast

PARAMS = sequential.Params(scan_days=60)


def forecast(seed: int, n: int, mean: float, dispersion: float, kept: float = 1.0) -> Forecast:
    rng = np.random.default_rng(seed)
    expected = mean * rng.uniform(0.6, 1.5, (n, 60))
    truth = expected.copy()
    truth[:, -20:] *= kept
    counts = rng.negative_binomial(truth / (dispersion - 1), 1 / dispersion).astype(float)
    spread = np.full_like(expected, dispersion)
    return Forecast(expected, spread, np.full_like(expected, 1e-3), counts)


@pytest.mark.parametrize("seed", range(6))
def test_false_alarms_stay_within_the_rate_asked_for(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, limit = 3_000, 1_000.0
    null = forecast(seed, n, rng.uniform(0.3, 8.0), rng.uniform(1.05, 3.0))
    alarms = int(sequential.scan(null, np.full(n, np.log(limit)), PARAMS).active.any(axis=1).sum())
    # Doob: P(max of M over 60 days >= limit) <= 60 / limit.
    assert alarms <= stats.binom.ppf(0.9999, n, 60 / limit)


@pytest.mark.parametrize(("mean", "days"), [(3.0, 20), (6.0, 11), (12.0, 7)])
def test_a_drop_of_sixty_percent_is_seen_by_most(mean: float, days: int) -> None:
    limits = np.full(400, np.log(2_000.0))
    active = sequential.scan(forecast(9, 400, mean, 1.3, kept=0.4), limits, PARAMS).active
    assert active[:, -21 + days].mean() > 0.75


def test_windows_of_whole_weeks_are_some_of_all_windows() -> None:
    told = forecast(4, 200, 0.15, 1.3, kept=0.01)
    weekly = sequential.Params(scan_days=60, window_days=56, window_step_days=7)
    every = sequential.Params(scan_days=60, window_days=56)
    limits = np.full(200, np.inf)
    some, whole = (sequential.scan(told, limits, one).log_statistic for one in (weekly, every))
    # A sum of e-values over fewer windows: never more, and of the neighbours of each week's window not much less.
    assert (some <= whole + 1e-9).all()
    assert (some[:, 56:] > whole[:, 56:] - np.log(7.0) - 2.0).all()
    # By hand, on one day: windows of one to eight weeks.
    starts = 60 - 7 * np.arange(1, 9)
    logs = []
    for ratio in weekly.ratios:
        count = np.array([told.capped[0, start:].sum() for start in starts])
        mean = np.array([told.expected[0, start:].sum() for start in starts])
        tilt = families.tilt(ratio, 1.3 + mean * 1e-6)
        kappa = families.log_laplace(tilt, np.array([1.3]))
        logs.append(count * np.log(tilt) + np.log1p(mean * 1e-6 * kappa) / 1e-6)
    assert some[0, -1] == pytest.approx(np.log(np.exp(logs).sum() / len(logs)), rel=1e-6)


def test_the_e_value_has_mean_one() -> None:
    for dispersion in (1.01, 1.5, 4.0):
        counts = np.random.default_rng(1).negative_binomial(3.0 / (dispersion - 1), 1 / dispersion, 400_000)
        kappa = families.log_laplace(0.4, np.array([dispersion]))[0]
        assert np.mean(0.4**counts * np.exp(3.0 * kappa)) == pytest.approx(1.0, abs=0.02)


def test_the_budget_is_shared_out() -> None:
    limits = sequential.log_threshold(0.5, 200, 14.0)
    assert np.exp(-limits).sum() * 14 == pytest.approx(0.5)
    assert np.isinf(sequential.log_threshold(0.5, 2, 14.0, np.array([1.0, 0.0]))[1])


@pytest.mark.filterwarnings("error")
def test_what_is_not_known_tells_nothing_and_warns_of_nothing() -> None:
    told = forecast(3, 4, 5.0, 1.3, kept=0.1)
    expected, spread, counts = told.expected.copy(), told.dispersion.copy(), told.capped.copy()
    expected[0, 30:] = np.nan
    expected[1, 30:] = 0.0
    spread[2, 30:] = np.nan
    counts[3, 55:] = np.inf
    scan = sequential.scan(Forecast(expected, spread, told.relative_sd, counts), np.full(4, 6.0), PARAMS)
    assert scan.active[:, -1].tolist() == [False, False, False, True]
    assert not np.isnan(scan.log_statistic).any()
