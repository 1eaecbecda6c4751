"""From a rule's statistic to a p-value, and from allowed false alerts back to a cut.

Of quiet points of a segment (series about as busy) the statistic's quantiles at ``LEVELS`` are known; between them the
logarithm of the share above is a straight line, and beyond the last the line goes on: an exponential tail, which is
what renewal theory gives a sequential statistic (a passage over ``h`` comes at a rate ``c * exp(-slope * h)``; Siegmund
1985) and what excesses over a high cut tend to (peaks over threshold; Pickands 1975). Quantiles are split-conformal:
learnt from points that the statistic was not fitted to (Vovk, Gammerman, Shafer 2005).

A run of high days is one alarm. ``clustering`` is how many alarms come to one point above the cut (the extremal index
and whatever else the rule asks for), so a series that may alarm at a rate ``r`` a day is cut at ``p = r / clustering``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detectors.series import BoolArray, FloatArray, IntArray

LEVELS = np.array([0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001])
"""Shares of quiet points above each known quantile."""
LEAST_STEP = 1e-6
TAIL_FROM = 3
"""The line beyond the last level is that from the level so many before it."""
FEW = 200
"""A quantile that fewer points than this lie above is told by the mean excess over the deepest that is not."""
SCALES = (0.5, 4.0)
COMMON = 7
"""Own points tell a level and a scale by the first so many levels, to 0.5 %: deeper ones are incidents' as likely."""


@dataclass(frozen=True, slots=True)
class Tails:
    """What is known of one rule's statistic on quiet points.

    Parameters
    ----------
    edges : ndarray, shape (n_segments - 1,)
        Ascending; a point's segment is how many of them its information (expected counts a day over their dispersion)
        reaches.
    values : ndarray, shape (n_segments, len(LEVELS))
        The statistic's quantiles, ascending.
    clustering : float
        Alarms that begin, for each point above the cut.
    spends : float
        The part of the alarms allowed so that really begin: less than 1 where the rule asks for so much else that no
        cut brings them.
    """

    edges: FloatArray
    values: FloatArray
    clustering: float
    spends: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what would be cut by without a word."""
        if self.values.shape != (self.edges.size + 1, LEVELS.size):
            raise ValueError("values must have shape (len(edges) + 1, len(LEVELS))")
        if not np.isfinite(self.values).all() or not (np.diff(self.values, axis=1) > 0).all():
            raise ValueError("quantiles must be finite and ascending")
        if self.edges.size and not (np.diff(self.edges) > 0).all():
            raise ValueError("edges must be ascending")
        if not (self.clustering > 0 and self.spends > 0):
            raise ValueError("clustering and spends must be positive")


def bound(points: int) -> Tails:
    """Return the tails that theory promises a sum of ``points`` e-values of mean 1, whatever the data: Markov's."""
    values = np.log(points / LEVELS)
    return Tails(np.zeros(0), values[None, :], 1.0 / points)


def segments(tails: Tails, information: FloatArray) -> IntArray:
    """Return the segment of each point; unknown information is the lowest."""
    known = np.where(np.isfinite(information), information, -np.inf)
    return np.searchsorted(tails.edges, known, side="right").astype(np.int64)


def p_values(tails: Tails, segment: IntArray, statistic: FloatArray) -> FloatArray:
    """Return how often a quiet point's statistic is as high.

    Parameters
    ----------
    tails : Tails
    segment : ndarray of int
        Of `segments`.
    statistic : ndarray, the same shape
        NaN is not known, and gives 1.

    Returns
    -------
    ndarray
        In (0, 1]; 1 below the median, of which nothing is asked.
    """
    result = np.ones(statistic.shape)
    logs = np.log(LEVELS)
    for one, values in enumerate(tails.values):
        at = (segment == one) & (statistic >= values[0])
        chosen = statistic[at]
        inner = np.interp(chosen, values, logs)
        beyond = logs[-1] - _slope(values) * (chosen - values[-1])
        result[at] = np.exp(np.maximum(np.where(chosen > values[-1], beyond, inner), -700.0))
    return result


