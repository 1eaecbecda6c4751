"""Sequential evidence that a rate fell, over growing windows, with a false-alarm rate kept by theory.

For a count of mean ``m`` and variance ``phi * m`` (NB1), and a drop to ``ratio`` of the mean, the weight
``z ** X * exp(kappa * m)`` has expectation 1 (``z`` = `families.tilt`, ``kappa`` = `families.log_laplace`): an e-value,
and the likelihood ratio of the exponentially tilted law, whose mean is ``ratio * m``. The level is itself an estimate;
with a gamma of mean 1 and variance ``v`` around it, a window of summed mean ``S`` gives the e-value
``z ** X * (1 + S * kappa * v) ** (1 / v)``.

Summing the e-values of all windows that end today (a Shiryaev-Roberts e-detector; Shin, Ramdas, Rinaldo 2023,
"E-detectors") gives ``M[t]`` with ``E[M[t]] <= t``: the mean time to a false alarm is at least the threshold,
so ``threshold = 1 / (false alarms a series and day)``. Nothing is tuned to data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors import families
from detectors.series import BoolArray, FloatArray, Forecast, IntArray


@dataclass(frozen=True, slots=True)
class Params:
    """Settings of the rule.

    ``ratios`` are the remaining shares looked for, mixed with equal weights; ``window_days`` is the longest window, and
    windows are multiples of ``window_step_days`` (7: whole weeks only); ``scan_days`` is how many last days are scored;
    an alarm ends once the last ``recovery_days`` or more days, which must hold ``recovery_counts`` expected counts
    times the dispersion, reach ``recovery_share`` of their expectation.
    """

    ratios: tuple[float, ...] = (0.5, 0.25)
    window_days: int = 28
    window_step_days: int = 1
    scan_days: int = 45
    recovery_days: int = 3
    recovery_counts: float = 15.0
    recovery_share: float = 0.8


@dataclass(frozen=True, slots=True)
class Scan:
    """State per series and scanned day, shape (n_series, scan_days), and of the last day, (n_series,).

    ``log_statistic`` is log M; ``active`` says an alarm holds; ``onset`` is the column of the whole matrix from which
    the present alarm's drop is estimated to hold (-1 without one).
    """

    log_statistic: FloatArray
    active: BoolArray
    onset: IntArray


def log_threshold(false_alarms: float, series: int, days: float, share: FloatArray | None = None) -> FloatArray:
    """Return each series' log threshold so that ``series`` of them over ``days`` bring ``false_alarms`` in all.

    ``share`` (n_series,) or (n_series, days), a day summing to at most 1, says how the budget is spent; None is evenly.
    """
    portion = np.full(series, 1.0 / max(series, 1)) if share is None else share
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(days) - np.log(false_alarms * portion), dtype=np.float64)


def scan(forecast: Forecast, thresholds: FloatArray, params: Params) -> Scan:
    """Run the rule over the last ``scan_days`` columns.

    Parameters
    ----------
    forecast : Forecast
    thresholds : ndarray, shape (n_series,) or (n_series, scanned days)
        Logs, of `log_threshold`; infinity never alarms.
    params : Params

    Returns
    -------
    Scan
    """
    usable = np.isfinite(forecast.expected) & np.isfinite(forecast.capped) & (forecast.expected > 0)
    observed = _cumulative(np.where(usable, forecast.capped, 0.0))
    expected = _cumulative(np.where(usable, forecast.expected, 0.0))
    n_series, n_times = forecast.expected.shape
    first = max(n_times - params.scan_days, 0)
    limits = np.broadcast_to(thresholds if thresholds.ndim == 2 else thresholds[:, None], (n_series, n_times - first))
    scores = np.full((n_series, n_times - first), -np.inf)
    active = np.zeros((n_series, n_times - first), dtype=np.bool_)
    onset = np.full(n_series, -1, dtype=np.int64)
    earliest = np.zeros(n_series, dtype=np.int64)
    alarmed = np.zeros(n_series, dtype=np.bool_)
    for column in range(first, n_times):
        score, best = _windows(forecast, observed, expected, column, earliest, params)
        scores[:, column - first] = score
        raised = ~alarmed & (score >= limits[:, column - first])
        onset = np.where(raised, best, onset)
        alarmed = alarmed | raised
        # Few series are alarmed at a time, and only they can recover.
        standing = np.flatnonzero(alarmed & ~raised)
        if standing.size:
            over = np.zeros(n_series, dtype=np.bool_)
            over[standing] = _recovered(
                forecast.dispersion[standing, column], observed[standing], expected[standing], column, onset[standing],
                params,
            )  # fmt: skip
            alarmed = alarmed & ~over
            onset = np.where(over, -1, onset)
            earliest = np.where(over, column + 1, earliest)
        active[:, column - first] = alarmed
    return Scan(scores, active, onset)


def _cumulative(values: FloatArray) -> FloatArray:
    """Sums with a leading zero, so that a window is a difference."""
    return np.concatenate([np.zeros((values.shape[0], 1)), np.cumsum(values, axis=1)], axis=1)


def _windows(
    forecast: Forecast, observed: FloatArray, expected: FloatArray, column: int, earliest: IntArray, params: Params
) -> tuple[FloatArray, IntArray]:
    """Return log M at ``column`` and the window start that tells most."""
    step = params.window_step_days
    # The shortest window is as long as the step; where less is known, it is what there is.
    last = max(column + 1 - step, 0)
    starts = np.arange(last - (last - max(column - params.window_days + 1, 0)) // step * step, last + 1, step)
    count = observed[:, [column + 1]] - observed[:, starts[0] : last + 1 : step]
    mean = expected[:, [column + 1]] - expected[:, starts[0] : last + 1 : step]
    variance = np.nan_to_num(forecast.relative_sd[:, column], nan=1.0, posinf=1e3) ** 2
    variance = np.clip(variance, 1e-6, 1e6)[:, None]
    # A window that expected nothing, or of which the spread is unknown, tells nothing.
    known = np.isfinite(forecast.dispersion[:, [column]])
    dispersion = np.where(known, forecast.dispersion[:, [column]], 1.0)
    known = known & (mean > 0) & np.isfinite(mean)
    mean = np.where(known, mean, 0.0)
    uncertain = mean * variance
    # An uncertain level widens a long window's count like bursts do; any tilt keeps the expectation at 1.
    wide = dispersion + uncertain
    logs = []
    for ratio in params.ratios:
        tilt = families.tilt(ratio, wide)
        kappa = families.log_laplace(tilt, dispersion)
        logs.append(count * np.log(tilt) + np.log1p(uncertain * kappa) / variance)
    window = np.logaddexp.reduce(logs, axis=0) - np.log(len(params.ratios))
    window = np.where((starts[None, :] >= earliest[:, None]) & known, window, -np.inf)
    best = np.argmax(window, axis=1)
    peak = np.maximum(window[np.arange(window.shape[0]), best], -700.0)
    total = peak + np.log(np.exp(window - peak[:, None]).sum(axis=1) + 1e-300)
    return np.asarray(total, dtype=np.float64), starts[best]


def _recovered(
    dispersion: FloatArray, observed: FloatArray, expected: FloatArray, column: int, onset: IntArray, params: Params
) -> BoolArray:
    """Return which series have been near their expectation since ``onset``, on enough expected counts to say so."""
    rows, done = np.arange(observed.shape[0]), np.zeros(observed.shape[0], dtype=np.bool_)
    # Good days before a fall do not end it.
    long_enough = column + 1 - onset >= params.recovery_days
    settled = np.zeros(observed.shape[0], dtype=np.bool_)
    wanted = params.recovery_counts * np.maximum(dispersion, 1.0)
    for days in range(params.recovery_days, params.window_days + 1):
        start = np.maximum(column + 1 - days, np.maximum(onset, 0))
        count = observed[:, column + 1] - observed[rows, start]
        mean = expected[:, column + 1] - expected[rows, start]
        # A series too thin for that many counts is judged by the whole window, so that its alarm can end too.
        enough = ((mean >= wanted) | (days == params.window_days)) & ~settled & long_enough
        done = done | (enough & (count >= params.recovery_share * mean))
        settled = settled | enough
    return done
