"""Predictive distributions: counts (Poisson, negative binomial) and ratios (binomial, beta-binomial).

The negative binomial is the "NB1" one: mean ``m``, variance ``phi * m`` with ``phi`` the same at any mean, so a sum
of independent days is of the same family. Bursts (a group that books several units at once) lead to it: Poisson
arrivals of logarithmically distributed groups are exactly NB1.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from detectors.series import FloatArray

POISSON_BELOW = 1.0 + 1e-6
"""Dispersion under which the Poisson limit is used; the NB1 formulas lose their digits there."""


def count_lower_tail(observed: FloatArray, expected: FloatArray, dispersion: FloatArray) -> FloatArray:
    """Return P(X <= observed) for NB1 counts, exact.

    Parameters
    ----------
    observed, expected, dispersion : ndarray, broadcastable
        Counts, means (> 0) and variance ÷ mean (>= 1); NaN in gives NaN out.

    Notes
    -----
    ``P(X <= k) = I_p(r, k + 1)`` with ``r = m / (phi - 1)``, ``p = 1 / phi``; Poisson: ``Q(k + 1, m)``.
    """
    k = np.floor(np.maximum(observed, 0.0))
    phi = np.maximum(dispersion, POISSON_BELOW)
    negative_binomial = special.betainc(expected / (phi - 1.0), k + 1.0, 1.0 / phi)
    poisson = special.gammaincc(k + 1.0, expected)
    return np.asarray(np.where(dispersion <= POISSON_BELOW, poisson, negative_binomial), dtype=np.float64)


def count_upper_tail(observed: FloatArray, expected: FloatArray, dispersion: FloatArray) -> FloatArray:
    """Return P(X >= observed) for NB1 counts, exact; arguments as in `count_lower_tail`."""
    below = count_lower_tail(np.maximum(observed - 1.0, 0.0), expected, dispersion)
    return np.asarray(np.where(observed < 1.0, 1.0, 1.0 - below), dtype=np.float64)


def count_band(expected: FloatArray, dispersion: FloatArray, tail: float) -> tuple[FloatArray, FloatArray]:
    """Return the band's edges, each left with probability about ``tail``.

    A gamma of the same mean and variance stands for the NB1: its quantiles are continuous, which reads better on a
    chart than steps, and cost a tenth.
    """
    shape = np.maximum(expected, 1e-9) / np.maximum(dispersion, 1.0)
    scale = np.maximum(dispersion, 1.0)
    lower = special.gammaincinv(shape, tail) * scale
    upper = special.gammainccinv(shape, tail) * scale
    return np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)


def tilt(ratio: float, dispersion: FloatArray) -> FloatArray:
    """Return ``z`` for which weighting an NB1 law by ``z ** X`` gives one whose mean is ``ratio`` times as large.

    ``z = ratio * phi / (1 + ratio * (phi - 1))``: ``ratio`` for Poisson, near 1 where bursts make counts wide.
    """
    phi = np.maximum(dispersion, 1.0)
    return np.asarray(ratio * phi / (1.0 + ratio * (phi - 1.0)), dtype=np.float64)


def log_laplace(ratio: float | FloatArray, dispersion: FloatArray) -> FloatArray:
    """Return ``kappa`` with ``E[ratio ** X] = exp(-kappa * m)`` for an NB1 count of mean ``m``.

    ``kappa = log(1 + (phi - 1)(1 - ratio)) / (phi - 1)``, for Poisson ``1 - ratio``.
    """
    excess = np.maximum(dispersion - 1.0, 1e-9)
    return np.asarray(np.log1p(excess * (1.0 - ratio)) / excess, dtype=np.float64)


def ratio_lower_tail(
    successes: FloatArray, trials: FloatArray, share: FloatArray, correlation: FloatArray
) -> FloatArray:
    """Return P(X <= successes) for a (beta-)binomial of mean ``share`` and intra-class correlation >= 0."""
    rho = np.maximum(correlation, 1e-9)
    strength = 1.0 / rho - 1.0
    beta = stats.betabinom.cdf(successes, trials, share * strength, (1.0 - share) * strength)
    plain = stats.binom.cdf(successes, trials, share)
    return np.asarray(np.where(correlation <= 1e-6, plain, beta), dtype=np.float64)
