"""What is usual, as people may look it up: weekday and month profiles of listings and markets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from python_nodes.domain.metrics import DayArray, FloatArray, IntArray
from python_nodes.domain.portfolio import ListingInfo

POOL_DAYS = 28.0


@dataclass(frozen=True, slots=True)
class Seasonal:
    """Level and shape of ``n`` rows.

    ``level`` (n,) is the mean of the told days, NaN without any; ``weekday`` (n, 7) from Monday and ``month`` (n, 12)
    from January are multiples of it, NaN where there is no level; ``told_days`` (n,).
    """

    level: FloatArray
    weekday: FloatArray
    month: FloatArray
    told_days: IntArray


def seasonal(values: FloatArray, days: DayArray, pool: FloatArray | None = None) -> Seasonal:
    """Return the weekday and month profile of each row.

    Parameters
    ----------
    values : ndarray, shape (n, n_days)
        Counts a day; NaN is missing and is left out, never taken for 0.
    days : ndarray of datetime64[D], shape (n_days,)
    pool : ndarray, shape (n_days,), optional
        What stands in for a row that tells little: ``POOL_DAYS`` days of its shape are mixed into each factor. The mean
        of the rows' shapes by default.

    Returns
    -------
    Seasonal
    """
    told = np.isfinite(values)
    known = np.where(told, values, 0.0)
    count = told.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.where(count > 0, known.sum(axis=1) / count, np.nan)
    share = known.sum(axis=0) / np.maximum(np.where(told, np.nan_to_num(level)[:, None], 0.0).sum(axis=0), 1e-12)
    usual = share if pool is None else pool
    weekday = (days.astype("datetime64[D]").astype(np.int64) + 3) % 7
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    return Seasonal(
        level, _factors(known, told, level, weekday, 7, usual), _factors(known, told, level, month, 12, usual), count
    )


def _factors(
    known: FloatArray, told: np.ndarray, level: FloatArray, part: IntArray, parts: int, usual: FloatArray
) -> FloatArray:
    """Return what each part of the week or year is of the level, shrunk to the usual by ``POOL_DAYS`` days."""
    marks = np.zeros((part.size, parts))
    marks[np.arange(part.size), part] = 1.0
    seen = marks.sum(axis=0)
    pooled = np.where(seen > 0, (usual @ marks) / np.maximum(seen, 1.0), 1.0)
    count = told.astype(np.float64) @ marks
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(level[:, None] > 0, (known @ marks) / level[:, None], 0.0)
    factors = (own + POOL_DAYS * pooled) / (np.where(level[:, None] > 0, count, 0.0) + POOL_DAYS)
    return np.asarray(np.where(np.isfinite(level)[:, None], factors, np.nan))


def by_market(values: FloatArray, listings: Sequence[ListingInfo]) -> tuple[list[str], FloatArray]:
    """Return the markets' names and the sums of their listings' values, (n_markets, n_days), NaN where none told."""
    names, groups = np.unique([listing.market for listing in listings], return_inverse=True)
    marks = (groups[None, :] == np.arange(names.size)[:, None]).astype(np.float64)
    told = marks @ np.isfinite(values).astype(np.float64)
    return [str(name) for name in names], np.where(told > 0, marks @ np.nan_to_num(values), np.nan)
