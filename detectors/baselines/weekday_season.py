"""Level × weekday × slow annual season × holiday, all causal, for every series at once.

``expected[t] = exposure[t] * level[t] * weekday[t] * season[t] * holiday[t]``. Everything behind the point at ``t`` is
learnt from days up to ``t - gap_days``: the scored point is never in its own fit, and neither is a problem that began
up to ``gap_days`` ago. Days that belong to a run far under their expectation weigh a tenth, so that a past
problem does not become normal; bursts can be cut.

What series learn from one another (the shape of the week, holidays, the season, the dispersion) stands in `Priors`,
an explicit input: with equal priors a series scores the same alone and in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detectors import borrow, families, trailing
from detectors.peers import Compared
from detectors.series import FloatArray, Forecast, SeriesBatch

YEAR_DAYS = 364
"""52 weeks: the same weekday a year ago."""
RUN_DAYS = 7


@dataclass(frozen=True, slots=True)
class Params:
    """Settings of the baseline; strengths are in days of pooled evidence.

    ``burst_cap_sd`` cuts a value above that many Poisson deviations over its level (None: never); ``level_drift`` is
    how far a true level may have moved across the gap, as a share; ``band_columns`` is how many last days get a band.
    ``borrow_from_days`` (0: never) is from how many days on a series with a prior of its level is judged by that too.
    """

    level_half_life_days: float = 42.0
    weekday_half_life_days: float = 140.0
    gap_days: int = 10
    min_history_days: float = 28.0
    borrow_from_days: float = 0.0
    weekday_strength_days: float = 200.0
    dispersion_strength_days: float = 90.0
    season_weight: float = 0.0
    burst_cap_sd: float | None = None
    level_drift: float = 0.05
    band_tail: float = 0.005
    band_columns: int = 60


@dataclass(frozen=True, slots=True)
class Priors:
    """Pooled, causal: ``weekday`` (7, n_times), ``holiday``, ``season``, ``dispersion`` (n_times,); some levels."""

    weekday: FloatArray
    holiday: FloatArray
    season: FloatArray
    dispersion: FloatArray
    level: borrow.LevelPrior | None = None


@dataclass(frozen=True, slots=True)
class _Level:
    """Values and exposure with gaps as zeros, and the trailing level they lead to."""

    values: FloatArray
    exposure: FloatArray
    weight: FloatArray
    level: FloatArray
    evidence: FloatArray
    days: FloatArray
    offered: FloatArray


def learn_priors(batch: SeriesBatch, params: Params) -> Priors:
    """Pool the week's shape, the holiday effect, the season and the dispersion over all series of ``batch``.

    Parameters
    ----------
    batch : SeriesBatch
    params : Params

    Returns
    -------
    Priors
        Column ``t`` uses days up to ``t - gap_days`` only.
    """
    return _priors(batch, _robust_level(batch, params), params)


def fit(batch: SeriesBatch, priors: Priors, params: Params) -> Forecast:
    """Return what each point of ``batch`` should have been.

    Parameters
    ----------
    batch : SeriesBatch
    priors : Priors
        Of the same days.
    params : Params

    Returns
    -------
    Forecast
        ``expected`` is NaN where fewer than ``min_history_days`` (effective) days are behind the point.
    """
    return _fit(batch, _robust_level(batch, params), priors, params)


def fit_pooled(batch: SeriesBatch, params: Params, beside: Compared | None = None) -> Forecast:
    """Return what `fit` does with the priors that `learn_priors` learns from the same batch, at half the cost.

    Parameters
    ----------
    batch : SeriesBatch
    params : Params
    beside : Compared, optional
        Whom new series borrow from.

    Returns
    -------
    Forecast
    """
    state = _robust_level(batch, params)
    return _fit(batch, state, _priors(batch, state, params, beside), params)


def band(forecast: Forecast, row: int, params: Params) -> tuple[FloatArray, FloatArray]:
    """Return the edges of one series' usual range, with the level's own uncertainty in it.

    Parameters
    ----------
    forecast : Forecast
    row : int
        Of the series: few are ever looked at, and the quantiles cost more than the rest of the fit.
    params : Params

    Returns
    -------
    lower, upper : ndarray, shape (n_times,)
        NaN before the last ``band_columns``.
    """
    lower, upper = (np.full(forecast.expected.shape[1], np.nan) for _ in range(2))
    start = max(lower.size - params.band_columns, 0)
    mean = forecast.expected[row, start:]
    spread = forecast.dispersion[row, start:] + mean * forecast.relative_sd[row, start:] ** 2
    lower[start:], upper[start:] = families.count_band(mean, spread, params.band_tail)
    return lower, upper


def _priors(batch: SeriesBatch, state: _Level, params: Params, beside: Compared | None = None) -> Priors:
    plain = state.level * state.exposure
    weekday = _pooled_weekday(batch, state, plain, params)
    season = _season(state, params)
    shaped = plain * np.take_along_axis(weekday, batch.weekday()[None, :], axis=0) * season
    holiday = _holiday(batch, state, shaped, params)
    if batch.holidays is not None:
        shaped = shaped * np.where(batch.holidays, holiday, 1.0)
    # Sums over time and over series may change places: the series first is one series to sum over time.
    squares, means = (_behind(one.sum(axis=0), params) for one in _residuals(state, shaped)[:2])
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = squares / means
    level = borrow.learn(_own(state, params), beside) if params.borrow_from_days else None
    return Priors(weekday, holiday, season, np.where(np.isfinite(pooled), np.maximum(pooled, 1.0), 1.0), level)


def _fit(batch: SeriesBatch, state: _Level, priors: Priors, params: Params) -> Forecast:
    # What is borrowed of the level says nothing about the week.
    week = _own_weekday(batch, state, state.level * state.exposure, priors, params)
    if priors.level is not None and priors.level.rows.size:
        lent = borrow.lend(priors.level, _own(state, params), priors.dispersion, params.borrow_from_days)
        state = replace(state, level=lent.level, evidence=lent.evidence, days=lent.days)
    expected = state.level * state.exposure * week * priors.season
    if batch.holidays is not None:
        expected = expected * np.where(batch.holidays, priors.holiday, 1.0)
    squares, means, days = (_behind(one, params) for one in _residuals(state, expected))
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(means > 0, squares / means, priors.dispersion)
        strength = params.dispersion_strength_days
        dispersion = np.maximum((own * days + priors.dispersion * strength) / (days + strength), 1.0)
        relative_sd = np.sqrt(dispersion / np.maximum(state.evidence, 1e-9) + params.level_drift**2)
    expected = np.where((state.days >= params.min_history_days) & (state.level > 0), expected, np.nan)
    capped = np.where(batch.observed(), state.values, np.nan)
    return Forecast(expected, dispersion, relative_sd, capped)


def _own(state: _Level, params: Params) -> borrow.Own:
    kept = 0.5 ** (1.0 / params.level_half_life_days)
    return borrow.Own(state.level, state.evidence, state.offered, state.days, kept)


def _behind(values: FloatArray, params: Params) -> FloatArray:
    """Trailing sum as the week's shape and the spread are learnt from."""
    return trailing.decayed(values, params.weekday_half_life_days, max(params.gap_days, RUN_DAYS))


