"""A curve of trend, weekday, year, holidays and events, fitted as a whole by Prophet.

Taylor and Letham 2018, "Forecasting at Scale", The American Statistician 72(1), 37-45. Bands from 400 drawn futures.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.forecast.contract import BoolArray, DayArray, FloatArray, Predicted
from detectors.forecast.past import Past, lay

NAME = "Prophet"
DRAWS = 400
YEAR_WAVES = 3
YEAR_FROM_DAYS = 330
"""With less a yearly curve is told by nothing but its own smoothness."""
MARKS = ("holiday", "event")


def forecast(
    values: FloatArray, days: DayArray, horizon: int, holidays: BoolArray | None, events: BoolArray | None,
    levels: Sequence[float],
) -> Predicted:  # fmt: skip
    """Fit the curve and go on with it; parameters, result and errors as ``contract.Model.forecast``."""
    past = lay(values, days, horizon, holidays, events)
    if past.is_plain:
        return past.level(levels)
    model, frame = _fitted(past)
    drawn, noise = _futures(model, frame[len(past.values) :])
    shares = 0.5 + np.asarray(levels, dtype=np.float64) / 2.0
    lower, upper = (np.quantile(drawn, shares_, axis=1) for shares_ in (1.0 - shares, shares))
    return past.shown(NAME, drawn.mean(axis=1), np.full(past.steps, noise**2), lower, upper, levels)


def _fitted(past: Past) -> tuple[Any, Any]:
    """Return the fitted model and the table of all days."""
    # Imported where it is used: with pandas and Stan it takes two seconds and 100 MB, and the web worker needs none.
    import pandas as pd

    _hush()
    from prophet import Prophet

    used = [name for name, mark in zip(MARKS, past.marks, strict=True) if mark[: len(past.values)].any()]
    frame = pd.DataFrame({"ds": past.days.astype("datetime64[ns]")} | {
        name: mark.astype(np.float64) for name, mark in zip(MARKS, past.marks, strict=True)
    })  # fmt: skip
    told = frame[: len(past.values)].assign(y=past.values)
    model = Prophet(
        weekly_seasonality=True, daily_seasonality=False, uncertainty_samples=DRAWS,
        yearly_seasonality=YEAR_WAVES if len(past.values) >= YEAR_FROM_DAYS else False,
    )  # fmt: skip
    for name in used:
        model.add_regressor(name, standardize=False, prior_scale=1.0)
    # Stan was imported as the model was made, and set a level of its own.
    _hush()
    return model.fit(told, seed=0), frame


def _hush() -> None:
    """Keep what Prophet and Stan say while importing and fitting out of our log: it is no event of ours."""
    for name in ("prophet", "prophet.plot", "cmdstanpy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _futures(model: Any, ahead: Any) -> tuple[FloatArray, float]:
    """Return drawn futures (steps, draws) and the deviation of a day."""
    # Prophet draws from numpy's one global generator: the same series shall be told the same, and no one else another.
    before = np.random.get_state()
    np.random.seed(0)
    try:
        drawn = np.asarray(model.predictive_samples(ahead)["yhat"], dtype=np.float64)
    finally:
        np.random.set_state(before)
    return drawn, float(np.mean(model.params["sigma_obs"]) * model.y_scale)
