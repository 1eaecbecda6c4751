"""What the close-up detectors are given and what they answer.

A detector is a file with ``judge(subjects: Subjects) -> Judged``. It is causal: column ``t`` of the answer depends on
columns up to ``t`` alone. It judges all series at once; each by itself, but for `forest`, which learns from all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.series import BoolArray, FloatArray, IntArray

CLIP = 6.0
"""What one point may weigh, in standard deviations: a spike is not a level."""

STEP_CLIP = 5.0


@dataclass(frozen=True, slots=True)
class Subjects:
    """Series beside what each should have been; arrays of shape (n_series, n_times).

    Parameters
    ----------
    values : ndarray
        As they came; NaN is missing.
    residual : ndarray
        Distance from the expectation, of variance one about zero while all is well; NaN where either is unknown.
    gain : ndarray
        What the residual would be if the value were twice its expectation: the weight of a point in a ratio.
    season : int
        Points in a season: 7 for days, 24 for hours.
    """

    values: FloatArray
    residual: FloatArray
    gain: FloatArray
    season: int

    def __post_init__(self) -> None:
        """Refuse what later broadcasting would silently accept."""
        if self.values.ndim != 2 or not self.values.shape == self.residual.shape == self.gain.shape:
            raise ValueError("values, residual and gain must have one shape (n_series, n_times)")
        if self.season < 2:
            raise ValueError("a season has two points or more")

    def weighted(self, clip: float = CLIP) -> tuple[FloatArray, FloatArray]:
        """Return residual (clipped) and gain, zero where nothing is known."""
        known = np.isfinite(self.residual) & np.isfinite(self.gain)
        return np.where(known, np.clip(self.residual, -clip, clip), 0.0), np.where(known, self.gain, 0.0)


@dataclass(frozen=True, slots=True)
class Judged:
    """A detector's answer.

    Parameters
    ----------
    strength : ndarray, shape (n_series, n_times)
        Higher is stranger; 0 where nothing can be said; finite. Comparable between series, not between detectors.
    onset : ndarray of int, shape (n_series,)
        Column since which it holds at the end; -1 where it does not.
    size : ndarray, shape (n_series,)
        How much at the end: a share of the expectation for levels (−0.3: 30 % less), a ratio of spreads for variance,
        points for runs and gaps, 0 where a detector has no such number.
    """

    strength: FloatArray
    onset: IntArray
    size: FloatArray


def trailing(values: FloatArray, points: int, gap: int = 0) -> FloatArray:
    """Return the sum of the ``points`` columns that end ``gap`` columns before each, (n_series, n_times)."""
    n_series, n_times = values.shape
    sums = np.concatenate([np.zeros((n_series, 1)), np.cumsum(values, axis=1)], axis=1)
    ends = np.maximum(np.arange(1, n_times + 1) - gap, 0)
    return np.asarray(sums[:, ends] - sums[:, np.maximum(ends - points, 0)], dtype=np.float64)


def run_length(held: BoolArray) -> IntArray:
    """Return how many columns in a row have held up to each, itself included; (n_series, n_times)."""
    columns = np.arange(held.shape[1])
    broken = np.maximum.accumulate(np.where(held, -1, columns), axis=1)
    return np.asarray(np.where(held, columns - broken, 0), dtype=np.int64)


def steps(residual: FloatArray, known: BoolArray, clip: float = STEP_CLIP) -> tuple[FloatArray, BoolArray]:
    """Return each residual's step from the one before over the root of two, and where both are known.

    Of the variance of the residuals whatever the level does but jump (von Neumann 1941); a jump is cut.
    """
    step, paired = np.zeros_like(residual), np.zeros_like(known)
    step[:, 1:] = np.clip(np.diff(residual, axis=1) / np.sqrt(2.0), -clip, clip)
    paired[:, 1:] = known[:, 1:] & known[:, :-1]
    return np.where(paired, step, 0.0), paired
