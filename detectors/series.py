"""The contract of every detector: a matrix of series over one daily time index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
DayArray = NDArray[np.datetime64]

# Squares of larger values overflow; no reading is that large, so they are held to be infinite, and so missing.
LARGEST = 1e100


@dataclass(frozen=True, slots=True)
class SeriesBatch:
    """Many daily series side by side.

    Parameters
    ----------
    values : ndarray, shape (n_series, n_times)
        Non-negative counts or sizes; what is not finite, or over `LARGEST`, is missing.
    days : ndarray of datetime64[D], shape (n_times,)
        Contiguous and ascending.
    exposure : ndarray, shape (n_series, n_times), optional
        What the values are proportional to (views for bookings). None means one unit a day. A value whose
        exposure is missing is missing.
    holidays : ndarray of bool, shape (n_series, n_times), optional
        True on days on which the series may behave unlike its weekday; known in advance.
    unlearnt : ndarray of bool, shape (n_series, n_times), optional
        True on days that are judged as any other, but say nothing of what is usual: a known incident's.

    Raises
    ------
    ValueError
        If shapes disagree or the days are not contiguous.
    """

    values: FloatArray
    days: DayArray
    exposure: FloatArray | None = None
    holidays: BoolArray | None = None
    unlearnt: BoolArray | None = None

    def __post_init__(self) -> None:
        """Refuse what later broadcasting would silently accept."""
        shape = self.values.shape
        if len(shape) != 2 or self.days.shape != (shape[1],):
            raise ValueError("values must have shape (n_series, n_times) and days (n_times,)")
        for name, array in (("exposure", self.exposure), ("holidays", self.holidays), ("unlearnt", self.unlearnt)):
            if array is not None and array.shape != shape:
                raise ValueError(f"{name} must have the shape of values")
        if shape[1] > 1 and not bool(np.all(np.diff(self.days) == np.timedelta64(1, "D"))):
            raise ValueError("days must be contiguous and ascending")

    def weekday(self) -> IntArray:
        """Return the weekday of each day, Monday 0, shape (n_times,)."""
        return (self.days.astype("datetime64[D]").astype(np.int64) + 3) % 7

    def observed(self) -> BoolArray:
        """Return where a value can be used, shape (n_series, n_times)."""
        usable = np.abs(self.values) <= LARGEST
        return usable if self.exposure is None else usable & (np.abs(self.exposure) <= LARGEST)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What each point should have been, told by the past alone; arrays of shape (n_series, n_times).

    ``expected`` is NaN where the past is too short. ``dispersion`` is variance ÷ mean (≥ 1).
    ``relative_sd`` is the standard error of the level itself, as a share of it, common to neighbouring days.
    ``capped`` are the values with bursts cut, which the expectation and the dispersion are of.
    """

    expected: FloatArray
    dispersion: FloatArray
    relative_sd: FloatArray
    capped: FloatArray

    def of(self, rows: IntArray) -> Forecast:
        """Return that of some series."""
        return Forecast(self.expected[rows], self.dispersion[rows], self.relative_sd[rows], self.capped[rows])
