"""P-values of scores against scores of the past: conformal ranks, with a Weibull tail beyond what is common.

The rank's p-value, ``(1 + #{past >= s}) / (n + 1)``, is valid for exchangeable scores (Vovk, Gammerman, Shafer 2005),
but cannot fall under ``1 / (n + 1)``, and past incidents in it hide the next one. So above the past's 90 per cent
quantile ``b`` the tail is told by ``b`` and the median ``a``, which incidents hardly move:
``p = exp(-ln 2 * (s / a) ** k)`` with ``k = ln(ln 10 / ln 2) / ln(b / a)``. That is exact for exponential scores and a
little too careful for normal ones (3.7 standard deviations for one in a thousand, where 3.3 would do); scores with
heavier tails than their middle tells are called strange too often, which `evaluation.calibration` shows.
"""

from __future__ import annotations

import numpy as np

from detectors.series import FloatArray

TAIL_SHARE = 0.1
# The quantiles of fewer scores than this tell no tail.
MIN_PAST = 50
SHAPES = (0.25, 4.0)
LEAST = 1e-12


def p_values(scores: FloatArray, past: FloatArray) -> FloatArray:
    """Return how likely a score as high as each would be, judged by past scores alone.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Zero or more, finite.
    past : ndarray, shape (m,)
        Without NaN; none gives p-values of 1.

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
    middle = float(ordered[int(0.5 * (size - 1))])
    edge = float(ordered[int((1.0 - TAIL_SHARE) * (size - 1))])
    if size < MIN_PAST or middle <= 0 or edge <= middle:
        return np.asarray(ranked, dtype=np.float64)
    shape = float(np.clip(np.log(-np.log(TAIL_SHARE) / np.log(2.0)) / np.log(edge / middle), *SHAPES))
    tail = TAIL_SHARE * np.exp(np.log(TAIL_SHARE) * (np.maximum(scores / edge, 1.0) ** shape - 1.0))
    return np.asarray(np.clip(np.where(scores > edge, tail, ranked), LEAST, 1.0), dtype=np.float64)
