"""How far points usually lie from a season where it is as high as here: noise that grows with the level, or shrinks.

Where it does, `scale` measures heights in units of the noise that is usual at each, all the way from one to the other:
a fall to a quarter is then as far as a rise to four times where noise is a share of the level (a transformation that
stabilises the variance; Bartlett 1947).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from detectors.series import FloatArray

# A straight line goes through the medians of so many equal parts of the past, by height.
PARTS = 8
# Fewer points than this tell no line.
LEAST = 3 * PARTS
# Three standard errors of a rank correlation, squared; neighbours in time are worth a third of a point each.
CERTAIN = 27.0
# Beyond what was seen the line goes on to twice the loudest part, and down to half of the calmest.
ABOVE, BELOW = 2.0, 0.5
# Wherever it is calm, a unit is at least such a share of the usual distance of all.
LEAST_UNIT = 0.3
# The way from the lowest value to the highest is measured in so many parts.
GRID = 1024


def share(distances: FloatArray, heights: FloatArray) -> float:
    """Return how surely points lie farther off where the season is higher, or nearer.

    The positive part of James and Stein's estimator, of the squared rank correlation.

    Parameters
    ----------
    distances, heights : ndarray, shape (n,)
        Of points of the past from their season, and what the season said; without NaN.

    Returns
    -------
    float
        From 0, where chance could have brought it, towards 1.
    """
    if len(distances) < LEAST or np.ptp(distances) <= 0 or np.ptp(heights) <= 0:
        return 0.0
    ranks = stats.rankdata(np.stack([distances, heights]), axis=1)
    explained = len(distances) * float(np.corrcoef(ranks)[0, 1]) ** 2
    return max(1.0 - CERTAIN / explained, 0.0) if explained > 0 else 0.0


def surely(values: FloatArray, said: FloatArray) -> float:
    """Return how surely noise grows with what a season says, by points' distances from it and by their steps too.

    A season that is wrong where it is high leaves distances that grow with it, but no steps: that is no noise.

    Parameters
    ----------
    values, said : ndarray, shape (n_times,)
        NaN where missing.

    Returns
    -------
    float
        As of `share`.
    """
    off = values - said
    steps, between = np.abs(np.diff(off)), (said[1:] + said[:-1]) / 2.0
    pairs = ((np.abs(off), said), (steps, between))
    return min(share(far[np.isfinite(far)], high[np.isfinite(far)]) for far, high in pairs)


def quantum(values: FloatArray) -> float:
    """Return the step that values go in, as of counts; 0 where most differ from one another."""
    steps = np.diff(np.sort(values))
    apart = steps[steps > 0]
    return float(np.median(apart)) if 0 < 2 * len(apart) < len(steps) else 0.0


def scale(values: FloatArray, said: FloatArray, usual: float) -> Callable[[FloatArray], FloatArray] | None:
    """Return what puts heights on the scale on which noise is the same everywhere, as surely as it is not on theirs.

    Parameters
    ----------
    values, said : ndarray, shape (n_times,)
        Of the past, and what the season said; NaN where missing.
    usual : float
        The usual distance of all; half a step of counts is the least that a distance can be.

    Returns
    -------
    callable or None
        Of any heights; rises everywhere between the lowest value and the highest. None where noise is the same.
    """
    known = np.isfinite(values) & np.isfinite(said)
    told, least = surely(values, said), 0.5 * quantum(values[known])
    if told <= 0 or usual <= least:
        return None
    heights = np.linspace(values[known].min(), values[known].max(), GRID)
    units = usual_at(np.abs(values - said)[known], said[known], heights)
    rate = (usual / np.maximum(units, max(LEAST_UNIT * usual, least))) ** told
    way = np.append(0.0, np.cumsum((rate[1:] + rate[:-1]) / 2.0 * np.diff(heights)))
    return lambda wanted: np.asarray(np.interp(wanted, heights, way), dtype=np.float64)


def usual_at(distances: FloatArray, heights: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return the usual distance at each height wanted, on a line through the medians of the past.

    Parameters
    ----------
    distances, heights : ndarray, shape (n,)
        As of `share`.
    wanted : ndarray, shape (m,)
        Heights; without NaN.

    Returns
    -------
    ndarray, shape (m,)
        Zero or more, in the distances' unit.
    """
    parts = np.array_split(np.argsort(heights, kind="stable"), PARTS)
    high = np.array([np.median(heights[part]) for part in parts])
    far = np.array([np.median(distances[part]) for part in parts])
    apart = high - high.mean()
    # In units of the farthest, so that squares of huge or tiny heights stay numbers.
    reach = float(np.abs(apart).max())
    if reach <= 0:
        return np.full(len(wanted), far.mean())
    apart /= reach
    line = far.mean() + float(apart @ far) / float(apart @ apart) * ((wanted - high.mean()) / reach)
    return np.asarray(np.clip(line, BELOW * far.min(), ABOVE * far.max()), dtype=np.float64)
