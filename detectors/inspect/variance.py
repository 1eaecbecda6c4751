"""A series that has become restless, or still: the spread of the last seasons against that of those before.

``V = |log(s1^2 / s0^2)| * sqrt(k / 3)``: the last ``k`` points' variance over the past's, each by the mean square of
the residuals' steps over two (von Neumann, Annals of Mathematical Statistics 12, 1941), which a level that moved hardly
changes. The logarithm of such a variance has variance ``3 / k`` where residuals are normal.
"""

from __future__ import annotations

import numpy as np

from detectors.inspect.contract import Judged, Subjects, steps, trailing

NAME = "variance"
RECENT, PAST = 2, 12
"""Seasons whose spread is asked for, and seasons before them that it is held against."""
LEAST_SPREAD = 0.1
"""Of the past, as a share of what the residuals should have: nothing is infinitely restless."""


def judge(subjects: Subjects) -> Judged:
    """Judge every column by the seasons that end there.

    Parameters
    ----------
    subjects : Subjects

    Returns
    -------
    Judged
        ``size`` is the ratio of the standard deviations.
    """
    residual, gain = subjects.weighted()
    step, paired = steps(residual, gain > 0)
    known, squares = paired.astype(np.float64), step**2
    recent, past = RECENT * subjects.season, PAST * subjects.season
    count, told = trailing(known, recent), trailing(known, past, recent)
    own = trailing(squares, recent) / np.maximum(count, 1)
    usual = trailing(squares, past, recent) / np.maximum(told, 1)
    enough = (count >= recent / 2) & (told >= 2 * recent)
    ratio = np.where(enough, np.maximum(own, LEAST_SPREAD**2) / np.maximum(usual, LEAST_SPREAD**2), 1.0)
    strength = np.abs(np.log(ratio)) * np.sqrt(count / 3.0)
    n_series, n_times = residual.shape
    holds = strength[:, -1] > 0 if n_times else np.zeros(n_series, dtype=np.bool_)
    size = np.sqrt(ratio[:, -1]) if n_times else np.ones(n_series)
    return Judged(strength, np.where(holds, max(n_times - recent, 0), -1).astype(np.int64), size)
