"""Tails against scipy's own distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors import families


@pytest.mark.parametrize("dispersion", [1.0, 1.3, 5.0])
@pytest.mark.parametrize("mean", [0.2, 3.0, 250.0])
def test_count_tails(mean: float, dispersion: float) -> None:
    counts = np.arange(0.0, 20.0)
    peer = stats.poisson(mean) if dispersion == 1.0 else stats.nbinom(mean / (dispersion - 1), 1 / dispersion)
    spread = np.full(20, dispersion)
    np.testing.assert_allclose(
        families.count_lower_tail(counts, np.full(20, mean), spread), peer.cdf(counts), atol=1e-9
    )
    np.testing.assert_allclose(
        families.count_upper_tail(counts, np.full(20, mean), spread), peer.sf(counts - 1), atol=1e-9
    )


def test_ratio_tail_widens_with_correlation() -> None:
    one = np.array([2.0]), np.array([100.0]), np.array([0.1])
    plain = families.ratio_lower_tail(*one, np.array([0.0]))
    assert plain[0] == pytest.approx(stats.binom.cdf(2, 100, 0.1))
    assert families.ratio_lower_tail(*one, np.array([0.05]))[0] > 5 * plain[0]
