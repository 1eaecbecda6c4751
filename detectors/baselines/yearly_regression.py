"""Level, week, holidays and the year's waves of a series' logarithm, by one regression on its past.

For series of so many counts that a day's logarithm tells something, as a whole market's.

Each column is forecast from days up to ``gap_days`` before it: a ridge regression on weekdays, holidays and
``harmonics`` waves of a year (as Prophet's or TBATS' seasons are), then the mean of what the last ``level_days`` were
off it. A baseline that merely trails a season by weeks sees falls in every autumn. The strengths of the ridge are the
prior of a Bayesian regression, so the same matrices tell how uncertain a forecast is.

Runs of days far from their forecast, either way, weigh a tenth: what befell a series is not its season. Whether a day
is in a run is told by the six days after it too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

from detectors.series import BoolArray, DayArray, FloatArray, Forecast, IntArray, SeriesBatch

YEAR_DAYS = 365.25
RUN_DAYS = 7
RUN_SD = 3.0
RUN_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class Params:
    """Settings of the baseline.

    ``harmonics`` waves a year, each allowed less than the one before; the strengths count in days of evidence for "no
    effect". ``level_drift`` is how far a true level may move across the gap beside all that, as a share.
    """

    harmonics: int = 3
    gap_days: int = 14
    level_days: int = 42
    min_history_days: int = 56
    season_strength_days: float = 1.0
    weekday_strength_days: float = 2.0
    holiday_strength_days: float = 4.0
    level_drift: float = 0.04


@dataclass(frozen=True, slots=True)
class _Fit:
    """Of each column: the forecast of the log, its variance in units of the noise's, and the noise's variance."""

    forecast: FloatArray
    leverage: FloatArray
    noise: FloatArray


def fit(batch: SeriesBatch, params: Params, columns: int) -> Forecast:
    """Return what each of the last ``columns`` points should have been; NaN before.

    Parameters
    ----------
    batch : SeriesBatch
        Sizes of many counts, in a unit in which a day's chance is near that of the logarithm's normal; no exposure.
    params : Params
    columns : int

    Returns
    -------
    Forecast
        ``relative_sd`` is the forecast's own standard error; ``capped`` the values as they are.
    """
    values = np.where(batch.observed() & (batch.values > 0), batch.values, np.nan)
    logs, design = np.log(values), _design(batch, params)
    earliest = params.min_history_days + params.gap_days
    first = max(values.shape[1] - columns, earliest)
    # Runs are looked for as far back as the first level reaches.
    begin = max(first - params.gap_days - params.level_days - RUN_DAYS, earliest)
    plain = _regress(logs, design, np.isfinite(logs).astype(np.float64), begin, params)
    weight = np.where(np.isfinite(logs), np.where(_in_run(logs, plain), RUN_WEIGHT, 1.0), 0.0)
    done = _regress(logs, design, weight, first, params)
    # The mean of what is normal in the logarithm lies half the variance above.
    expected = np.exp(done.forecast + done.noise / 2.0)
    relative = done.noise * (done.leverage + 1.0 / params.level_days) + params.level_drift**2
    return Forecast(expected, np.maximum(done.noise * expected, 1.0), np.sqrt(relative), values)


def _design(batch: SeriesBatch, params: Params) -> FloatArray:
    """Return the regressors: one, seven weekdays, sines and cosines, holiday; (n_series, n_times, n_regressors)."""
    weekday = (batch.weekday()[:, None] == np.arange(7)) - 1.0 / 7.0
    phase = 2.0 * np.pi * _day_numbers(batch.days)[:, None] / YEAR_DAYS * np.arange(1, params.harmonics + 1)
    shared = np.concatenate([np.ones((batch.days.size, 1)), weekday, np.sin(phase), np.cos(phase)], axis=1)
    holidays = np.zeros(batch.values.shape) if batch.holidays is None else batch.holidays.astype(np.float64)
    spread = np.broadcast_to(shared, (*batch.values.shape, shared.shape[1]))
    return np.concatenate([spread, holidays[:, :, None]], axis=2)


def _day_numbers(days: DayArray) -> IntArray:
    return days.astype("datetime64[D]").astype(np.int64)


def _strengths(params: Params) -> FloatArray:
    """Return the ridge: a wave twice as fast is allowed half as high."""
    waves = params.season_strength_days * np.arange(1, params.harmonics + 1) ** 2.0
    parts = [[1e-6], [params.weekday_strength_days] * 7, waves, waves, [params.holiday_strength_days]]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])


def _regress(logs: FloatArray, design: FloatArray, weight: FloatArray, first: int, params: Params) -> _Fit:
    """Forecast each column from ``first`` on by the days up to ``gap_days`` before it."""
    n_series, n_times = logs.shape
    known = np.where(np.isfinite(logs), logs, 0.0)
    weighted = design * weight[:, :, None]
    squares = np.cumsum((weight * known**2), axis=1)
    products = np.cumsum(weighted * known[:, :, None], axis=1)
    ridge = np.diag(_strengths(params))
    done = _Fit(*(np.full((n_series, n_times), np.nan) for _ in range(3)))
    ended = max(first - params.gap_days, 0)
    gram = np.einsum("sti,stj->sij", weighted[:, :ended], design[:, :ended])
    for column in range(first, n_times):
        last = column - params.gap_days
        gram = gram + np.einsum("si,sj->sij", weighted[:, last], design[:, last]) if last >= ended else gram
        inverse = np.linalg.inv(gram + ridge)
        slopes = np.einsum("sij,sj->si", inverse, products[:, last])
        off = np.einsum("si,sij,sj->s", slopes, gram, slopes) - 2.0 * np.einsum("si,si->s", slopes, products[:, last])
        effective = np.einsum("sij,sji->s", inverse, gram)
        days = weight[:, : last + 1].sum(axis=1)
        near = slice(max(last - params.level_days + 1, 0), last + 1)
        missed = weight[:, near] * (known[:, near] - np.einsum("sti,si->st", design[:, near], slopes))
        level = missed.sum(axis=1) / np.maximum(weight[:, near].sum(axis=1), 1e-9)
        told = days >= params.min_history_days
        now = design[:, column]
        done.forecast[:, column] = np.where(told, np.einsum("si,si->s", now, slopes) + level, np.nan)
        done.leverage[:, column] = np.einsum("si,sij,sj->s", now, inverse, now)
        done.noise[:, column] = np.maximum(squares[:, last] + off, 0.0) / np.maximum(days - effective, 1.0)
    return done


def _in_run(logs: FloatArray, plain: _Fit) -> BoolArray:
    """Return the days in a week that as a whole lies far from its forecast."""
    off = logs - plain.forecast
    known = np.isfinite(off)
    window = np.ones(RUN_DAYS)
    count = signal.lfilter(window, [1.0], known.astype(np.float64), axis=-1)
    mean = signal.lfilter(window, [1.0], np.where(known, off, 0.0), axis=-1) / np.maximum(count, 1.0)
    with np.errstate(invalid="ignore"):
        spread = np.sqrt(plain.noise * (1.0 / np.maximum(count, 1.0) + plain.leverage))
        far = (count >= RUN_DAYS // 2 + 1) & (np.abs(mean) > RUN_SD * spread)
    # A day is in the run if any of the weeks that end on it or up to six days later is far off.
    later = far[:, ::-1].astype(np.float64)
    return np.asarray(signal.lfilter(window, [1.0], later, axis=-1)[:, ::-1] > 0.5, dtype=np.bool_)
