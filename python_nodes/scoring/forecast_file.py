"""A daily series out of a table, and the forecast of it with holidays and events: what `nightporter forecast` does."""

from __future__ import annotations

from collections.abc import Callable, Set
from datetime import date

import numpy as np
import polars as pl

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import DayArray, FloatArray
from python_nodes.errors import PermanentError
from python_nodes.scoring import forecast, single

MOST_DAYS = 4_000
Days = Callable[[date, date], Set[date]]
"""Tells which days between two, both included, are special."""


def daily(table: pl.DataFrame, time: str, value: str) -> tuple[DayArray, FloatArray]:
    """Return a table's days and values, in order and without a hole.

    Parameters
    ----------
    table : polars.DataFrame
        All columns as text; a row a day, in any order.
    time, value : str
        Which columns. A value that is empty or infinite is missing.

    Returns
    -------
    tuple of ndarray of datetime64[D], shape (n,) and ndarray, shape (n,)
        NaN where missing.

    Raises
    ------
    PermanentError
        If a column is not there, a time or a value cannot be read, a day has two rows, or there are too many days.
    """
    single.require(table, time, value)
    at, told = single.days(table[time]), single.numbers(table[value])
    known, count = np.unique(at, return_counts=True)
    if (count > 1).any():
        twice = known[int(np.argmax(count > 1))]
        raise PermanentError(
            f"{twice} has {int(count.max())} rows: a forecast is by day, sum them up before", field=time
        )
    size = int((known[-1] - known[0]).astype(np.int64)) + 1
    if size > MOST_DAYS:
        raise PermanentError(f"{size:,} days are more than {MOST_DAYS:,}", field=time)
    values = np.full(size, np.nan)
    values[(at - known[0]).astype(np.int64)] = told
    return known[0] + np.arange(size), values


def ahead(
    days: DayArray, values: FloatArray, horizon: int, holidays: Days | None, events: Days | None
) -> forecast.Made:  # fmt: skip
    """Forecast the days after the last.

    Parameters
    ----------
    days, values
        As ``daily`` returns them.
    horizon : int
    holidays, events : callable, optional

    Returns
    -------
    forecast.Made

    Raises
    ------
    PermanentError
        If no value is known.
    """
    made = forecast.make(values, days, horizon, *(_marked(days, horizon, one) for one in (holidays, events)))
    if made is None:
        raise PermanentError("no value is known")
    return made


def _marked(days: DayArray, horizon: int, special: Days | None) -> BoolArray | None:
    if special is None:
        return None
    whole = days[0] + np.arange(len(days) + horizon)
    found = sorted(special(whole[0].item(), whole[-1].item()))
    return np.asarray(np.isin(whole, np.array(found, dtype="datetime64[D]")), dtype=np.bool_)
