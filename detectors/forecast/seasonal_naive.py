"""The floor: each day as the same weekday last week; what does not beat this does not speak.

Bands are of a walk from week to week: the error variance of the ``k``-th week is ``k`` times that of one
(Hyndman and Athanasopoulos, *Forecasting: Principles and Practice*, 5.5).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.forecast.contract import BoolArray, DayArray, FloatArray, Predicted
from detectors.forecast.past import WEEK, lay

NAME = "seasonal naive"


def forecast(
    values: FloatArray, days: DayArray, horizon: int, holidays: BoolArray | None, events: BoolArray | None,
    levels: Sequence[float],
) -> Predicted:  # fmt: skip
    """Repeat the last week; parameters, result and errors as ``contract.Model.forecast``."""
    past = lay(values, days, horizon, holidays, events)
    if past.is_plain:
        return past.level(levels)
    filled, added = past.effects()
    step = np.arange(past.steps)
    weekly = float(np.sqrt(np.mean((filled[WEEK:] - filled[:-WEEK]) ** 2)))
    spread = weekly * np.sqrt(step // WEEK + 1.0)
    # Half of a week's difference is the noise of one day; the other half is that of the day it is held against.
    return past.told(NAME, filled[-WEEK:][step % WEEK] + added, spread, levels, noise=0.0)
