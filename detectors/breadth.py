"""Whether a group's fall is the group's: what is left of it without the part that fell furthest."""

from __future__ import annotations

import numpy as np

from detectors import trailing
from detectors.series import BoolArray, FloatArray, IntArray


def is_broad(
    observed: FloatArray, expected: FloatArray, groups: IntArray, parts: IntArray, run_days: int, share: float
) -> BoolArray:
    """Return where a group has fallen without its worst part, too.

    Parameters
    ----------
    observed, expected : ndarray, shape (n_series, n_times)
        What each series counts for in its group; 0 in both where it is not told.
    groups, parts : ndarray of int, shape (n_series,)
        The group and the part (as a market and a property) of each series, from 0. A part may reach into many groups.
    run_days : int
        How many last days are taken together.
    share : float
        Of the whole group's log ratio, at least so much must be left without the part that misses most.

    Returns
    -------
    ndarray of bool, shape (n_groups, n_times)
        False for a group of one part: nothing tells it from that.
    """
    pairs, cell = np.unique(np.stack([groups, parts], axis=1), axis=0, return_inverse=True)
    n_groups, n_times = int(groups.max(initial=-1)) + 1, observed.shape[1]
    had, wanted = (
        trailing.run_sums(_summed(one, cell.reshape(-1).astype(np.int64), len(pairs)), run_days)
        for one in (observed, expected)
    )
    missing, worst = wanted - had, np.full((n_groups, n_times), -np.inf)
    np.maximum.at(worst, pairs[:, 0], missing)
    is_worst = missing >= worst[pairs[:, 0]]
    # Of parts that miss as much, as when nothing is told, the first stands for all.
    first = np.full((n_groups, n_times), len(pairs))
    np.minimum.at(first, pairs[:, 0], np.where(is_worst, np.arange(len(pairs))[:, None], len(pairs)))
    left = np.arange(len(pairs))[:, None] != first[pairs[:, 0]]
    whole = _log(_summed(had, pairs[:, 0], n_groups), _summed(wanted, pairs[:, 0], n_groups))
    rest = _log(_summed(had * left, pairs[:, 0], n_groups), _summed(wanted * left, pairs[:, 0], n_groups))
    return np.asarray((whole < 0) & (rest <= share * whole), dtype=np.bool_)


def _log(had: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return the log ratio, half a count added; 0 where nothing is expected."""
    return np.where(wanted > 0, np.log((had + 0.5) / (wanted + 0.5)), 0.0)


def _summed(values: FloatArray, row: IntArray, n_rows: int) -> FloatArray:
    total = np.zeros((n_rows, values.shape[1]))
    np.add.at(total, row, values)
    return total
