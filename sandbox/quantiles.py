"""Poisson and binomial quantiles of millions of cells: scipy's are exact, but search cell by cell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sandbox.calendar import FloatArray, IntArray

# Above this variance the Cornish-Fisher expansion is within one count of the exact quantile (held by a test).
_SMALL_VARIANCE = 40.0
_LONGEST_WALK = 200


def poisson_quantile(u: FloatArray, mean: FloatArray) -> IntArray:
    """The smallest count whose Poisson probability is at least ``u``."""
    mean = np.broadcast_to(mean, u.shape)
    found = np.zeros(u.shape, dtype=np.int64)
    large = mean > _SMALL_VARIANCE
    m = mean[large]
    found[large] = _expansion(u[large], m, m, 1 / np.sqrt(m), 1 / m)
    found[~large] = _search(u[~large], np.exp(-mean[~large]), lambda k, at: mean[~large][at] / k)
    return found


def binomial_quantile(u: FloatArray, n: IntArray, p: FloatArray) -> IntArray:
    """The smallest count whose binomial probability is at least ``u``."""
    n, p = np.broadcast_to(n, u.shape), np.broadcast_to(p, u.shape)
    found = np.where(p >= 1, n, 0)
    variance = n * p * (1 - p)
    large = variance > _SMALL_VARIANCE
    v, skew = variance[large], (1 - 2 * p[large]) / np.sqrt(variance[large])
    curve = (1 - 6 * p[large] * (1 - p[large])) / v
    found[large] = np.minimum(_expansion(u[large], n[large] * p[large], v, skew, curve), n[large])
    small = ~large & (p > 0) & (p < 1) & (n > 0)
    ns, odds = n[small], p[small] / (1 - p[small])
    found[small] = _search(u[small], (1 - p[small]) ** ns, lambda k, at: (ns[at] - k + 1) / k * odds[at])
    return np.asarray(found, dtype=np.int64)


def _expansion(u: FloatArray, mean: FloatArray, variance: FloatArray, skew: FloatArray, curve: FloatArray) -> IntArray:
    """Cornish-Fisher to the third order, with the correction for whole numbers."""
    from scipy import special

    z = special.ndtri(u)
    w = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * curve / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    return np.asarray(np.maximum(np.ceil(mean + np.sqrt(variance) * w - 0.5), 0), dtype=np.int64)


def _search(u: FloatArray, none: FloatArray, step: Callable[[int, IntArray], FloatArray]) -> IntArray:
    """Walk up from zero; ``step(k, at)`` is the chance of ``k`` relative to ``k - 1`` in the cells ``at``."""
    found = np.zeros(u.shape, dtype=np.int64)
    at = np.flatnonzero(u > none)
    chance, below = none[at], none[at]
    k = 0
    while at.size and k < _LONGEST_WALK:
        k += 1
        chance = chance * step(k, at)
        below = below + chance
        found[at] = k
        # A chance that no longer adds anything has reached the end of what floats can tell.
        on = (u[at] > below) & (chance > 0)
        at, chance, below = at[on], chance[on], below[on]
    return found
