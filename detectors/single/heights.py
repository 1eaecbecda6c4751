"""How far points usually lie from a season where it is as high as here: noise that grows with the level, or shrinks."""

from __future__ import annotations

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
