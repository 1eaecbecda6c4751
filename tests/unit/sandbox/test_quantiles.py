"""Fast quantiles agree with scipy's exact ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sandbox.quantiles import binomial_quantile, poisson_quantile


@pytest.mark.parametrize("mean", [0.0, 0.01, 0.5, 5.0, 39.0, 41.0, 300.0, 20_000.0])
def test_poisson_quantiles(mean: float) -> None:
    u = np.random.default_rng(1).random(20_000)
    found, exact = poisson_quantile(u, np.full(u.shape, mean)), stats.poisson.ppf(u, mean)
    exact = np.nan_to_num(exact)
    assert np.abs(found - exact).max() <= (0 if mean < 40 else 1)
    assert (found == exact).mean() > 0.98


@pytest.mark.parametrize(("n", "p"), [(0, 0.2), (60, 0.009), (60, 0.0), (60, 1.0), (300, 0.2), (9000, 0.2)])
def test_binomial_quantiles(n: int, p: float) -> None:
    u = np.random.default_rng(2).random(20_000)
    found = binomial_quantile(u, np.full(u.shape, n), np.full(u.shape, p))
    exact = np.nan_to_num(stats.binom.ppf(u, n, p))
    assert np.abs(found - exact).max() <= (0 if n * p * (1 - p) < 40 else 1)
    assert (found == exact).mean() > 0.98
    assert found.max() <= n


def test_quantiles_rise_with_the_number_and_the_rate() -> None:
    u = np.linspace(0.001, 0.999, 500)
    assert (np.diff(poisson_quantile(u, np.full(500, 80.0))) >= 0).all()
    assert (poisson_quantile(u, np.full(500, 80.0)) <= poisson_quantile(u, np.full(500, 82.0))).all()