def _ratio(total: FloatArray, offered: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(offered > 0, total / offered, np.nan)


def _robust_level(batch: SeriesBatch, params: Params) -> _Level:
    """Level in two passes: cut bursts and mark far-too-low runs with the first, learn the second without them."""
    seen = batch.observed()
    values = np.where(seen, batch.values, 0.0)
    exposure = np.where(seen, 1.0 if batch.exposure is None else batch.exposure, 0.0)
    half_life, gap = params.level_half_life_days, max(params.gap_days, RUN_DAYS)
    taught = seen if batch.unlearnt is None else seen & ~batch.unlearnt
    # What was not seen is zero already.
    lesson, offer = (one if taught is seen else np.where(taught, one, 0.0) for one in (values, exposure))
    mean = _ratio(trailing.decayed(lesson, half_life, gap), trailing.decayed(offer, half_life, gap)) * exposure
    if params.burst_cap_sd is not None:
        cap = np.where(np.isfinite(mean), mean + params.burst_cap_sd * np.sqrt(mean) + 1.0, np.inf)
        values = np.minimum(values, cap)
    weight = np.where(taught, np.where(_low_run(values, mean), 0.1, 1.0), 0.0)
    total, offered = (trailing.decayed(part * weight, half_life, gap) for part in (values, exposure))
    told = offered if batch.exposure is None else trailing.decayed(weight * (exposure > 0), half_life, gap)
    kept = 0.5 ** (1.0 / half_life)
    evidence, days, behind = (one * (1.0 + kept) for one in (total, told, offered))
    return _Level(values, exposure, weight, _ratio(total, offered), evidence, days, behind)


def _low_run(values: FloatArray, mean: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which days lie in a week under half its mean that chance (variance twice the mean) hardly brings."""
    known = np.isfinite(mean)
    observed, wanted = (trailing.run_sums(np.where(known, part, 0.0), RUN_DAYS) for part in (values, mean))
    low = (observed < 0.5 * wanted) & ((wanted - observed) > 3.5 * np.sqrt(2.0 * wanted))
    # A day is in the run if any of the weeks that end on it or up to six days later is low.
    found = low.copy()
    for later in range(1, min(RUN_DAYS, low.shape[1])):
        found[:, :-later] |= low[:, later:]
    return found


def _weekday_parts(state: _Level, plain: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what the week's shape is the ratio of: weighted values, and what the level alone expects."""
    known = np.isfinite(plain)
    return np.where(known, state.weight * state.values, 0.0), np.where(known, state.weight * plain, 0.0)


def _pooled_weekday(batch: SeriesBatch, state: _Level, plain: FloatArray, params: Params) -> FloatArray:
    """Return the week's shape over all series, (7, n_times), shrunk a little to flat."""
    on_day = batch.weekday() == np.arange(7)[:, None]
    observed, wanted = (
        _behind(np.where(on_day, part.sum(axis=0), 0.0), params) for part in _weekday_parts(state, plain)
    )
    return (observed + 20.0) / (wanted + 20.0)


def _own_weekday(batch: SeriesBatch, state: _Level, plain: FloatArray, priors: Priors, params: Params) -> FloatArray:
    """Return each series' weekday factor, shrunk to the pool's, (n_series, n_times)."""
    half_life, gap = params.weekday_half_life_days, max(params.gap_days, RUN_DAYS)
    observed, wanted = (trailing.on_own_weekday(part, half_life, gap) for part in _weekday_parts(state, plain))
    pool = np.take_along_axis(priors.weekday, batch.weekday()[None, :], axis=0)
    # In expected counts a weekday of the pool weighs as strength/7 days at a dispersion of one.
    strength = params.weekday_strength_days / 7.0 * np.maximum(priors.dispersion, 1.0)
    return np.asarray((observed + strength * pool) / (wanted + strength), dtype=np.float64)


def _season(state: _Level, params: Params) -> FloatArray:
    """Return demand at ``t`` over demand behind the level, as a year ago showed it, (n_times,); 1 where unknown."""
    n_times = state.values.shape[1]
    season = np.ones(n_times)
    if params.season_weight <= 0 or n_times <= YEAR_DAYS or state.values.shape[0] == 0:
        return season
    with np.errstate(invalid="ignore", divide="ignore"):
        day_mean = state.values.sum(axis=0) / state.weight.sum(axis=0)
    known = np.isfinite(day_mean)
    window = np.ones(29)
    smooth = np.convolve(np.where(known, day_mean, 0.0), window, "same")
    counted = np.convolve(known.astype(np.float64), window, "same")
    curve = np.where(counted > 0, smooth / np.maximum(counted, 1.0), np.nan)
    last_year = np.full(n_times, np.nan)
    last_year[YEAR_DAYS:] = curve[: n_times - YEAR_DAYS]
    told = np.isfinite(last_year)
    gap = max(params.gap_days, RUN_DAYS)
    total = trailing.decayed(np.where(told, last_year, 0.0), params.level_half_life_days, gap)
    count = trailing.decayed(told.astype(np.float64), params.level_half_life_days, gap)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = last_year * count / total
    return np.where(np.isfinite(ratio) & (ratio > 0), np.clip(ratio, 0.4, 2.5) ** params.season_weight, season)


def _holiday(batch: SeriesBatch, state: _Level, shaped: FloatArray, params: Params) -> FloatArray:
    """Return how a holiday multiplies expectations, pooled, shrunk to 1, (n_times,)."""
    if batch.holidays is None:
        return np.ones(batch.values.shape[1])
    chosen = batch.holidays & np.isfinite(shaped)
    gap = max(params.gap_days, RUN_DAYS)
    observed = np.where(chosen, state.weight * state.values, 0.0).sum(axis=0)
    wanted = np.where(chosen, state.weight * np.where(chosen, shaped, 0.0), 0.0).sum(axis=0)
    shrink = 20.0 * max(1.0, float(np.nanmean(np.where(wanted > 0, 1.0, np.nan))) if np.any(wanted > 0) else 1.0)
    return (trailing.decayed(observed, 1e6, gap) + shrink) / (trailing.decayed(wanted, 1e6, gap) + shrink)


def _residuals(state: _Level, expected: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weighted squared residuals, means and days, whose trailing sums tell variance ÷ mean."""
    usable = np.isfinite(expected) & (state.exposure > 0)
    weight = np.where(usable, state.weight, 0.0)
    mean = np.where(usable, expected, 0.0)
    return weight * (state.values - mean) ** 2, weight * mean, weight
