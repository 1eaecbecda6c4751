"""Medians of rows with gaps, by one sort: numpy's own go through masked arrays, ten times as slow on short rows."""

from __future__ import annotations

import numpy as np

from detectors.series import FloatArray


def nan_median(values: FloatArray, axis: int = -1) -> FloatArray:
    """Return the median of what is told along an axis.

    Parameters
    ----------
    values : ndarray of float
        NaN is missing; not infinite.
    axis : int

    Returns
    -------
    ndarray
        Without ``axis``; NaN where nothing is told.
    """
    ordered = np.sort(np.moveaxis(values, axis, -1), axis=-1)
    if not ordered.shape[-1]:
        return np.full(ordered.shape[:-1], np.nan)
    # A sort puts NaN last.
    told = ordered.shape[-1] - np.isnan(ordered).sum(axis=-1)
    middle = np.stack([np.maximum(told - 1, 0) // 2, told // 2 - (told // 2 == ordered.shape[-1])], axis=-1)
    two = np.take_along_axis(ordered, middle, axis=-1)
    return np.asarray(np.where(told > 0, (two[..., 0] + two[..., 1]) / 2.0, np.nan), dtype=np.float64)
