"""A series that stopped coming: a gap that its own past makes improbable.

Of a gap of ``k`` points the strength is ``-log a - (k - 1) log c``: ``a`` is how often a told point was followed by a
gap before this one, ``c`` how often a gap went on, each with one case added to what was seen. A series that was never
told has no gap.
"""

from __future__ import annotations

import numpy as np

from detectors.inspect.contract import Judged, Subjects, run_length

NAME = "missing"


def judge(subjects: Subjects) -> Judged:
    """Judge every column by the gap that ends there.

    Parameters
    ----------
    subjects : Subjects

    Returns
    -------
    Judged
        ``size`` is how many points are missing.
    """
    told = np.isfinite(subjects.values)
    n_series, n_times = told.shape
    if not n_times:
        return Judged(np.zeros((n_series, 0)), np.full(n_series, -1), np.zeros(n_series))
    begun = np.maximum.accumulate(told, axis=1)
    gap = ~told & begun
    run = run_length(gap)
    first, later = gap & (run == 1), gap & (run > 1)
    counted = [np.cumsum(one, axis=1) for one in (first, later, told, gap)]
    # The counts of the column before the gap began; a gap never begins in the first column.
    before = np.maximum(np.arange(n_times) - run, 0)
    starts, ongoing, points, missing = (np.take_along_axis(one, before, axis=1) for one in counted)
    begins, lasts = (starts + 1.0) / (points + 2.0), (ongoing + 1.0) / (missing + 2.0)
    strength = np.where(gap, -np.log(np.minimum(begins, 1.0)) - (run - 1) * np.log(lasts), 0.0)
    holds = gap[:, -1]
    onset = np.where(holds, n_times - run[:, -1], -1)
    return Judged(np.maximum(strength, 0.0), onset.astype(np.int64), np.where(holds, run[:, -1], 0).astype(np.float64))
