"""Which model speaks of a series: the one that did best on the series' own past, if it did better than the floor.

From each of a few days in the past every model forecasts the stretch after it, by what was known then. Compared is the
mean pinball loss of the bands' ends and of the mean as a median, the quantile form of the CRPS (Gneiting and Raftery
2007); told with it is the mean absolute error over the seasonal naive's within its past (MASE, Hyndman and Koehler
2006). The chosen model's bands are then stretched or drawn in by how far its own past errors went (a split-conformal
factor; Vovk, Gammerman, Shafer 2005).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType

import numpy as np

import detectors.forecast
from detectors.forecast import seasonal_naive
from detectors.forecast.contract import LEVELS, BoolArray, DayArray, FloatArray, Predicted
from detectors.forecast.past import LEVEL, WEEK, lay

ORIGINS = 3
LEAST_PAST_DAYS = 8 * WEEK
"""What must be left before the first origin."""
NARROWEST, WIDEST = 0.6, 2.5
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Chosen:
    """A forecast, and how every model did on the past.

    ``pinball`` and ``mase`` map each model to its mean loss over ``origins`` stretches, in the series' unit and in the
    seasonal naive's errors; empty where the past was too short to ask. ``stretched`` are the bands' factors.
    """

    predicted: Predicted
    pinball: Mapping[str, float]
    mase: Mapping[str, float]
    origins: int
    stretched: tuple[float, ...]


@cache
def models() -> Mapping[str, ModuleType]:
    """Return every model of this package by its name: a file with a ``NAME``."""
    found = (
        importlib.import_module(f"{detectors.forecast.__name__}.{one.name}")
        for one in pkgutil.iter_modules(detectors.forecast.__path__)
    )
    return {module.NAME: module for module in found if hasattr(module, "NAME")}


def choose(
    values: FloatArray, days: DayArray, horizon: int, holidays: BoolArray | None = None,
    events: BoolArray | None = None, levels: Sequence[float] = LEVELS, *, names: Sequence[str] | None = None,
    trial_days: int | None = None,
) -> Chosen:  # fmt: skip
    """Forecast by the model that did best on the series' own past.

    Parameters
    ----------
    values, days, horizon, holidays, events, levels
        As ``contract.Model.forecast``.
    names : sequence of str, optional
        Which models are asked, all by default; the seasonal naive always is.
    trial_days : int, optional
        How far ahead the models are tried on the past; as far as the horizon by default.

    Returns
    -------
    Chosen

    Raises
    ------
    ForecastError
        If no value is known, or the arrays do not fit together.
    """
    past = lay(values, days, horizon, holidays, events)
    if past.is_plain:
        return Chosen(past.level(levels), {}, {}, 0, (1.0,) * len(levels))
    asked = {name: module for name, module in models().items() if names is None or name in names}
    asked[seasonal_naive.NAME] = seasonal_naive
    told = np.where(np.isfinite(values), values, np.nan)
    ahead = horizon if trial_days is None else min(horizon, trial_days)
    origins = _origins(told, ahead)
    tried = {name: [_ahead(module, told, days, at, ahead, holidays, events, levels) for at in origins]
             for name, module in asked.items()} if len(origins) else {}  # fmt: skip
    truth = [told[at : at + ahead] for at in origins]
    loss = {name: _pinball(each, truth) for name, each in tried.items()}
    best = min(loss, key=lambda name: loss[name], default=seasonal_naive.NAME)
    # Equal to the floor is not better than it.
    if not loss or loss[best] >= loss[seasonal_naive.NAME]:
        best = seasonal_naive.NAME
    predicted = asked[best].forecast(values, days, horizon, holidays, events, levels)
    factors = _factors(tried.get(best, []), truth, levels)
    scale = _naive_error(told, origins[0]) if len(origins) else 1.0
    mase = {name: _error(each, truth) / scale for name, each in tried.items()}
    return Chosen(stretched(predicted, factors), loss, mase, len(origins), factors)


def stretched(predicted: Predicted, factors: Sequence[float]) -> Predicted:
    """Return the forecast with each band's ends as many times as far from the mean; wider levels stay the wider."""
    by = np.asarray(factors, dtype=np.float64)[:, None]
    mean = predicted.mean
    lower = np.minimum.accumulate(mean - by * (mean - predicted.lower), axis=0)
    upper = np.maximum.accumulate(mean + by * (predicted.upper - mean), axis=0)
    is_never_negative = bool((predicted.lower >= 0.0).all())
    return replace(predicted, lower=np.maximum(lower, 0.0) if is_never_negative else lower, upper=upper)


