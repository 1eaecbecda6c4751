"""The score of the Numenta Anomaly Benchmark, by its published formula.

Lavin, Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms – the Numenta Anomaly Benchmark", ICMLA 2015. Each
labelled window is worth its earliest alarm, ``A_tp * sigma(y) / sigma(-1)`` with ``sigma(y) = 2 / (1 + exp(5 y)) - 1``
and ``y`` from -1 at the window's left edge to just under 0 at its right; a window without alarm costs ``A_fn``. An
alarm outside costs ``A_fp * sigma(y)``, ``y`` being its distance from the last window's right edge in widths of that
window (-1 at most, and before the first window). Alarms in the first 15 per cent (of 5,000 rows at most) do not count.
All files together are normalised: 100 is a perfect detector, 0 one that says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.series import BoolArray, FloatArray, IntArray

PROBATION, PROBATION_ROWS = 0.15, 5000
FAR = 3.0


@dataclass(frozen=True, slots=True)
class Profile:
    """What a hit, a false alarm and a miss weigh."""

    hit: float
    false: float
    miss: float


STANDARD = Profile(1.0, 0.11, 1.0)
FEW_FALSE = Profile(1.0, 0.22, 1.0)
FEW_MISSED = Profile(1.0, 0.11, 2.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one file or several: the raw score, windows that count, windows told, false alarms."""

    raw: float
    windows: int
    told: int
    false: int


def score(alarms: BoolArray, windows: IntArray, profile: Profile = STANDARD) -> Outcome:
    """Score one file.

    Parameters
    ----------
    alarms : ndarray of bool, shape (n_times,)
        The rows on which the detector speaks up.
    windows : ndarray of int, shape (n_windows, 2)
        First and last row of each labelled window, in order.
    profile : Profile

    Returns
    -------
    Outcome
    """
    size = len(alarms)
    counted = np.flatnonzero(alarms)
    counted = counted[counted >= probation(size)]
    raw, told, inside = 0.0, 0, np.zeros(len(counted), dtype=np.bool_)
    lasting = windows[windows[:, 1] >= probation(size)] if len(windows) else windows
    for first, last in windows:
        within = (counted >= first) & (counted <= last)
        inside |= within
        if last < probation(size):
            continue
        if within.any():
            told += 1
            position = -(last - counted[within][0] + 1.0) / (last - first + 1.0)
            raw += profile.hit * float(_sigma(np.array([position]))[0] / _sigma(np.array([-1.0]))[0])
        else:
            raw -= profile.miss
    false = counted[~inside]
    raw += profile.false * float(_sigma(_behind(false, windows)).sum())
    return Outcome(raw, len(lasting), told, len(false))


def probation(size: int) -> int:
    """Return how many rows at the start do not count."""
    return int(np.ceil(min(np.floor(PROBATION * size), PROBATION * PROBATION_ROWS)))


def normalised(outcomes: Sequence[Outcome], profile: Profile = STANDARD) -> float:
    """Return the score of all files together, 100 for a perfect detector 0 for a silent one; NaN without windows."""
    windows = sum(outcome.windows for outcome in outcomes)
    silent, perfect = -profile.miss * windows, profile.hit * windows
    if not windows:
        return float("nan")
    return 100.0 * (sum(outcome.raw for outcome in outcomes) - silent) / (perfect - silent)


def _sigma(position: FloatArray) -> FloatArray:
    return np.asarray(2.0 / (1.0 + np.exp(5.0 * position)) - 1.0, dtype=np.float64)


def _behind(rows: IntArray, windows: IntArray) -> FloatArray:
    """Return each row's distance from the last window before it, in that window's width less one."""
    behind = np.full(len(rows), FAR * 100.0)
    for first, last in windows:
        after = rows > last
        behind[after] = (rows[after] - last) / max(float(last - first), 1.0)
    # The benchmark cuts far ones off at exactly -1.
    return np.where(behind >= FAR, 100.0, behind)