def limits(tails: Tails, segment: IntArray, p_value: FloatArray) -> FloatArray:
    """Return the statistic at which `p_values` is ``p_value``; infinite at 0, and above 0.5 that of 0.5."""
    result = np.full(p_value.shape, np.inf)
    logs = np.log(LEVELS)
    for one, values in enumerate(tails.values):
        at = (segment == one) & (p_value > 0)
        asked = np.log(p_value[at])
        # np.interp wants what it looks up to ascend.
        inner = np.interp(-asked, -logs, values)
        beyond = values[-1] + (logs[-1] - asked) / _slope(values)
        result[at] = np.where(asked < logs[-1], beyond, inner)
    return result


def learn(statistic: FloatArray, information: FloatArray, edges: FloatArray, clustering: float) -> Tails:
    """Return the tails of quiet points.

    Parameters
    ----------
    statistic, information : ndarray, shape (n,)
        What is not finite is left out.
    edges : ndarray
        A segment that tells less than ``FEW`` points takes the next busier one's quantiles, the last the one's before.
    clustering : float

    Returns
    -------
    Tails

    Raises
    ------
    ValueError
        If no segment tells enough.
    """
    known = np.isfinite(statistic)
    segment = np.searchsorted(edges, np.where(np.isfinite(information), information, -np.inf), side="right")
    rows = [_quantiles(statistic[known & (segment == one)]) for one in range(edges.size + 1)]
    told = [one for one, row in enumerate(rows) if row is not None]
    if not told:
        raise ValueError("too few points to learn from")
    nearest = [min(told, key=lambda other: (abs(other - one), -other)) for one in range(len(rows))]
    return Tails(edges, np.array([rows[one] for one in nearest]), clustering)


def adjusted(shipped: Tails, statistic: FloatArray, information: FloatArray, calm: BoolArray, strength: float) -> Tails:
    """Return shipped tails moved and stretched to a portfolio's own quiet past.

    Of each segment a shift and a scale are fitted to the common quantiles, which a few incidents do not reach, and
    shrunk to none by ``strength`` points (an empirical-Bayes weight); the deep tail follows.

    Parameters
    ----------
    shipped : Tails
    statistic, information : ndarray, shape (n,)
    calm : ndarray of bool, shape (n,)
        Points on which nothing is known to have happened.
    strength : float

    Returns
    -------
    Tails
    """
    segment = segments(shipped, information)
    known = calm & np.isfinite(statistic)
    values = shipped.values.copy()
    levels = LEVELS[:COMMON]
    for one in range(values.shape[0]):
        own = statistic[known & (segment == one)]
        if own.size < FEW:
            continue
        told, common = np.quantile(own, 1.0 - levels), values[one, :COMMON]
        scale = float(np.clip(np.ptp(told) / np.ptp(common), *SCALES))
        weight = own.size / (own.size + strength)
        scale = scale**weight
        shift = weight * float(np.mean(told - common.mean() - scale * (common - common.mean())))
        values[one] = common.mean() + shift + scale * (values[one] - common.mean())
    return replace(shipped, values=values)


def _slope(values: FloatArray) -> float:
    """Return how fast the share above falls beyond the last quantile, a unit of the statistic."""
    return float((np.log(LEVELS[-1 - TAIL_FROM]) - np.log(LEVELS[-1])) / (values[-1] - values[-1 - TAIL_FROM]))


def _quantiles(points: FloatArray) -> FloatArray | None:
    """Return the quantiles at ``LEVELS``, those too deep to be counted by an exponential tail."""
    if points.size < FEW:
        return None
    result = np.quantile(points, 1.0 - LEVELS)
    counted = np.flatnonzero(points.size * LEVELS >= FEW)
    last = int(counted[-1]) if counted.size else 0
    excess = points[points > result[last]] - result[last]
    mean = float(excess.mean()) if excess.size else LEAST_STEP
    result[last + 1 :] = result[last] + mean * np.log(LEVELS[last] / LEVELS[last + 1 :])
    steps = LEAST_STEP * np.arange(LEVELS.size)
    return np.asarray(np.maximum.accumulate(result) + steps, dtype=np.float64)
