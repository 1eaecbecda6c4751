"""Many series taken as one: how much of its usual a whole group had on each day, and what moved all groups together."""

from __future__ import annotations

import numpy as np
from scipy import signal

from detectors.series import FloatArray, Forecast, IntArray

MEDIAN_SD = 1.25
"""The standard error of a median over that of a mean, for normal values."""


def index(values: FloatArray, groups: IntArray, min_series: int, most_of_mean: float) -> FloatArray:
    """Return each group's sum over what its series usually have, (n_groups, n_times).

    Parameters
    ----------
    values : ndarray, shape (n_series, n_times)
        Counts; NaN is missing, and then the series is missing from both sums.
    groups : ndarray of int, shape (n_series,)
        From 0 without a gap.
    min_series : int
        A day on which fewer tell is NaN.
    most_of_mean : float
        A series larger than this many times its group's mean weighs no more than that: one of them is no market.

    Returns
    -------
    ndarray
        About 1 on an ordinary day.
    """
    told = np.isfinite(values)
    usual = np.where(told, values, 0.0).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
    n_groups = int(groups.max(initial=-1)) + 1
    members = (groups[None, :] == np.arange(n_groups)[:, None]).astype(np.float64)
    mean = members @ usual / np.maximum(members.sum(axis=1), 1.0)
    weight = np.minimum(usual, most_of_mean * mean[groups])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(told & (usual > 0)[:, None], values / usual[:, None], 0.0)
        ratio = (members @ (share * weight[:, None])) / (members @ (told * weight[:, None]))
    enough = members @ told.astype(np.float64) >= min_series
    return np.asarray(np.where(enough & np.isfinite(ratio), ratio, np.nan), dtype=np.float64)


def moved_by_others(forecast: Forecast, run_days: int, min_others: int) -> FloatArray:
    """Return the factor by which all other series together lately left their forecasts, (n_series, n_times).

    The median over the others of their last ``run_days`` in the logarithm, less two of its standard errors towards
    none: chance alone moves nothing, what befalls all is all but taken out. 1 where fewer than ``min_others`` are told.
    """
    n_series, n_times = forecast.expected.shape
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.log(forecast.capped) - np.log(forecast.expected)
        noise = forecast.dispersion / forecast.expected
    runs = _run_means(np.where(np.isfinite(off), off, np.nan), run_days)
    factor = np.ones((n_series, n_times))
    if n_series <= min_others:
        return factor
    for row in range(n_series):
        others = np.delete(np.arange(n_series), row)
        count = np.isfinite(runs[others]).sum(axis=0)
        enough = count >= min_others
        if not enough.any():
            continue
        middle = np.nanmedian(runs[others][:, enough], axis=0)
        error = MEDIAN_SD * np.sqrt(np.nanmean(noise[others][:, enough], axis=0) / (run_days * count[enough]))
        factor[row, enough] = np.exp(np.sign(middle) * np.maximum(np.abs(middle) - 2.0 * error, 0.0))
    return factor


def _run_means(values: FloatArray, run_days: int) -> FloatArray:
    """Return the mean of the last ``run_days`` on each day, a missing one as nothing; NaN where the day itself is."""
    window = np.ones(run_days) / run_days
    mean = signal.lfilter(window, [1.0], np.nan_to_num(values), axis=-1)
    return np.asarray(np.where(np.isfinite(values), mean, np.nan), dtype=np.float64)
