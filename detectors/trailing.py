"""Trailing sums along the days of many series."""

from __future__ import annotations

import numpy as np
from scipy import signal

from detectors.series import FloatArray

WEEK_DAYS = 7


def decayed(values: FloatArray, half_life_days: float, gap_days: int) -> FloatArray:
    """Return the exponentially weighted sum of the days up to ``t - gap_days``.

    Parameters
    ----------
    values : ndarray, shape (..., n_times)
    half_life_days : float
    gap_days : int

    Returns
    -------
    ndarray, shape (..., n_times)
    """
    kept = 0.5 ** (1.0 / half_life_days)
    summed = signal.lfilter([1.0], [1.0, -kept], values, axis=-1)
    lagged = np.zeros_like(summed)
    if gap_days < summed.shape[-1]:
        lagged[..., gap_days:] = summed[..., : summed.shape[-1] - gap_days]
    return np.asarray(lagged, dtype=np.float64)


def on_own_weekday(values: FloatArray, half_life_days: float, gap_days: int) -> FloatArray:
    """Return what `decayed` does of the days of each day's own weekday alone.

    Parameters
    ----------
    values : ndarray, shape (n_series, n_times)
    half_life_days : float
    gap_days : int

    Returns
    -------
    ndarray, shape (n_series, n_times)

    Notes
    -----
    Seven series of every seventh day, each summed once, in place of seven of all days with zeros between.
    """
    n_series, n_times = values.shape
    weeks, lag = -(-n_times // WEEK_DAYS), -(-gap_days // WEEK_DAYS)
    by_week = np.zeros((n_series, weeks * WEEK_DAYS))
    by_week[:, :n_times] = values
    kept = 0.5 ** (1.0 / half_life_days)
    summed = signal.lfilter([1.0], [1.0, -(kept**WEEK_DAYS)], by_week.reshape(n_series, weeks, WEEK_DAYS), axis=1)
    lagged = np.zeros_like(summed)
    lagged[:, lag:] = summed[:, : max(weeks - lag, 0)] * kept ** (WEEK_DAYS * lag - gap_days)
    return np.asarray(lagged.reshape(n_series, -1)[:, :n_times], dtype=np.float64)


def run_sums(values: FloatArray, days: int) -> FloatArray:
    """Return the sum of each day and the ``days - 1`` before it.

    Parameters
    ----------
    values : ndarray, shape (n_series, n_times)
    days : int

    Returns
    -------
    ndarray, shape (n_series, n_times)
    """
    total = np.array(values, dtype=np.float64)
    for before in range(1, min(days, values.shape[1])):
        total[:, before:] += values[:, :-before]
    return total
