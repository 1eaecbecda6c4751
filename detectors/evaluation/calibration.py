"""Do p-values keep their word: of quiet points, the share called at each limit, beside the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.series import BoolArray, FloatArray

LIMITS = (0.1, 0.03, 0.01, 0.003, 0.001)


@dataclass(frozen=True, slots=True)
class Row:
    """``asked`` is the limit, ``reached`` the share of quiet points at or under it, out of ``points``."""

    asked: float
    reached: float
    points: int


def table(p_values: FloatArray, quiet: BoolArray, limits: Sequence[float] = LIMITS) -> list[Row]:
    """Return what was asked against what was reached.

    Parameters
    ----------
    p_values : ndarray, shape (n,)
    quiet : ndarray of bool, shape (n,)
        Points on which nothing happened.
    limits : sequence of float

    Returns
    -------
    list of Row
        ``reached`` is NaN without a quiet point.
    """
    told = p_values[quiet]
    return [Row(limit, float(np.mean(told <= limit)) if len(told) else float("nan"), len(told)) for limit in limits]
