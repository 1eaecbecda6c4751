"""What a forecast is, and what every model of one promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
DayArray = NDArray[np.datetime64]
BoolArray = NDArray[np.bool_]

LEVELS = (0.8, 0.95)


class ForecastError(ValueError):
    """A series that nothing can be said of; the message says why."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """A forecast of ``h`` days by one model.

    ``model`` names who speaks. ``mean`` (h,) is the expected value in the series' unit; ``lower`` and ``upper``
    (n_levels, h) are the ends of the central bands of ``levels``, ascending; a wider band holds the narrower ones.
    Never NaN; never below 0 where the series never was.
    """

    model: str
    levels: tuple[float, ...]
    mean: FloatArray
    lower: FloatArray
    upper: FloatArray


class Model(Protocol):
    """A module of ``detectors.forecast`` with a ``NAME``; found by that."""

    NAME: str

    def forecast(
        self, values: FloatArray, days: DayArray, horizon: int, holidays: BoolArray | None,
        events: BoolArray | None, levels: Sequence[float],
    ) -> Predicted:  # fmt: skip
        """Say what the days after the last one will be.

        Parameters
        ----------
        values : ndarray, shape (n,)
            One a day, any unit; NaN and infinite are missing. Not changed.
        days : ndarray of datetime64[D], shape (n,)
            Contiguous, ascending.
        horizon : int
            Days to say, from the day after the last; at least 1.
        holidays, events : ndarray of bool, shape (n + horizon,), optional
            Which days of history and horizon are public holidays, or have something on nearby.
        levels : sequence of float
            Shares of outcomes that the bands shall hold, ascending, each in (0, 1).

        Returns
        -------
        Predicted
            By the model ``level`` (the mean of the last days) where there are too few known days or all are alike.

        Raises
        ------
        ForecastError
            If no value is known, or the arrays do not fit together.
        """
        ...
