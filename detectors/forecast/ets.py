"""Exponential smoothing: level, damped trend and weekday, each following the series at a rate that is estimated.

ETS(A, Ad, A) on roots (Hyndman, Koehler, Ord, Snyder 2008, *Forecasting with Exponential Smoothing*), by statsmodels.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from detectors.forecast.contract import BoolArray, DayArray, FloatArray, Predicted
from detectors.forecast.past import WEEK, lay

NAME = "ETS"
MEMORY_DAYS = 40 * WEEK
"""Further back nothing of a smoothed state is left, and the fit's cost grows with it."""


def forecast(
    values: FloatArray, days: DayArray, horizon: int, holidays: BoolArray | None, events: BoolArray | None,
    levels: Sequence[float],
) -> Predicted:  # fmt: skip
    """Smooth and go on; parameters, result and errors as ``contract.Model.forecast``."""
    past = lay(values, days, horizon, holidays, events)
    if past.is_plain:
        return past.level(levels)
    filled, added = past.effects()
    middle, spread, noise = smoothed(filled[-MEMORY_DAYS:], past.steps, is_seasonal=True)
    return past.told(NAME, middle + added, spread, levels, noise=noise)


def smoothed(values: FloatArray, steps: int, *, is_seasonal: bool) -> tuple[FloatArray, FloatArray, float]:
    """Fit ETS(A, Ad, A or N) and return mean and deviation of each step, and the deviation of a day.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Without a gap, at least four weeks.
    steps : int
    is_seasonal : bool
        Whether weekdays are part of the model.

    Returns
    -------
    tuple of ndarray (steps,), ndarray (steps,) and float
    """
    # Imported where it is used: with all that it brings it takes a second and 100 MB, and the web worker needs none.
    import pandas as pd
    from statsmodels.tools.sm_exceptions import ConvergenceWarning
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    series = pd.Series(values, index=pd.RangeIndex(len(values)))
    seasonal = {"seasonal": "add", "seasonal_periods": WEEK} if is_seasonal else {}
    # States of forty weeks ago leave no trace; estimating them too takes six times as long and says nothing else.
    model = ETSModel(
        series, error="add", trend="add", damped_trend=True, initialization_method="heuristic", **seasonal
    )  # fmt: skip
    with warnings.catch_warnings():
        # Where the likelihood is flat the search does not end; where it stopped is as good as any, and is judged on the
        # past like the rest.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = model.fit(disp=False, maxiter=200)
    told = fitted.get_prediction(start=len(values), end=len(values) + steps - 1)
    spread = np.sqrt(np.asarray(told.forecast_variance, dtype=np.float64))
    return np.asarray(told.predicted_mean, dtype=np.float64), spread, float(np.sqrt(fitted.mse))
