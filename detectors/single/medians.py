"""Medians of what is known, with a bound on how much is sorted."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from detectors.series import FloatArray, IntArray

_Array = TypeVar("_Array", FloatArray, IntArray)


def sampled(values: _Array, most: int) -> _Array:
    """Return every n-th value from the last back, n the least that leaves fewer than ``2 * most``."""
    return values[::-1][:: max(len(values) // most, 1)]


def median(values: FloatArray, most: int) -> float:
    """Return the median of about ``most`` of the values known, NaN if none is."""
    known = sampled(values[np.isfinite(values)], most)
    return float(np.median(known)) if len(known) else float("nan")


def row_medians(cubes: FloatArray) -> FloatArray:
    """Return the median of what is known along the middle axis, NaN where nothing is; (r, m, n) gives (r, n)."""
    counts = np.isfinite(cubes).sum(axis=1)
    ordered = np.sort(cubes, axis=1)
    rows, places = np.ogrid[: cubes.shape[0], : cubes.shape[2]]
    lower = ordered[rows, np.maximum((counts - 1) // 2, 0), places]
    upper = ordered[rows, np.minimum(counts // 2, cubes.shape[1] - 1), places]
    return np.asarray(np.where(counts > 0, (lower + upper) / 2.0, np.nan), dtype=np.float64)


def column_medians(columns: FloatArray) -> FloatArray:
    """Return the median of each column's known values, NaN where there is none; (n_rows, n) gives (n,)."""
    return np.asarray(row_medians(columns[None])[0], dtype=np.float64)
