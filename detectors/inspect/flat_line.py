"""A series that stands still: the same value again and again, where its own past hardly ever repeats.

Of a run of ``k`` repeats the strength is ``-k log q``. ``q`` is how often a value was followed by its like before the
run, one repeat added to what was seen; for a run of nothing the chance of nothing by the expectation (Poisson's at
least, ``exp(-g^2)``) stands in where it is higher, and only runs of nothing tell of it.
"""

from __future__ import annotations

import numpy as np

from detectors.inspect.contract import Judged, Subjects, run_length
from detectors.series import BoolArray, FloatArray, IntArray

NAME = "flat_line"


def judge(subjects: Subjects) -> Judged:
    """Judge every column by the run that ends there.

    Parameters
    ----------
    subjects : Subjects

    Returns
    -------
    Judged
        ``size`` is how many points the run has.
    """
    values = subjects.values
    n_series, n_times = values.shape
    if n_times < 2:
        return Judged(np.zeros((n_series, n_times)), np.full(n_series, -1), np.zeros(n_series))
    told = np.isfinite(values)
    paired = np.zeros((n_series, n_times), dtype=np.bool_)
    paired[:, 1:] = told[:, 1:] & told[:, :-1]
    same = paired.copy()
    same[:, 1:] &= np.equal(values[:, 1:], values[:, :-1])
    run = run_length(same)
    strength = np.zeros((n_series, n_times))
    nothing = np.where(told, values, 1.0) == 0
    gain = np.where(np.isfinite(subjects.gain), subjects.gain, 0.0)
    for kind in (nothing, ~nothing):
        chance = _repeat_chance(same & kind, paired & _after(kind), run)
        chance = np.maximum(chance, np.exp(-(gain**2))) if kind is nothing else chance
        strength += np.where(same & kind, -run * np.log(np.minimum(chance, 1.0)), 0.0)
    holds = run[:, -1] > 0
    onset = np.where(holds, n_times - 1 - run[:, -1], -1)
    return Judged(strength, onset.astype(np.int64), np.where(holds, run[:, -1] + 1.0, 0.0))


def _after(kind: BoolArray) -> BoolArray:
    """Where the value before is of the kind."""
    result = np.zeros_like(kind)
    result[:, 1:] = kind[:, :-1]
    return result


def _repeat_chance(same: BoolArray, paired: BoolArray, run: IntArray) -> FloatArray:
    """Return how often a value repeated before the run that ends at each column began."""
    before = np.maximum(np.arange(same.shape[1]) - run, 0)
    repeats, pairs = (np.take_along_axis(np.cumsum(one, axis=1), before, axis=1) for one in (same, paired))
    return np.asarray((repeats + 1.0) / (pairs + 2.0), dtype=np.float64)
