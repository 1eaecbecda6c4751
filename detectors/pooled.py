"""Many series taken as one: how much of its usual a whole group had on each day, and what of that others did too."""

from __future__ import annotations

import numpy as np

from detectors import trailing
from detectors.series import BoolArray, FloatArray, Forecast, IntArray


def index(values: FloatArray, groups: IntArray, min_series: int, most: float) -> FloatArray:
    """Return each group's sum over what its series usually have, (n_groups, n_times).

    Parameters
    ----------
    values : ndarray, shape (n_series, n_times)
        Counts; NaN is missing, and then the series is missing from both sums.
    groups : ndarray of int, shape (n_series,)
        From 0 without a gap.
    min_series : int
        A day on which fewer tell is NaN.
    most : float
        The share of its group that one series weighs at most; in a group too small for that all weigh alike.

    Returns
    -------
    ndarray
        About 1 on an ordinary day.
    """
    told = np.isfinite(values)
    usual = np.where(told, values, 0.0).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
    n_groups = int(groups.max(initial=-1)) + 1
    members = (groups[None, :] == np.arange(n_groups)[:, None]).astype(np.float64)
    weight = np.minimum(usual, np.array([_cap(usual[groups == group], most) for group in range(n_groups)])[groups])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(told & (usual > 0)[:, None], values / usual[:, None], 0.0)
        ratio = (members @ (share * weight[:, None])) / (members @ (told * weight[:, None]))
    enough = members @ told.astype(np.float64) >= min_series
    return np.asarray(np.where(enough & np.isfinite(ratio), ratio, np.nan), dtype=np.float64)


def _cap(sizes: FloatArray, most: float) -> float:
    """Return the size to cut at so that none is more than ``most`` of the sum; the least of all where none does."""
    ordered = np.sort(sizes)[::-1]
    cut = np.arange(ordered.size)
    rest = ordered.sum() - np.concatenate([[0.0], np.cumsum(ordered)[:-1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        caps = np.where(most * cut < 1.0, most * rest / (1.0 - most * cut), np.inf)
    # With the first ``cut`` cut to the cap, the next one must fit under it.
    fits = np.flatnonzero((caps >= ordered) & np.isfinite(caps))
    return float(caps[fits[0]]) if fits.size else float(ordered[-1])


def shared(forecast: Forecast, run_days: int, min_others: int, share: float) -> BoolArray:
    """Return where a series' last days lie low and at least ``share`` of that is what the others do too.

    Parameters
    ----------
    forecast : Forecast
    run_days : int
        How many last days are taken together.
    min_others : int
        Where fewer others are told nothing is shared.
    share : float
        Of the mean logarithm; what the others do is their median.

    Returns
    -------
    ndarray of bool, shape (n_series, n_times)
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.log(forecast.capped) - np.log(forecast.expected)
    runs = _run_means(np.where(np.isfinite(off), off, np.nan), run_days)
    found = np.zeros(runs.shape, dtype=np.bool_)
    for row in range(len(runs)):
        others = np.delete(runs, row, axis=0)
        enough = (np.isfinite(others).sum(axis=0) >= min_others) & np.isfinite(runs[row])
        if enough.any():
            middle = np.nanmedian(others[:, enough], axis=0)
            found[row, enough] = (runs[row, enough] < 0) & (middle <= share * runs[row, enough])
    return found


def _run_means(values: FloatArray, run_days: int) -> FloatArray:
    """Return the mean of the last ``run_days`` on each day, a missing one as nothing; NaN where the day itself is."""
    mean = trailing.run_sums(np.nan_to_num(values), run_days) / run_days
    return np.asarray(np.where(np.isfinite(values), mean, np.nan), dtype=np.float64)
