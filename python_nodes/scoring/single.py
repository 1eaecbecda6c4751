"""One series out of a table, judged point by point: what `nightporter detect` does between reading and writing."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from detectors.single import offline, online, timegrid
from detectors.single.contract import Scores, SeriesError
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import DayArray, FloatArray
from python_nodes.errors import PermanentError

FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
ZONE = r"(?i)[T\s]\S*?(Z|[+-]\d{2}:?\d{2})$"
STAMP = r"^\d{9,13}(\.\d+)?$"
MISSING = ("", "nan", "na", "n/a", "null", "none", "-")
INFINITE = ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")


def score_table(
    table: pl.DataFrame,
    time: str,
    value: str,
    *,
    is_offline: bool = False,
    progress: Callable[[int, int], None] | None = None,
    event_days: Callable[[date, date], Set[date]] | None = None,
) -> pl.DataFrame:
    """Return the table's rows in their order with what is known of each.

    Parameters
    ----------
    table : polars.DataFrame
        All columns as text, as they came.
    time, value : str
        Which columns. Times are ISO 8601 (all with a zone or all without), or seconds or milliseconds since 1970.
        A value that is empty or infinite is missing.
    is_offline : bool
        Judge each point by all others instead of by its past.
    progress : callable, optional
        Told points done and points in all.
    event_days : callable, optional
        Told the first and the last day, on the clock that the times are written by, says which days in between are
        known to be unlike others. Nothing is learnt from their rows, and none of them is called.

    Returns
    -------
    polars.DataFrame
        The two columns, then expected, lower, upper, p_value, score, is_anomaly; never NaN, never null. With
        ``event_days`` also is_event.

    Raises
    ------
    PermanentError
        If a column is not there, a time or a value cannot be read, or nothing is known.
    """
    require(table, time, value)
    try:
        grid = timegrid.lay(seconds(table[time]), numbers(table[value]))
        columns = []
        if event_days is not None:
            is_event = _on_event(days(table[time]), event_days)
            grid = _hidden(grid, is_event)
            columns = [pl.Series("is_event", is_event)]
        scores = _scores(grid, is_offline, progress)
    except SeriesError as error:
        raise PermanentError(str(error)) from None
    return table.select(time, value).with_columns(_columns(scores, grid) + columns)


def _on_event(on: DayArray, event_days: Callable[[date, date], Set[date]]) -> BoolArray:
    """Return which rows' days are known to be unlike others."""
    first, last = on.min().item(), on.max().item()
    return np.isin(on, np.array(sorted(event_days(first, last)), dtype="datetime64[D]"))


def _hidden(grid: timegrid.Grid, rows: BoolArray) -> timegrid.Grid:
    """Return the grid with the rows' places missing: so they are neither learnt from nor judged."""
    values = grid.values.copy()
    values[grid.slot[rows]] = np.nan
    if not np.isfinite(values).any():
        raise PermanentError("every row with a value is on a holiday or an event's day: nothing is left to judge")
    return replace(grid, values=values)


def require(table: pl.DataFrame, *columns: str) -> None:
    """Refuse a table without one of the columns, or without rows."""
    for column in columns:
        if column not in table.columns:
            raise PermanentError(f"there is no column {column}; there are {', '.join(table.columns)}", field=column)
    if table.is_empty():
        raise PermanentError("there is no row")


def _scores(grid: timegrid.Grid, is_offline: bool, progress: Callable[[int, int], None] | None) -> Scores:
    if is_offline:
        return offline.detect(grid.values, grid.hints())
    size = len(grid.values)
    return online.detect(
        grid.values, grid.hints(), progress=None if progress is None else lambda done: progress(done, size)
    )


def _columns(scores: Scores, grid: timegrid.Grid) -> list[pl.Series]:
    """Hand each row what is known of its place; before the first known value that value stands in for the expected."""
    first = grid.values[np.flatnonzero(np.isfinite(grid.values))[0]]
    bands = {name: getattr(scores, name)[grid.slot] for name in ("expected", "lower", "upper")}
    columns = [pl.Series(name, np.where(np.isfinite(band), band, first)) for name, band in bands.items()]
    columns += [pl.Series(name, getattr(scores, name)[grid.slot]) for name in ("p_value", "score", "is_anomaly")]
    return columns


def days(told: pl.Series) -> DayArray:
    """Return the day of each time on the clock that it is written by; of seconds since 1970 in UTC."""
    text = _text(told)
    zone = None if text.str.contains(STAMP).all() else text.str.extract(ZONE)
    local_s = seconds(told) + (0.0 if zone is None else _offsets_s(zone))
    return np.floor(local_s / 86_400.0).astype(np.int64).astype("datetime64[D]")


def _text(told: pl.Series) -> pl.Series:
    return told.cast(pl.String).fill_null("").str.strip_chars()


def seconds(told: pl.Series) -> FloatArray:
    """Return times as seconds since 1970 in UTC; those without a zone are taken to be UTC."""
    text = _text(told)
    if text.str.contains(STAMP).all():
        stamps = text.cast(pl.Float64).to_numpy()
        return np.where(stamps >= 1e11, stamps / 1000.0, stamps)
    zone = text.str.extract(ZONE)
    if 0 < zone.null_count() < len(zone):
        row = zone.is_null().arg_max() if zone[0] is not None else zone.is_not_null().arg_max()
        raise PermanentError(
            f"some times have a zone and some have none; the first to differ is in row {(row or 0) + 1}"
        )
    local = text.str.replace(r"(?i)(Z|[+-]\d{2}:?\d{2})$", "") if not zone.null_count() else text
    local = local.str.strip_chars().str.replace(r"\s+", "T")
    parsed = pl.select(
        pl.coalesce(local.str.to_datetime(each, strict=False, time_unit="us") for each in FORMATS)
    ).to_series()
    if parsed.null_count():
        row = parsed.is_null().arg_max() or 0
        raise PermanentError(f"row {row + 1}: {text[row]!r} is no time (wanted: ISO 8601, or seconds since 1970)")
    return parsed.dt.epoch("us").to_numpy() / 1e6 - _offsets_s(zone)


def _offsets_s(zone: pl.Series) -> FloatArray:
    """Return how far each zone is ahead of UTC; 0 without one."""
    parts = zone.str.to_uppercase().str.replace("Z", "+00:00").str.replace(":", "").fill_null("+0000")
    sign = np.where(parts.str.starts_with("-").to_numpy(), -1.0, 1.0)
    hours, minutes = (parts.str.slice(at, 2).cast(pl.Float64).to_numpy() for at in (1, 3))
    return np.asarray(sign * (hours * 3600.0 + minutes * 60.0), dtype=np.float64)


def numbers(told: pl.Series) -> FloatArray:
    """Return values as numbers, NaN where missing or infinite."""
    text = _text(told).str.to_lowercase()
    missing = text.is_in([*MISSING, *INFINITE])
    parsed = text.cast(pl.Float64, strict=False)
    wrong = parsed.is_null() & ~missing
    if wrong.any():
        row = wrong.arg_max() or 0
        raise PermanentError(f"row {row + 1}: {told[row]!r} is no number", field=told.name)
    values = parsed.fill_null(float("nan")).to_numpy().copy()
    values[~np.isfinite(values)] = np.nan
    return values
