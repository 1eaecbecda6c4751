"""P-values of scores against scores of the past: conformal ranks, with a Weibull tail beyond what is common.

The rank's p-value, ``(1 + #{past >= s}) / (n + 1)``, is valid for exchangeable scores (Vovk, Gammerman, Shafer 2005),
but cannot fall under ``1 / (n + 1)``, and past incidents in it hide the next one. So above a high quantile ``b`` the
tail is told by ``b`` and a lower one, ``a``: with ``P(past > a) = q`` and ``P(past > b) = r`` (`ANCHORS`),
``p = exp(-(-ln r) * (s / b) ** k)``, ``k = ln(ln r / ln q) / ln(b / a)``: exact for exponential and Weibull scores,
near for normal ones. Where nothing ever moved, a first move has the least p-value there is.
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
    low, high = (float(ordered[int((1.0 - share) * (size - 1))]) for share in anchors)
    if size < MIN_PAST or low <= 0 or high <= low:
        return np.asarray(ranked, dtype=np.float64)
    near, far = (-np.log(share) for share in anchors)
    shape = float(np.clip(np.log(far / near) / np.log(high / low), *SHAPES))
    tail = np.exp(-far * np.maximum(scores / high, 1.0) ** shape)
    return np.asarray(np.clip(np.where(scores > high, tail, ranked), LEAST, 1.0), dtype=np.float64)
