"""Predictive distributions: counts (Poisson, negative binomial), ratios (beta-binomial), positive values (log-t), runs.

The negative binomial is the "NB1" one: mean ``m``, variance ``phi * m`` with ``phi`` the same at any mean, so a sum
of independent days is of the same family. Bursts (a group that books several units at once) lead to it: Poisson
arrivals of logarithmically distributed groups are exactly NB1.
"""

from __future__ import annotations

import numpy as np
from scipy import special

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
    # Slow to import, and of no use to whoever judges by the laws below.
    from scipy import stats

    rho = np.maximum(correlation, 1e-9)
    strength = 1.0 / rho - 1.0
    beta = stats.betabinom.cdf(successes, trials, share * strength, (1.0 - share) * strength)
    plain = stats.binom.cdf(successes, trials, share)
    return np.asarray(np.where(correlation <= 1e-6, plain, beta), dtype=np.float64)


EXACT_STEPS = 128
"""Up to this many successes (or failures) a beta-binomial's tail is summed term by term."""


def count_mid_tail(observed: FloatArray, expected: FloatArray, dispersion: FloatArray) -> FloatArray:
    """Return the smaller tail of NB1 counts, half of the observed count's own chance in it (mid-p).

    Parameters
    ----------
    observed, expected, dispersion : ndarray, of one shape
        Counts, means (> 0) and variance ÷ mean; under 1 it is taken as 1.

    Returns
    -------
    ndarray
        In [0, 0.5], or a little more where a count is its own law's middle.

    Notes
    -----
    ``P(X <= k) - P(X = k) / 2`` or ``P(X >= k) - P(X = k) / 2``, by the incomplete beta function on its own side, so
    that a small tail keeps its digits.
    """
    k = np.round(np.maximum(observed, 0.0))
    phi = np.maximum(dispersion, 1.0 + 1e-4)
    size, success = expected / (phi - 1.0), 1.0 / phi
    at = np.maximum(k, 1e-12)
    log_chance = size * np.log(success) + k * np.log1p(-success) - np.log(at) - special.betaln(size, at)
    chance = np.exp(np.where(k > 0, log_chance, size * np.log(success)))
    low = k <= expected
    tail = np.empty(np.shape(k))
    tail[low] = special.betainc(size[low], k[low] + 1.0, success[low])
    tail[~low] = special.betaincc(size[~low], at[~low], success[~low])
    # A tail holds the observed count's own chance whole: at least half of it stays.
    return np.asarray(np.maximum(tail - 0.5 * chance, 0.5 * tail * (tail < 1e-280)), dtype=np.float64)


def ratio_mid_tail(successes: FloatArray, trials: FloatArray, share: FloatArray, correlation: FloatArray) -> FloatArray:
    """Return the smaller tail of a beta-binomial, half of the observed number's own chance in it (mid-p).

    Parameters
    ----------
    successes, trials, share, correlation : ndarray, of one shape
        ``share`` in (0, 1); intra-class correlation in [0, 1).

    Returns
    -------
    ndarray

    Notes
    -----
    Summed term by term from the nearer end up to `EXACT_STEPS`; beyond, a beta law of the same mean and variance of
    ``successes / trials`` stands for it, which then differs by less than the steps.
    """
    rho = np.clip(correlation, 1e-7, 0.9)
    k, n = np.round(np.maximum(successes, 0.0)), np.maximum(np.round(trials), 1.0)
    k = np.minimum(k, n)
    low = k <= n * share
    # Told from the nearer end: successes, or the failures that mirror them.
    few = k <= n - k
    count, chance = np.where(few, k, n - k), np.where(few, share, 1.0 - share)
    strength = 1.0 / rho - 1.0
    variance = chance * (1.0 - chance) * (1.0 + (n - 1.0) * rho) / n
    total = np.maximum(chance * (1.0 - chance) / variance - 1.0, 1e-6)
    under = low == few
    tail = np.empty(np.shape(k))
    exact = count <= EXACT_STEPS
    for side, function in ((~exact & under, special.betainc), (~exact & ~under, special.betaincc)):
        tail[side] = function((chance * total)[side], ((1.0 - chance) * total)[side], (count / n)[side])
    if exact.any():
        below = _summed(count[exact], n[exact], (chance * strength)[exact], ((1.0 - chance) * strength)[exact])
        tail[exact] = np.where(under[exact], below, np.maximum(1.0 - below, 1e-15))
    return np.asarray(tail, dtype=np.float64)


def _summed(count: FloatArray, n: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Return P(X < count) + P(X = count) / 2 of beta-binomials by their terms' recurrence."""
    order = np.argsort(-count, kind="stable")
    count, n, a, b = count[order], n[order], a[order], b[order]
    term = np.exp(special.betaln(a, n + b) - special.betaln(a, b))
    total = 0.5 * term
    for k in range(int(count[0]) if len(count) else 0):
        going = int(np.searchsorted(-count, -k, side="left"))
        top, at = term[:going], slice(0, going)
        following = top * (n[at] - k) * (a[at] + k) / ((k + 1.0) * np.maximum(b[at] + n[at] - k - 1.0, 1e-300))
        total[at] += 0.5 * (top + following)
        term[at] = following
    back = np.empty_like(total)
    back[order] = total
    return np.asarray(back, dtype=np.float64)


def log_t_tail(observed: FloatArray, expected: FloatArray, log_sd: FloatArray, freedom: float) -> FloatArray:
    """Return the smaller tail of a positive value whose log ratio to the expected one is a spread times Student's t.

    Parameters
    ----------
    observed, expected, log_sd : ndarray, of one shape, positive
    freedom : float
        Degrees of freedom.
    """
    with np.errstate(divide="ignore"):
        distance = np.abs(np.log(np.maximum(observed, 1e-300) / expected)) / log_sd
    return np.asarray(special.stdtr(freedom, -distance), dtype=np.float64)


def run_tail(run: FloatArray, starts: FloatArray, stays: FloatArray) -> FloatArray:
    """Return the chance that, looked at on any one point, a run of at least this length is under way.

    Parameters
    ----------
    run : ndarray
        Points so far, this one included; 0 where none is under way.
    starts, stays : ndarray
        The chance that a run begins after a point without one, and that it goes on.

    Notes
    -----
    A two-state Markov chain: ``starts / (starts + 1 - stays) * stays ** (run - 1)``.
    """
    share = starts / np.maximum(starts + 1.0 - stays, 1e-12)
    return np.asarray(np.where(run > 0, share * stays ** np.maximum(run - 1.0, 0.0), 1.0), dtype=np.float64)
