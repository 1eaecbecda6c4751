"""P-values that keep their word: ranks among points judged by baselines that did not know them, by segment.

Split-conformal (Vovk, Gammerman, Shafer 2005; Lei et al. 2018): the strengths of the last weeks' points, each by the
levels before it, are what a new point's strength is ranked among. Beyond the 98 % quantile a tail that falls
exponentially goes on at the rate of what lies there, never faster than the law itself promises.
"""

from __future__ import annotations

import numpy as np

from detectors.series import FloatArray, IntArray

RANKS = 513
TAIL = 0.02
SMALLEST = 1e-12
"""No p-value under it is told: a tail learnt from weeks cannot know."""
PSEUDO = 20
"""So many points of the law itself stand in every segment: what few ranks say is drawn towards it."""


def learn(strengths: FloatArray, segment: IntArray, n_segments: int) -> tuple[FloatArray, FloatArray]:
    """Return each segment's ranks and tail.

    Parameters
    ----------
    strengths : ndarray, shape (n_points,)
    segment : ndarray of int, shape (n_points,)
    n_segments : int

    Returns
    -------
    ranks : ndarray, shape (n_segments, RANKS)
        Strengths at evenly spaced probabilities, ascending.
    tail : ndarray, shape (n_segments, 2)
        Where the tail begins, and its rate.
    """
    ranks, tail = np.empty((n_segments, RANKS)), np.empty((n_segments, 2))
    law = -np.log((np.arange(PSEUDO) + 0.5) / PSEUDO)
    at = np.linspace(0.0, 1.0 - TAIL, RANKS)
    for one in range(n_segments):
        known = np.concatenate([strengths[segment == one], law])
        ranks[one] = np.quantile(known, at)
        begin = ranks[one, -1]
        beyond = known[known > begin] - begin
        # A mean excess of one is what the law promises; one more of it draws few towards that.
        tail[one] = begin, 1.0 / max((beyond.sum() + 5.0) / (len(beyond) + 5.0), 1.0)
    return ranks, tail


def p_values(strengths: FloatArray, segment: IntArray, ranks: FloatArray, tail: FloatArray) -> FloatArray:
    """Return the p-value of each strength, (n_points,), in (0, 1].

    Parameters
    ----------
    strengths : ndarray, shape (n_points,)
    segment : ndarray of int, shape (n_points,)
    ranks, tail : ndarray
        From `learn`.
    """
    found = np.ones(strengths.shape)
    above = 1.0 - np.linspace(0.0, 1.0 - TAIL, RANKS)
    for one in np.unique(segment):
        here = np.flatnonzero(segment == one)
        told = strengths[here]
        # Of equal ranks the highest p-value: a discrete law's ties are no surprise.
        at = np.searchsorted(ranks[one], told, side="left")
        inside = np.interp(told, ranks[one], above)
        inside = np.where(at < RANKS, np.maximum(inside, above[np.minimum(at, RANKS - 1)]), inside)
        far = np.maximum(told - tail[one, 0], 0.0)
        found[here] = np.where(far > 0, TAIL * np.exp(-np.minimum(far * tail[one, 1], 650.0)), inside)
    return np.asarray(np.clip(found, SMALLEST, 1.0), dtype=np.float64)
