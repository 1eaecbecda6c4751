"""P-values of scores against scores of the past: conformal ranks, with a Pareto tail beyond what is common.

The rank's p-value, ``(1 + #{past >= s}) / (n + 1)``, is valid for exchangeable scores (Vovk, Gammerman, Shafer 2005),
but cannot fall under ``1 / (n + 1)``, and past incidents in it hide the next one. So above a high quantile ``b`` the
tail is told by ``b`` and a lower one, ``a``, the order statistics near the shares `ANCHORS`. What ``i`` of ``n`` past
scores reach is reached by the next one with probability ``i / (n + 1)``; with these, ``q`` of ``a`` and ``r`` of ``b``,
and ``k = ln(ln r / ln q) / ln(b / a)``, ``e = -ln r * ((s / b) ** k - 1)`` is the excess in the units of an exponential
law: exactly if scores are Weibull's. Its scale and ``k`` are known from ``m = n q`` points only, so the tail is a
generalised Pareto law's, ``p = r * (1 + x e) ** (-1 / x)``: an exponential law whose scale is told by m points predicts
``x = 1 / m``; another is for k, and `HEAVINESS` for laws that are not Weibull's. Where nothing ever moved, a first move
has the least p-value there is.
"""

from __future__ import annotations

import numpy as np

from detectors.series import FloatArray

ANCHORS = (0.1, 0.01)
# Where the incidents themselves are part of the past, up to a tenth of it.
ROBUST_ANCHORS = (0.5, 0.1)
# The quantiles of fewer scores than this tell no tail.
MIN_PAST = 50
SHAPES = (0.25, 4.0)
HEAVINESS = 0.1
LEAST = 1e-12


def p_values(scores: FloatArray, past: FloatArray, anchors: tuple[float, float] = ANCHORS) -> FloatArray:
    """Return how likely a score as high as each would be, judged by past scores alone.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Zero or more, finite.
    past : ndarray, shape (m,)
        Without NaN; none gives p-values of 1.
    anchors : tuple of float
        The shares q and r of the past above the two quantiles that tell the tail.

    Returns
    -------
    ndarray, shape (n,)
        In (0, 1], not rising in the score.
    """
    if not len(past):
        return np.ones(len(scores))
    ordered = np.sort(past)
    size = len(ordered)
    ranked = (1.0 + size - np.searchsorted(ordered, scores, side="left")) / (size + 1.0)
    if size >= MIN_PAST and ordered[-1] == 0:
        return np.where(scores > 0, LEAST, ranked)
    at = [int((1.0 - share) * (size - 1)) for share in anchors]
    low, high = (float(ordered[each]) for each in at)
    if size < MIN_PAST or low <= 0 or high <= low:
        return np.asarray(ranked, dtype=np.float64)
    of_low, of_high = ((size - each) / (size + 1.0) for each in at)
    shape = float(np.clip(np.log(np.log(of_high) / np.log(of_low)) / np.log(high / low), *SHAPES))
    excess = -np.log(of_high) * (np.maximum(scores / high, 1.0) ** shape - 1.0)
    heaviness = HEAVINESS + 2.0 / (size * of_low)
    tail = of_high * (1.0 + heaviness * excess) ** (-1.0 / heaviness)
    return np.asarray(np.clip(np.where(scores > high, tail, ranked), LEAST, 1.0), dtype=np.float64)
