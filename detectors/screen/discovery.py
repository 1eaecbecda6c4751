"""Which of many p-values to call, and how many of those called are likely to be chance."""

from __future__ import annotations

import numpy as np

from detectors.series import BoolArray, FloatArray

LAMBDA = 0.5


def flagged(p_values: FloatArray, asked: float) -> BoolArray:
    """Return what the Benjamini-Hochberg procedure calls at a false-discovery rate.

    Parameters
    ----------
    p_values : ndarray, shape (n,)
    asked : float
        The rate wanted; it holds where p-values are independent or positively dependent (Benjamini and Yekutieli 2001),
        as the metrics of a listing and the listings of a market are.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    ordered = np.sort(p_values)
    under = np.flatnonzero(ordered <= asked * np.arange(1, len(ordered) + 1) / max(len(ordered), 1))
    if not len(under):
        return np.zeros(len(p_values), dtype=np.bool_)
    return np.asarray(p_values <= ordered[under[-1]], dtype=np.bool_)


def reached(p_values: FloatArray, called: BoolArray) -> float:
    """Return the estimated share of what was called that is chance (Storey 2002); 0 where nothing was.

    Parameters
    ----------
    p_values : ndarray, shape (n,)
    called : ndarray of bool, shape (n,)
    """
    if not called.any():
        return 0.0
    quiet = min((1.0 + float(np.sum(p_values > LAMBDA))) / ((1.0 - LAMBDA) * len(p_values)), 1.0)
    return float(min(quiet * len(p_values) * p_values[called].max() / called.sum(), 1.0))
