"""Level × weekday × slow annual season × holiday, all causal, for every series at once.

``expected[t] = exposure[t] * level[t] * weekday[t] * season[t] * holiday[t]``. Everything behind the point at ``t`` is
learnt from days up to ``t - gap_days``: the scored point is never in its own fit, and neither is a problem that began
up to ``gap_days`` ago. Days that belong to a run far under their expectation weigh a tenth, so that a past
problem does not become normal; bursts can be cut.

What series learn from one another (the shape of the week, holidays, the season, the dispersion) stands in `Priors`,
an explicit input: with equal priors a series scores the same alone and in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

from detectors import families
from detectors.series import FloatArray, Forecast, SeriesBatch

YEAR_DAYS = 364
"""52 weeks: the same weekday a year ago."""
RUN_DAYS = 7


@dataclass(frozen=True, slots=True)
class Params:
    """Settings of the baseline; strengths are in days of pooled evidence.

    ``burst_cap_sd`` cuts a value above that many Poisson deviations over its level (None: never); ``level_drift`` is
    how far a true level may have moved across the gap, as a share; ``band_columns`` is how many last days get a band.
    """

    level_half_life_days: float = 42.0
    weekday_half_life_days: float = 140.0
    gap_days: int = 10
    min_history_days: float = 28.0
    weekday_strength_days: float = 200.0
    dispersion_strength_days: float = 90.0
    season_weight: float = 0.0
    burst_cap_sd: float | None = None
    level_drift: float = 0.05
    band_tail: float = 0.005
    band_columns: int = 60


@dataclass(frozen=True, slots=True)
class Priors:
    """Pooled, causal: ``weekday`` (7, n_times), ``holiday``, ``season`` and ``dispersion`` (n_times,)."""

    weekday: FloatArray
    holiday: FloatArray
    season: FloatArray
    dispersion: FloatArray


@dataclass(frozen=True, slots=True)
class _Level:
    """Values and exposure with gaps as zeros, and the trailing level they lead to."""

    values: FloatArray
    exposure: FloatArray
    weight: FloatArray
    level: FloatArray
    evidence: FloatArray
    days: FloatArray


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
    state = _robust_level(batch, params)
    plain = state.level * state.exposure
    weekday = _pooled_weekday(batch, state, plain, params)
    season = _season(state, params)
    shaped = plain * np.take_along_axis(weekday, batch.weekday()[None, :], axis=0) * season
    holiday = _holiday(batch, state, shaped, params)
    if batch.holidays is not None:
        shaped = shaped * np.where(batch.holidays, holiday, 1.0)
    squares, means, _ = _residual_sums(state, shaped, params)
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = squares.sum(axis=0) / means.sum(axis=0)
    return Priors(weekday, holiday, season, np.where(np.isfinite(pooled), np.maximum(pooled, 1.0), 1.0))


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
    state = _robust_level(batch, params)
    plain = state.level * state.exposure
    expected = plain * _own_weekday(batch, state, plain, priors, params) * priors.season
    if batch.holidays is not None:
        expected = expected * np.where(batch.holidays, priors.holiday, 1.0)
    squares, means, days = _residual_sums(state, expected, params)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(means > 0, squares / means, priors.dispersion)
        strength = params.dispersion_strength_days
        dispersion = np.maximum((own * days + priors.dispersion * strength) / (days + strength), 1.0)
        relative_sd = np.sqrt(dispersion / np.maximum(state.evidence, 1e-9) + params.level_drift**2)
    expected = np.where((state.days >= params.min_history_days) & (state.level > 0), expected, np.nan)
    lower, upper = _band(expected, dispersion, relative_sd, params)
    capped = np.where(batch.observed(), state.values, np.nan)
    return Forecast(expected, dispersion, relative_sd, lower, upper, capped)


def _decay(values: FloatArray, half_life_days: float, gap_days: int) -> FloatArray:
    """Exponentially weighted sum of the days up to ``t - gap_days``, along the last axis."""
    kept = 0.5 ** (1.0 / half_life_days)
    summed = signal.lfilter([1.0], [1.0, -kept], values, axis=-1)
    lagged = np.zeros_like(summed)
    if gap_days < summed.shape[-1]:
        lagged[..., gap_days:] = summed[..., : summed.shape[-1] - gap_days]
    return np.asarray(lagged, dtype=np.float64)


def _level(values: FloatArray, exposure: FloatArray, weight: FloatArray, params: Params) -> _Level:
    """Return the trailing ratio of values to exposure, with the evidence behind it."""
    half_life, gap = params.level_half_life_days, max(params.gap_days, RUN_DAYS)
    total = _decay(values * weight, half_life, gap)
    offered = _decay(exposure * weight, half_life, gap)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.where(offered > 0, total / offered, np.nan)
    kept = 0.5 ** (1.0 / half_life)
    days = _decay(weight * (exposure > 0), half_life, gap) * (1.0 + kept)
    return _Level(values, exposure, weight, level, total * (1.0 + kept), days)


def _robust_level(batch: SeriesBatch, params: Params) -> _Level:
    """Level in two passes: cut bursts and mark far-too-low runs with the first, learn the second without them."""
    seen = batch.observed()
    values = np.where(seen, batch.values, 0.0)
    exposure = np.where(seen, 1.0 if batch.exposure is None else batch.exposure, 0.0)
    weight = seen.astype(np.float64)
    first = _level(values, exposure, weight, params)
    mean = first.level * exposure
    if params.burst_cap_sd is not None:
        cap = np.where(np.isfinite(mean), mean + params.burst_cap_sd * np.sqrt(mean) + 1.0, np.inf)
        values = np.minimum(values, cap)
    return _level(values, exposure, weight * np.where(_low_run(values, mean), 0.1, 1.0), params)


def _low_run(values: FloatArray, mean: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which days lie in a week under half its mean that chance (variance twice the mean) hardly brings."""
    known = np.where(np.isfinite(mean), mean, 0.0)
    window = np.ones(RUN_DAYS)
    observed = signal.lfilter(window, [1.0], np.where(np.isfinite(mean), values, 0.0), axis=-1)
    wanted = signal.lfilter(window, [1.0], known, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        low = (observed < 0.5 * wanted) & ((wanted - observed) > 3.5 * np.sqrt(2.0 * wanted))
    # A day is in the run if any of the weeks that end on it or up to six days later is low.
    reversed_low = low[:, ::-1].astype(np.float64)
    return np.asarray(signal.lfilter(window, [1.0], reversed_low, axis=-1)[:, ::-1] > 0.5, dtype=np.bool_)


def _weekday_sums(
    batch: SeriesBatch, state: _Level, plain: FloatArray, day: int, params: Params
) -> tuple[FloatArray, FloatArray]:
    """Trailing sums of values and of level-only expectations on one weekday."""
    chosen = (batch.weekday() == day) & np.isfinite(plain)
    weight = np.where(chosen, state.weight, 0.0)
    gap = max(params.gap_days, RUN_DAYS)
    filled = np.where(np.isfinite(plain), plain, 0.0)
    half_life = params.weekday_half_life_days
    return _decay(weight * state.values, half_life, gap), _decay(weight * filled, half_life, gap)


def _pooled_weekday(batch: SeriesBatch, state: _Level, plain: FloatArray, params: Params) -> FloatArray:
    """Return the week's shape over all series, (7, n_times), shrunk a little to flat."""
    rows = []
    for day in range(7):
        observed, wanted = _weekday_sums(batch, state, plain, day, params)
        total = wanted.sum(axis=0)
        rows.append((observed.sum(axis=0) + 20.0) / (total + 20.0))
    return np.stack(rows)


def _own_weekday(batch: SeriesBatch, state: _Level, plain: FloatArray, priors: Priors, params: Params) -> FloatArray:
    """Return each series' weekday factor, shrunk to the pool's, (n_series, n_times)."""
    factor = np.ones_like(plain)
    weekday = batch.weekday()
    for day in range(7):
        observed, wanted = _weekday_sums(batch, state, plain, day, params)
        columns = weekday == day
        obs, want = observed[:, columns], wanted[:, columns]
        pool = priors.weekday[day, columns]
        # In expected counts a weekday of the pool weighs as strength/7 days at a dispersion of one.
        strength = params.weekday_strength_days / 7.0 * np.maximum(priors.dispersion[columns], 1.0)
        factor[:, columns] = (obs + strength * pool) / (want + strength)
    return factor


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
    total = _decay(np.where(told, last_year, 0.0), params.level_half_life_days, gap)
    count = _decay(told.astype(np.float64), params.level_half_life_days, gap)
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
    return (_decay(observed, 1e6, gap) + shrink) / (_decay(wanted, 1e6, gap) + shrink)


def _residual_sums(state: _Level, expected: FloatArray, params: Params) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Trailing squared residuals, means and days, for variance ÷ mean."""
    usable = np.isfinite(expected) & (state.exposure > 0)
    weight = np.where(usable, state.weight, 0.0)
    mean = np.where(usable, expected, 0.0)
    gap = max(params.gap_days, RUN_DAYS)
    half_life = params.weekday_half_life_days
    squares = _decay(weight * (state.values - mean) ** 2, half_life, gap)
    return squares, _decay(weight * mean, half_life, gap), _decay(weight, half_life, gap)


def _band(
    expected: FloatArray, dispersion: FloatArray, relative_sd: FloatArray, params: Params
) -> tuple[FloatArray, FloatArray]:
    """Return the band of the last columns, with the level's own uncertainty in it."""
    lower = np.full_like(expected, np.nan)
    upper = np.full_like(expected, np.nan)
    start = max(expected.shape[1] - params.band_columns, 0)
    mean = expected[:, start:]
    spread = dispersion[:, start:] + mean * relative_sd[:, start:] ** 2
    lower[:, start:], upper[:, start:] = families.count_band(mean, spread, params.band_tail)
    return lower, upper
