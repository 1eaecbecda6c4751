"""Subjects of the close-up from what each series should have been: counts, sizes with a level, or plain values."""

from __future__ import annotations

import numpy as np
from scipy import signal

from detectors.inspect.contract import Subjects
from detectors.series import BoolArray, FloatArray, Forecast

HALF_LIFE, GAP = 8, 4
"""Seasons over which a spread is learnt, and seasons between it and the point: what is going on now is no usual one."""
CLIP = 4.0


def of_counts(values: FloatArray, forecast: Forecast, season: int = 7) -> Subjects:
    """Return counts by how they scattered before: ``z = (x - m) / (s sqrt(m))``, of gain ``sqrt(m) / s``.

    Parameters
    ----------
    values : ndarray, shape (n_series, n_times)
    forecast : Forecast
    season : int

    Returns
    -------
    Subjects
        ``s`` is the series' own past spread, at least Poisson's 1; the forecast's where its past tells none.
    """
    mean = np.where(forecast.expected > 0, forecast.expected, np.nan)
    residual = (forecast.capped - mean) / np.sqrt(mean)
    own = usual_distance(residual, season, np.sqrt(np.maximum(forecast.dispersion, 1.0)))
    own = np.maximum(own, 1.0)
    return Subjects(values, residual / own, np.sqrt(mean) / own, season)


def of_sizes(values: FloatArray, expected: FloatArray, season: int = 7, floor: float = 0.03) -> Subjects:
    """Return positive sizes (a rank, a price) by the logarithm of their ratio to what was expected.

    Parameters
    ----------
    values, expected : ndarray, shape (n_series, n_times)
    season : int
    floor : float
        The least spread of the logarithm.

    Returns
    -------
    Subjects
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(np.where((values > 0) & (expected > 0), values / expected, np.nan))
    spread = np.maximum(usual_distance(logs, season), floor)
    return Subjects(values, logs / spread, np.where(np.isfinite(logs), 1.0 / spread, np.nan), season)


def of_values(values: FloatArray, expected: FloatArray, season: int) -> Subjects:
    """Return values of any sign by their distance in units of what is usual.

    Parameters
    ----------
    values, expected : ndarray, shape (n_series, n_times)
    season : int

    Returns
    -------
    Subjects
        Of gain one: the shares that detectors tell are of the usual distance.
    """
    apart = values - expected
    spread = usual_distance(apart, season)
    least = 1e-3 * np.nanmean(np.abs(values), axis=1, keepdims=True) if values.size else 1.0
    residual = apart / np.maximum(spread, np.maximum(least, 1e-12))
    return Subjects(values, residual, np.where(np.isfinite(residual), 1.0, np.nan), season)


def usual_distance(apart: FloatArray, season: int, otherwise: FloatArray | float = 1.0) -> FloatArray:
    """Return the past's spread about zero: its root mean square, what is far cut; causal; ``otherwise`` without it."""
    known = np.isfinite(apart)
    squares = np.where(known, apart, 0.0) ** 2
    first = _behind(squares, known, 1, season)
    # Cut by a first, uncut spread of the same past, so that one incident does not become the measure.
    cut = np.minimum(squares, np.where(np.isfinite(first), CLIP**2 * first, np.inf))
    lagged = _behind(cut, known, GAP * season, season)
    spread = np.sqrt(np.where(np.isfinite(lagged), lagged, first))
    return np.asarray(np.where(np.isfinite(spread), spread, otherwise), dtype=np.float64)


def _behind(squares: FloatArray, known: BoolArray, gap: int, season: int) -> FloatArray:
    """Return the decaying mean of what lies ``gap`` or more columns behind; NaN where that is less than a season."""
    kept = 0.5 ** (1.0 / (HALF_LIFE * season))
    total, count = (signal.lfilter([1.0], [1.0, -kept], one, axis=1) for one in (squares, known.astype(np.float64)))
    mean = np.where(count >= 0.9 * season, total / np.maximum(count, 1e-9), np.nan)
    result = np.full(mean.shape, np.nan)
    if gap < mean.shape[1]:
        result[:, gap:] = mean[:, :-gap]
    return result
