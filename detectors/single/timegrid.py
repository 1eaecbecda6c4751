"""Lay rows with time stamps of any kind on an even grid, and find its grain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.series import FloatArray, IntArray
from detectors.single.contract import SeriesError

MINUTE_S, HOUR_S, DAY_S, WEEK_S = 60, 3_600, 86_400, 604_800
YEAR_S = 31_557_600
USUAL_S = (
    1, 2, 5, 10, 15, 30, MINUTE_S, 2 * MINUTE_S, 3 * MINUTE_S, 5 * MINUTE_S, 10 * MINUTE_S, 15 * MINUTE_S,
    20 * MINUTE_S, 30 * MINUTE_S, HOUR_S, 2 * HOUR_S, 3 * HOUR_S, 4 * HOUR_S, 6 * HOUR_S, 8 * HOUR_S, 12 * HOUR_S,
    DAY_S, WEEK_S,
)  # fmt: skip
NEAR = 0.05
# Fewer places in a season than this are no season.
MIN_SEASON = 4
# A grid with this many gaps a row has the wrong grain, or is two series in one.
MOST_GAPS = 50


@dataclass(frozen=True, slots=True)
class Grid:
    """An even grid: ``values[i]`` is of time ``start_s + i * grain_s``, NaN where missing; row ``r`` is in ``slot[r]``.

    ``values`` has shape (n_times,), ``slot`` (n_rows,). ``repeated`` counts the rows that share a place with another.
    """

    start_s: float
    grain_s: float
    values: FloatArray
    slot: IntArray
    repeated: int

    def hints(self) -> tuple[int, ...]:
        """Return the calendar's periods in points: a day, a week, a year, as far as they hold four points or more."""
        lengths = [round(period / self.grain_s) for period in (DAY_S, WEEK_S, YEAR_S)]
        return tuple(length for length in lengths if length >= MIN_SEASON)


def lay(times_s: FloatArray, values: FloatArray) -> Grid:
    """Lay rows on a grid whose grain is the usual distance between their times.

    Parameters
    ----------
    times_s : ndarray, shape (n_rows,)
        Seconds since any moment, in any order; rows may share one.
    values : ndarray, shape (n_rows,)
        NaN or infinite where missing. Rows of one place are averaged over what is known.

    Returns
    -------
    Grid

    Raises
    ------
    SeriesError
        If there is no row, a time is not finite, or the rows are too scattered for an even grid.
    """
    if not len(times_s):
        raise SeriesError("there is no row")
    if not np.isfinite(times_s).all():
        raise SeriesError("a row has no time")
    distinct = np.unique(times_s)
    grain_s = grain(distinct)
    start_s = float(distinct[0])
    span = (float(distinct[-1]) - start_s) / grain_s
    if span + 1 > MOST_GAPS * max(len(distinct), 1000):
        raise SeriesError(f"times are too scattered: {len(distinct)} rows over {span:,.0f} steps of {grain_s:g} s")
    slot = np.rint((times_s - start_s) / grain_s).astype(np.int64)
    known = np.isfinite(values)
    size = int(slot.max()) + 1
    counts = np.bincount(slot[known], minlength=size)
    # Sums of huge values would overflow where their mean does not.
    shares = values[known] / counts[slot[known]]
    sums = np.bincount(slot[known], weights=shares, minlength=size)
    laid = np.where(counts > 0, sums, np.nan)
    return Grid(start_s, grain_s, laid, slot, len(slot) - len(np.unique(slot)))


def grain(distinct_s: FloatArray) -> float:
    """Return the usual distance of ascending times in seconds; a usual grain where it is within five per cent of one.

    One time alone has a grain of a second.
    """
    if len(distinct_s) < 2:
        return 1.0
    found = float(np.median(np.diff(distinct_s)))
    nearest = min(USUAL_S, key=lambda usual: abs(np.log(usual / found)))
    return float(nearest) if abs(nearest - found) <= NEAR * nearest else found
