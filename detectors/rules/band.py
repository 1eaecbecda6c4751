"""A short run far under (or over) the band, after what moved all peers alike is taken out.

For each series the trailing ``run_days`` sum is compared with its expectation times the peers' median move of the same
days. The log of that ratio is held against its own past spread (median absolute deviation, with a floor), by the tail
of a Student t: strict, because a daily band on many series otherwise alarms by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from detectors import peers, trailing
from detectors.medians import nan_median
from detectors.series import BoolArray, FloatArray, Forecast, IntArray

MAD_TO_SD = 1.4826
LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class Params:
    """Settings of the rule.

    ``rises`` looks for values that are too high, as of a rank; ``ratio`` is then expected ÷ observed.
    ``min_drop`` is the share that must be missing; ``p_limit`` the tail probability where no limits are given;
    ``min_expected`` the expected
    count of a run below which nothing is said; ``spread_days`` the past the spread is learnt from, ending ``gap_days``
    before the point; ``recover_drop`` the missing share at which an alarm ends.
    """

    run_days: int = 3
    min_drop: float = 0.5
    recover_drop: float = 0.25
    p_limit: float = 1e-5
    min_expected: float = 60.0
    spread_days: int = 90
    gap_days: int = 10
    spread_floor: float = 0.05
    freedom: float = 6.0
    min_peers: int = 5
    scan_days: int = 30
    rises: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """State per series and scanned day, shape (n_series, scan_days).

    ``surprise`` is minus the logarithm of the t tail; ``ratio`` is observed ÷ peer-adjusted expectation of the run,
    ``move`` the peers' factor; ``onset`` (n_series,) is a column of the whole matrix, -1 without an alarm.
    """

    surprise: FloatArray
    active: BoolArray
    ratio: FloatArray
    move: FloatArray
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
        What ``surprise`` must reach; None is that of ``p_limit``.
    rows : ndarray of int, optional
        The series that are judged, beside the moves of all; the scan and the limits are theirs alone. None for all.

    Returns
    -------
    Scan
    """
    n_times = forecast.expected.shape[1]
    first = max(n_times - params.scan_days - params.spread_days - params.gap_days, 0)
    usable = np.isfinite(forecast.expected) & np.isfinite(forecast.capped) & (forecast.expected > 0)
    count = trailing.run_sums(np.where(usable, forecast.capped, 0.0), params.run_days)[:, first:]
    mean = trailing.run_sums(np.where(usable, forecast.expected, 0.0), params.run_days)[:, first:]
    told = usable[:, first:] & (mean >= params.min_expected)
    logs = peers.log_ratios(count, np.where(told, mean, np.nan), 0.0)
    move = peers.log_move(logs, groups, params.min_peers)
    # What must not rise, as a rank, is looked at upside down.
    if rows is not None:
        logs, move = logs[rows], move[rows]
    own = -(logs - move) if params.rises else logs - move
    start = max(own.shape[1] - params.scan_days, 0)
    surprise = np.zeros((own.shape[0], own.shape[1] - start))
    for column in range(start, own.shape[1]):
        surprise[:, column - start] = -np.log(_tail(own, column, params))
    ratio = np.exp(own[:, start:])
    limits = np.full(ratio.shape, -np.log(params.p_limit)) if limits is None else limits
    active, onset = _hold(surprise >= limits, ratio, n_times - ratio.shape[1], params)
    return Scan(surprise, active, ratio, np.exp(move[:, start:]), onset)


def _tail(own: FloatArray, column: int, params: Params) -> FloatArray:
    """Return how likely as low a log ratio is, by the series' own past; 1 where the past is too short."""
    end = column - params.gap_days + 1
    past = own[:, max(end - params.spread_days, 0) : max(end, 0)]
    p_value = np.ones(own.shape[0])
    rows = np.isfinite(own[:, column]) & (np.isfinite(past).sum(axis=1) >= params.spread_days // 3)
    if not rows.any():
        return p_value
    centre = nan_median(past[rows])
    spread = MAD_TO_SD * nan_median(np.abs(past[rows] - centre[:, None]))
    z = (own[rows, column] - np.minimum(centre, 0.0)) / np.maximum(spread, params.spread_floor)
    p_value[rows] = np.maximum(special.stdtr(params.freedom, z), LEAST)
    return p_value


def _hold(strange: BoolArray, ratio: FloatArray, offset: int, params: Params) -> tuple[BoolArray, IntArray]:
    """Raise where strict, hold until back near the expectation."""
    active = np.zeros(strange.shape, dtype=np.bool_)
    onset = np.full(strange.shape[0], -1, dtype=np.int64)
    alarmed = np.zeros(strange.shape[0], dtype=np.bool_)
    for column in range(strange.shape[1]):
        now = ratio[:, column]
        raised = ~alarmed & strange[:, column] & (now <= 1.0 - params.min_drop)
        over = alarmed & (now >= 1.0 - params.recover_drop)
        onset = np.where(raised, max(offset + column - params.run_days + 1, 0), np.where(over, -1, onset))
        alarmed = (alarmed | raised) & ~over
        active[:, column] = alarmed
    return active, onset
