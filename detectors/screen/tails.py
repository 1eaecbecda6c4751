"""How strange points and windows are under their family's law: one strength, ``-log`` of a two-sided p-value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from detectors import families
from detectors.screen.contract import Params
from detectors.series import BoolArray, FloatArray

FREEDOM = 5.0
"""Of Student's t: heavy enough for prices that people set by hand; the ranks take what is left."""
LEAST = 1e-300
MANY = 20.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be judged, (n_windows, n_points): sums over windows, the first being the point itself.

    ``dispersion`` (n_points,) is variance ÷ mean of counts, of sizes the variance of a logarithm; ``variance``
    (n_windows, n_points) that of the expectation, as a share squared; ``trials`` the exposure in the windows (ratios).
    """

    observed: FloatArray
    expected: FloatArray
    dispersion: FloatArray
    variance: FloatArray
    trials: FloatArray | None


def strength(asked: Asked, params: Params) -> FloatArray:
    """Return the strength of each point, (n_points,): the windows' harmonic mean p-value (Wilson 2019).

    Parameters
    ----------
    asked : Asked
    params : Params

    Returns
    -------
    ndarray
        0 or more; 0 where nothing is expected.
    """
    windows = len(asked.expected)
    weights = np.array(params.window_weights[:windows]) / sum(params.window_weights[:windows])
    inverse = np.zeros(asked.expected.shape[1])
    for weight, at in zip(weights, range(windows), strict=True):
        known = np.isfinite(asked.expected[at]) & (asked.expected[at] > 0) & np.isfinite(asked.variance[at])
        p_value = np.ones(known.shape)
        near = known & _near(asked, at, params)
        p_value[near] = 2.0 * special.ndtr(-np.abs(_distance(asked, at)[near]))
        far = known & ~near
        p_value[far] = np.minimum(2.0 * _tail(asked, at, far, params), 1.0)
        inverse += weight / np.maximum(p_value, LEAST)
    return np.asarray(np.maximum(np.log(inverse), 0.0), dtype=np.float64)


def _distance(asked: Asked, at: int) -> FloatArray:
    """Return how far counts lie from what was expected, in standard deviations."""
    mean = asked.expected[at]
    with np.errstate(invalid="ignore", divide="ignore"):
        wide = np.maximum(asked.dispersion, 1.0) + mean * asked.variance[at]
        return np.asarray((asked.observed[at] - mean) / np.sqrt(mean * wide), dtype=np.float64)


def _near(asked: Asked, at: int, params: Params) -> BoolArray:
    """Return which points need no exact law: many counts, within one deviation of what was expected.

    Two in three are: there a normal law differs by a few hundredths of a p-value over 0.3, and ranks take these out.
    """
    if params.family not in ("count", "ratio"):
        return np.zeros(asked.dispersion.shape, dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        return np.asarray((asked.expected[at] >= MANY) & (np.abs(_distance(asked, at)) < 1.0), dtype=np.bool_)


def _tail(asked: Asked, at: int, known: BoolArray, params: Params) -> FloatArray:
    observed, expected = asked.observed[at][known], asked.expected[at][known]
    spread = asked.dispersion[known]
    if params.family in ("positive", "rank"):
        return families.log_t_tail(observed, expected, np.sqrt(spread * (1.0 + asked.variance[at][known])), FREEDOM)
    wide = spread + expected * asked.variance[at][known]
    if params.family == "ratio" and asked.trials is not None:
        trials = np.maximum(asked.trials[at][known], 1.0)
        share, correlation = as_ratio(expected, trials, wide)
        return families.ratio_mid_tail(observed, trials, share, correlation)
    return families.count_mid_tail(observed, expected, wide)


def as_ratio(expected: FloatArray, trials: FloatArray, dispersion: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a beta-binomial's mean share and intra-class correlation of the given variance ÷ mean."""
    share = np.clip(expected / trials, 1e-9, 1.0 - 1e-9)
    excess = dispersion / (1.0 - share) - 1.0
    return share, np.clip(excess / np.maximum(trials - 1.0, 1.0), 1e-7, 0.9)


def band(asked: Asked, params: Params, tail: float) -> tuple[FloatArray, FloatArray]:
    """Return the edges that a point leaves with probability about ``tail`` each, NaN where nothing is expected."""
    expected = asked.expected[0]
    known = np.isfinite(expected) & (expected > 0) & np.isfinite(asked.variance[0])
    lower, upper = np.full(expected.shape, np.nan), np.full(expected.shape, np.nan)
    mean, variance, spread = expected[known], asked.variance[0][known], asked.dispersion[known]
    if params.family in ("positive", "rank"):
        reach = np.exp(-special.stdtrit(FREEDOM, tail) * np.sqrt(spread * (1.0 + variance)))
        lower[known], upper[known] = mean / reach, mean * reach
        return lower, upper
    wide = spread + mean * variance
    if params.family == "ratio" and asked.trials is not None:
        trials = np.maximum(asked.trials[0][known], 1.0)
        share, rho = as_ratio(mean, trials, wide)
        total = np.maximum(trials / (1.0 + (trials - 1.0) * rho) - 1.0, 1e-6)
        lower[known] = special.betaincinv(share * total, (1.0 - share) * total, tail) * trials
        upper[known] = special.betaincinv(share * total, (1.0 - share) * total, 1.0 - tail) * trials
        return lower, upper
    lower[known], upper[known] = families.count_band(mean, wide, tail)
    return lower, upper