def _origins(values: FloatArray, horizon: int) -> list[int]:
    """Return the first days of the stretches that are forecast, the earliest first; each has a known value."""
    found = [len(values) - horizon * back for back in range(ORIGINS, 0, -1)]
    first = int(np.flatnonzero(np.isfinite(values))[0])
    return [
        at for at in found
        if at - first >= LEAST_PAST_DAYS and np.isfinite(values[at : at + horizon]).any()
        and not lay(values[:at], _numbered(at), 1, None, None).is_plain
    ]  # fmt: skip


def _numbered(size: int) -> DayArray:
    return np.datetime64("2000-01-01", "D") + np.arange(size)


def _ahead(
    module: ModuleType, values: FloatArray, days: DayArray, at: int, horizon: int, holidays: BoolArray | None,
    events: BoolArray | None, levels: Sequence[float],
) -> Predicted:  # fmt: skip
    marks = [None if one is None else one[: at + horizon] for one in (holidays, events)]
    found: Predicted = module.forecast(values[:at], days[:at], horizon, *marks, levels)
    return found


def _pinball(told: Sequence[Predicted], truth: Sequence[FloatArray]) -> float:
    """Return the mean pinball loss over all stretches, their quantiles and known days."""
    losses = []
    for one, seen in zip(told, truth, strict=True):
        shares = np.asarray(one.levels)
        at = np.concatenate([0.5 - shares / 2.0, [0.5], 0.5 + shares / 2.0])[:, None]
        away = seen - np.concatenate([one.lower, one.mean[None], one.upper])
        losses.append(np.maximum(at * away, (at - 1.0) * away))
    return float(np.nanmean(np.concatenate(losses, axis=1)))


def _error(told: Sequence[Predicted], truth: Sequence[FloatArray]) -> float:
    return float(np.nanmean(np.abs(np.concatenate([seen - one.mean for one, seen in zip(told, truth, strict=True)]))))


def _naive_error(values: FloatArray, until: int) -> float:
    """Return the seasonal naive's mean absolute error within the past, the unit of MASE."""
    away = np.abs(values[WEEK:until] - values[: until - WEEK])
    known = away[np.isfinite(away)]
    return max(float(known.mean()) if len(known) else 0.0, TINY)


def _factors(told: Sequence[Predicted], truth: Sequence[FloatArray], levels: Sequence[float]) -> tuple[float, ...]:
    """Return by how much each band must be stretched to have held its share of the past errors."""
    if not told or told[0].model == LEVEL:
        return (1.0,) * len(levels)
    factors = []
    for row, level in enumerate(levels):
        reach = [
            np.maximum((seen - one.mean) / np.maximum(one.upper[row] - one.mean, TINY),
                       (one.mean - seen) / np.maximum(one.mean - one.lower[row], TINY))
            for one, seen in zip(told, truth, strict=True)
        ]  # fmt: skip
        known = np.concatenate(reach)
        known = known[np.isfinite(known)]
        share = min(level * (1.0 + 1.0 / max(len(known), 1)), 1.0)
        factors.append(float(np.clip(np.quantile(known, share), NARROWEST, WIDEST)) if len(known) else 1.0)
    return tuple(factors)
