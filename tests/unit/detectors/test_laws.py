"""The screen's laws against scipy's own, slow ones."""

from __future__ import annotations

import numpy as np
from scipy import stats

from detectors import families


def test_count_tails_are_those_of_the_negative_binomial() -> None:
    rng = np.random.default_rng(1)
    k, mean, phi = rng.integers(0, 60, 500).astype(float), rng.uniform(0.1, 40, 500), rng.uniform(1.001, 4, 500)
    law = stats.nbinom(mean / (phi - 1), 1 / phi)
    wanted = np.where(k <= mean, law.cdf(k), law.sf(k - 1)) - 0.5 * law.pmf(k)
    np.testing.assert_allclose(families.count_mid_tail(k, mean, phi), wanted, rtol=1e-9)


def test_ratio_tails_are_those_of_the_beta_binomial() -> None:
    rng = np.random.default_rng(2)
    n, share, rho = rng.integers(60, 400, 300), rng.uniform(0.02, 0.9, 300), rng.uniform(0.001, 0.1, 300)
    k = rng.integers(0, 60, 300)
    law = stats.betabinom(n, share * (1 / rho - 1), (1 - share) * (1 / rho - 1))
    wanted = np.where(k <= n * share, law.cdf(k), law.sf(k - 1)) - 0.5 * law.pmf(k)
    told = families.ratio_mid_tail(k.astype(float), n.astype(float), share, rho)
    np.testing.assert_allclose(told, wanted, rtol=1e-6, atol=1e-12)


def test_beyond_the_steps_a_beta_law_stands_in_and_is_near() -> None:
    n, share, rho = np.full(4, 4000.0), np.full(4, 0.3), np.full(4, 0.004)
    k = np.array([1000.0, 1100.0, 1250.0, 1400.0])
    law = stats.betabinom(4000, 0.3 * 249, 0.7 * 249)
    wanted = np.where(k <= 1200, law.cdf(k), law.sf(k - 1)) - 0.5 * law.pmf(k)
    np.testing.assert_allclose(families.ratio_mid_tail(k, n, share, rho), wanted, rtol=0.02)


def test_a_run_is_stranger_the_longer_it_is_and_common_where_runs_are_common() -> None:
    run = np.array([0.0, 1.0, 5.0, 20.0])
    rare = families.run_tail(run, np.full(4, 0.01), np.full(4, 0.5))
    usual = families.run_tail(run, np.full(4, 0.1), np.full(4, 0.95))
    assert rare[0] == usual[0] == 1.0
    assert (np.diff(rare) < 0).all()
    assert (usual[1:] > rare[1:]).all()
    drawn = np.random.default_rng(3).random(200_000)
    state, length, seen = False, 0, 0
    for one in drawn:
        state = one < (0.5 if state else 0.01)
        length = length + 1 if state else 0
        seen += length >= 5
    assert abs(seen / len(drawn) - rare[2]) < 0.3 * rare[2]
