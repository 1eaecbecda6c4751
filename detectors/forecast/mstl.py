"""Decomposition into trend, week and, from two years on, year (MSTL); the rest is smoothed, the seasons repeat.

Bandara, Hyndman and Bergmeir 2021, "MSTL: A Seasonal-Trend Decomposition Algorithm for Time Series with Multiple
Seasonal Patterns", arXiv:2107.13462; by statsmodels. Loess windows are periodic, so a season is of the whole past.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.forecast.contract import BoolArray, DayArray, FloatArray, Predicted
from detectors.forecast.ets import MEMORY_DAYS, smoothed
from detectors.forecast.past import WEEK, lay

NAME = "MSTL"
YEAR = 364
"""52 weeks, so that weekdays stay themselves."""


def forecast(
    values: FloatArray, days: DayArray, horizon: int, holidays: BoolArray | None, events: BoolArray | None,
    levels: Sequence[float],
) -> Predicted:  # fmt: skip
    """Decompose, smooth what is no season, add it up; parameters, result, errors as ``contract.Model.forecast``."""
    # Imported where it is used, as in ``ets``.
    from statsmodels.tsa.seasonal import MSTL

    past = lay(values, days, horizon, holidays, events)
    if past.is_plain:
        return past.level(levels)
    filled, added = past.effects()
    periods = (WEEK, YEAR) if len(filled) > 2 * YEAR else (WEEK,)
    # A weekday's window of 25 weeks: eleven, the default of the method, follows the noise of single listings.
    windows = (25, 15)[: len(periods)]
    found = MSTL(filled, periods=periods, windows=windows).fit()
    seasons = np.asarray(found.seasonal, dtype=np.float64).reshape(len(filled), -1)
    rest = filled - seasons.sum(axis=1)
    middle, spread, noise = smoothed(rest[-MEMORY_DAYS:], past.steps, is_seasonal=False)
    step = np.arange(past.steps)
    for column, period in enumerate(periods):
        middle = middle + seasons[-period:, column][step % period]
    return past.told(NAME, middle + added, spread, levels, noise=noise)
