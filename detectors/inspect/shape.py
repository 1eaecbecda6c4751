"""A season that does not look like the seasons before it: Sub-PCA of `detectors.single.shape`, causal, row by row.

Windows of a season's length end at each point; what is usual is learnt from the windows that ended before the last
refit, which comes whenever the past has grown by half. The strength is the root of a window's mean squared length in
the whitened space.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.inspect.contract import Judged, Subjects
from detectors.series import FloatArray
from detectors.single import shape

NAME = "shape"
MAX_TAPS = 24
FIRST = 6
"""Seasons before the first fit: fewer windows than taps would all be usual."""
GROWTH = 1.5
LEAST_MOVE = 0.1
"""In standard deviations, on the mean."""


def judge(subjects: Subjects) -> Judged:
    """Judge every column by the season that ends there.

    Parameters
    ----------
    subjects : Subjects

    Returns
    -------
    Judged
        ``size`` is 0: a shape has no single number.
    """
    residual, _ = subjects.weighted()
    n_series, n_times = residual.shape
    step = max(subjects.season // MAX_TAPS, 1)
    taps = subjects.season // step
    width, strength = (taps - 1) * step + 1, np.zeros((n_series, n_times))
    first = FIRST * subjects.season
    if n_times <= first or not n_series:
        return Judged(strength, np.full(n_series, -1), np.zeros(n_series))
    windows = sliding_window_view(residual, width, axis=1)[:, :, ::step]
    for start, end in zip(fits := refits(first, n_times, GROWTH), [*fits[1:], n_times], strict=True):
        # A season of distance: what begins now must not teach what is usual.
        learnt = windows[:, : start - width - subjects.season + 1]
        usual = shape.learn(learnt, _spread(learnt))
        asked = windows[:, start - width + 1 : end - width + 1]
        # Of what hardly ever moved no shape is known.
        moves = np.abs(learnt).mean(axis=(1, 2)) >= LEAST_MOVE
        with np.errstate(over="ignore"):
            length = np.sqrt(shape.squared_length(asked, usual) / taps)
        strength[:, start:end] = np.where(moves[:, None], length, 0.0)
    onset = np.where(strength[:, -1] > 0, n_times - width, -1)
    return Judged(strength, onset.astype(np.int64), np.zeros(n_series))


def refits(first: int, n_times: int, growth: float) -> list[int]:
    """Return the columns at which what is usual is learnt anew."""
    result = [first]
    while (following := int(result[-1] * growth)) < n_times:
        result.append(following)
    return result


def _spread(windows: FloatArray) -> FloatArray:
    """Return each series' spread, one at least where it hardly moves."""
    return np.asarray(np.maximum(np.abs(windows).mean(axis=(1, 2)), LEAST_MOVE)[:, None], dtype=np.float64)
