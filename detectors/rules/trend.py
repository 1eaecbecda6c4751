"""A slow fall: whether the last weeks look like a ramp rather than like a step, against the level before them.

Of each series' log ratio to its expectation, with what moved all peers taken out, a straight ramp and a step are fitted
from every start; both run to the last day. The fit's z-value is the series' product with the shape over its own past
spread (median absolute deviation, with a floor). The expectation must be of days before the longest window: a baseline
that follows a slow fall hides it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors import peers
from detectors.medians import nan_median
from detectors.series import BoolArray, FloatArray, Forecast, IntArray

MAD_TO_SD = 1.4826


@dataclass(frozen=True, slots=True)
class Params:
    """Settings of the rule.

    ``shortest_days`` to ``longest_days`` are the ramps' lengths; ``z_limit`` is what the best must reach where no
    limits are given, ``margin`` by
    how much it must beat the best step; ``min_fall`` is the share that must be missing at the ramp's end;
    ``spread_days`` the past before the longest ramp that the spread is learnt from; ``rises`` looks for rises, as of a
    rank; an alarm ends once the last ``recovery_days`` miss less than ``recover_fall``.
    """

    shortest_days: int = 8
    longest_days: int = 28
    z_limit: float = 5.5
    margin: float = 0.3
    min_fall: float = 0.2
    recover_fall: float = 0.12
    recovery_days: int = 4
    spread_days: int = 60
    spread_floor: float = 0.06
    min_expected: float = 20.0
    min_peers: int = 5
    scan_days: int = 30
    rises: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """State per series and scanned day, shape (n_series, scan_days).

    ``fall`` is the share missing at the end of the best ramp; ``onset`` (n_series,) is a column of the whole matrix, -1
    without an alarm.
    """

    z_value: FloatArray
    active: BoolArray
    fall: FloatArray
    onset: IntArray


def scan(
    forecast: Forecast, groups: peers.Groups, params: Params, limits: FloatArray | None = None,
    rows: IntArray | None = None,
) -> Scan:  # fmt: skip
    """Run the rule over the last ``scan_days`` columns.

    Parameters
    ----------
    forecast : Forecast
    groups : ndarray of int, shape (n_series,), or peers.Compared
        Peer group of each series, from 0; the whole batch stands in for a group of fewer than ``min_peers``.
    params : Params
    limits : ndarray, shape (n_series, scanned days), optional
        What the best ramp's z must reach; None is ``z_limit``.
    rows : ndarray of int, optional
        The series that are judged, beside the moves of all; the scan and the limits are theirs alone. None for all.

    Returns
    -------
    Scan
    """
    n_times = forecast.expected.shape[1]
    first = max(n_times - params.scan_days, 0)
    # Nothing before the first point's past is looked at.
    begin = max(first + 1 - params.longest_days - params.spread_days, 0)
    logs = peers.log_ratios(forecast.capped[:, begin:], forecast.expected[:, begin:], params.min_expected)
    beside = logs - peers.log_move(logs, groups, params.min_peers)
    beside = beside if rows is None else beside[rows]
    n_series = beside.shape[0]
    own = np.full((n_series, n_times), np.nan)
    own[:, begin:] = beside
    own = -own if params.rises else own
    z_value, fall = np.zeros((n_series, n_times - first)), np.zeros((n_series, n_times - first))
    limits = np.full(z_value.shape, params.z_limit) if limits is None else limits
    active = np.zeros((n_series, n_times - first), dtype=np.bool_)
    onset, alarmed = np.full(n_series, -1, dtype=np.int64), np.zeros(n_series, dtype=np.bool_)
    for column in range(first, n_times):
        at = column - first
        z_value[:, at], fall[:, at], length, is_ramp = _best(own, column, params)
        raised = ~alarmed & is_ramp & (z_value[:, at] >= limits[:, at]) & (fall[:, at] >= params.min_fall)
        over = alarmed & _is_back(own, column, params)
        onset = np.where(raised, column - length + 1, np.where(over, -1, onset))
        alarmed = (alarmed | raised) & ~over
        active[:, at] = alarmed
    return Scan(z_value, active, fall, onset)


def _best(own: FloatArray, column: int, params: Params) -> tuple[FloatArray, FloatArray, IntArray, BoolArray]:
    """Return of the best ramp its z, the share missing at its end, its length, and whether it beats every step."""
    n_series, longest = own.shape[0], params.longest_days
    past = own[:, max(column + 1 - longest - params.spread_days, 0) : max(column + 1 - longest, 0)]
    known = np.isfinite(past).sum(axis=1) >= params.spread_days // 2
    nothing = np.zeros(n_series)
    if not known.any():
        return nothing, nothing, np.full(n_series, longest, dtype=np.int64), np.zeros(n_series, dtype=np.bool_)
    centre, spread = nothing.copy(), np.full(n_series, np.inf)
    centre[known] = nan_median(past[known])
    spread[known] = MAD_TO_SD * nan_median(np.abs(past[known] - centre[known, None]))
    recent = centre[:, None] - own[:, column + 1 - longest : column + 1]
    usable = np.isfinite(recent) & known[:, None]
    ramps, steps = _shapes(params)
    ramp_z, depth = _fit(np.where(usable, recent, 0.0), usable, ramps, np.maximum(spread, params.spread_floor))
    step_z, _ = _fit(np.where(usable, recent, 0.0), usable, steps, np.maximum(spread, params.spread_floor))
    best, rows = np.argmax(ramp_z, axis=1), np.arange(n_series)
    peak = ramp_z[rows, best]
    fall = 1.0 - np.exp(-np.maximum(depth[rows, best], 0.0))
    return peak, fall, params.shortest_days + best, peak >= step_z.max(axis=1) + params.margin


def _shapes(params: Params) -> tuple[FloatArray, FloatArray]:
    """Return ramps of each length and steps of each length, 1 on the last day, (n_shapes, longest_days)."""
    back = np.arange(params.longest_days - 1, -1, -1)
    lengths = np.arange(params.shortest_days, params.longest_days + 1)[:, None]
    ramps = np.maximum(lengths - back, 0) / lengths
    steps = (back < np.arange(1, params.longest_days + 1)[:, None]).astype(np.float64)
    return ramps, steps


def _fit(
    recent: FloatArray, usable: BoolArray, shapes: FloatArray, spread: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return z-value and height of each shape's best fit, (n_series, n_shapes)."""
    power = usable.astype(np.float64) @ (shapes**2).T
    product = recent @ shapes.T
    safe = np.maximum(power, 1e-9)
    return product / (spread[:, None] * np.sqrt(safe)), product / safe


def _is_back(own: FloatArray, column: int, params: Params) -> BoolArray:
    """Return which series have lately been near their expectation."""
    recent = own[:, max(column + 1 - params.recovery_days, 0) : column + 1]
    told = np.isfinite(recent)
    mean = np.where(told, recent, 0.0).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
    return np.asarray((told.sum(axis=1) > 0) & (mean > np.log(1.0 - params.recover_fall)), dtype=np.bool_)
