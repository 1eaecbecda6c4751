"""What is usual, as people may look it up: weekday and month profiles of listings and markets, and groups of peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from python_nodes.domain.metrics import DayArray, FloatArray, IntArray
from python_nodes.domain.portfolio import ListingInfo

PEERS = 8
OTHER_MARKET = 2.0
"""How far apart two markets are, in standard deviations of volume or price: further than most listings of one."""
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


def peers(volume: FloatArray, price: FloatArray, listings: Sequence[ListingInfo], count: int = PEERS) -> IntArray:
    """Return the rows of each listing's nearest others.

    Parameters
    ----------
    volume : ndarray, shape (n,)
        Bookings a day; NaN counts as none.
    price : ndarray, shape (n,)
        Base price in one currency.
    listings : sequence of ListingInfo
    count : int

    Returns
    -------
    ndarray of int, shape (n, min(count, n - 1))
        Nearest first, by the logs of volume and price, standardised, and the market; units of the listing's own unit on
        other channels are not its peers.
    """
    n = len(listings)
    if n < 2:
        return np.zeros((n, 0), dtype=np.int64)
    markets = np.unique([listing.market for listing in listings], return_inverse=True)[1]
    units = np.array([listing.unit_id for listing in listings], dtype=np.int64)
    apart = np.zeros((n, int(markets.max()) + 1))
    apart[np.arange(n), markets] = OTHER_MARKET / np.sqrt(2.0)
    features = np.column_stack([_standard(np.nan_to_num(volume) + 0.01), _standard(np.maximum(price, 1.0)), apart])
    channels = int(np.bincount(np.unique(units, return_inverse=True)[1]).max())
    asked = min(count + channels, n)
    near = np.asarray(cKDTree(features).query(features, k=np.arange(1, asked + 1))[1], dtype=np.int64)
    own = units[near] == units[:, None]
    order = np.argsort(own, axis=1, kind="stable")
    kept = min(count, int((~own).sum(axis=1).min()))
    return np.asarray(np.take_along_axis(near, order, axis=1)[:, :kept])


def _standard(values: FloatArray) -> FloatArray:
    logs = np.log(values)
    return np.asarray((logs - logs.mean()) / max(float(logs.std()), 1e-9))
