"""What every detector of single series answers, and what it is told beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.series import LARGEST, BoolArray, FloatArray

# Scores are bounded, so that a first move after a constant past is the strangest there is, and still a number.
MAX_SCORE = 1e6


class SeriesError(ValueError):
    """A series cannot be judged at all; the message says why."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What is known of each point; arrays of shape (n_times,).

    ``expected``, ``lower`` and ``upper`` are in the values' units and NaN only before the first value known; a missing
    point has them too. ``p_value`` is in (0, 1], 1 where nothing can be said. ``score`` is 0 or more, without unit,
    higher is stranger, and keeps its rank under a change of the values' unit or zero. Nothing else is ever NaN.
    """

    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_value: FloatArray
    score: FloatArray
    is_anomaly: BoolArray


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is to be called an anomaly.

    ``p_limit`` is the share of quiet points that may be called one, by default one in two hundred; ``coverage`` the
    share that the band should hold.
    """

    p_limit: float = 0.005
    coverage: float = 0.99


def checked(values: FloatArray) -> FloatArray:
    """Return a copy in which what is not finite, or as good as infinite, is NaN.

    Raises
    ------
    SeriesError
        If the values are not one-dimensional, or none is finite.
    """
    series = np.array(values, dtype=np.float64)
    if series.ndim != 1:
        raise SeriesError("one series is wanted: an array of one dimension")
    series[~(np.abs(series) <= LARGEST)] = np.nan
    if not np.isfinite(series).any():
        raise SeriesError("no value is known: every one is missing or infinite")
    return series
