"""What moved all peers alike: the market's own movement, told by the middle of its series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.medians import nan_median
from detectors.series import BoolArray, FloatArray, Forecast, IntArray

CELLS = 4_000_000
"""Neighbours' values looked at together, which bounds the memory."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What series are held against: their group, or where ``chosen`` (n_series,) their own nearest others.

    ``near`` (n_series, k) are rows and ``weight`` (n_series, k) how much each counts.
    """

    groups: IntArray
    near: IntArray
    weight: FloatArray
    chosen: BoolArray

    @property
    def size(self) -> int:
        """How many series there are."""
        return self.groups.size


Groups = IntArray | Compared


def log_ratios(count: FloatArray, mean: FloatArray, least_expected: float) -> FloatArray:
    """Return log(count ÷ mean), NaN where the mean is unknown or under ``least_expected``; half a count is added."""
    with np.errstate(invalid="ignore", divide="ignore"):
        told = (mean >= least_expected) & (mean > 0) & np.isfinite(count)
        return np.asarray(np.where(told, np.log((count + 0.5) / (mean + 0.5)), np.nan), dtype=np.float64)


def log_move(logs: FloatArray, groups: Groups, min_peers: int) -> FloatArray:
    """Return the median log ratio of each series' group, or the weighted median of its nearest, on each time.

    Parameters
    ----------
    logs : ndarray, shape (n_series, n_times)
        NaN where nothing is told.
    groups : ndarray of int, shape (n_series,), or Compared
        Where fewer than ``min_peers`` of the nearest told, the group stands in for them; where fewer of a group did,
        all series; 0 where these do not suffice either.
    min_peers : int

    Returns
    -------
    ndarray, shape (n_series, n_times)
    """
    if isinstance(groups, Compared):
        moves = log_move(logs, groups.groups, min_peers)
        rows = np.flatnonzero(groups.chosen)
        step = max(CELLS // max(groups.near.shape[1] * logs.shape[1], 1), 1)
        for some in (rows[start : start + step] for start in range(0, rows.size, step)):
            own = _weighted_median(logs[groups.near[some]], groups.weight[some], min_peers)
            moves[some] = np.where(np.isfinite(own), own, moves[some])
        return moves
    names, group = np.unique(groups, return_inverse=True)
    members = [logs[group == one] for one in range(names.size)]
    told = np.array([np.isfinite(rows).sum(axis=0) for rows in members]).reshape(names.size, logs.shape[1])
    # Where every group has enough, nothing needs to stand in.
    lacking = (told < min_peers).any(axis=0)
    overall = np.zeros(logs.shape[1])
    overall[lacking] = _median(logs[:, lacking], min_peers, overall[lacking])
    moves = np.zeros(told.shape)
    for one, rows in enumerate(members):
        moves[one] = _median(rows, min_peers, overall)
    return np.asarray(moves[group], dtype=np.float64)


def index(forecast: Forecast, groups: Groups, min_peers: int, least_expected: float) -> FloatArray:
    """Return how much of everything each series' group had on each day, in a unit of its own, (n_series, n_times).

    The middle series' ratio to its expectation, times how the expectations themselves moved with the group: these
    follow a season with a lag, and a ratio to them alone would turn a falling season into everybody's fall.
    """
    logs = log_move(log_ratios(forecast.capped, forecast.expected, least_expected), groups, min_peers)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.log(np.where(forecast.expected >= least_expected, forecast.expected, np.nan))
    steps = np.diff(expected, axis=1, prepend=np.nan)
    return np.asarray(np.exp(logs + np.cumsum(log_move(steps, groups, min_peers), axis=1)), dtype=np.float64)


def _median(logs: FloatArray, min_peers: int, otherwise: FloatArray) -> FloatArray:
    """Return the median over series, or ``otherwise`` where fewer than ``min_peers`` told."""
    enough = np.isfinite(logs).sum(axis=0) >= min_peers
    result = otherwise.copy()
    if enough.any():
        result[enough] = nan_median(logs[:, enough], axis=0)
    return result


def _weighted_median(logs: FloatArray, weight: FloatArray, min_peers: int) -> FloatArray:
    """Return the weighted median over the second axis, (n, n_times); NaN where fewer than ``min_peers`` told."""
    order = np.argsort(logs, axis=1)
    told = np.isfinite(logs) & (weight > 0)[:, :, None]
    counts = np.take_along_axis(np.where(told, weight[:, :, None], 0.0), order, axis=1)
    passed = np.cumsum(counts, axis=1)
    # A sort puts NaN last, so what is found here is told.
    middle = (passed >= passed[:, -1:] / 2.0).argmax(axis=1)[:, None]
    found = np.take_along_axis(logs, np.take_along_axis(order, middle, axis=1), axis=1)[:, 0]
    return np.where(told.sum(axis=1) >= min_peers, found, np.nan)
