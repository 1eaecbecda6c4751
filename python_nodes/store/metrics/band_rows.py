"""Bands as rows, which stores keep, and as matrices, which stages exchange."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_nodes.domain.metrics import METRICS, BandMatrix, DayArray, FloatArray, IntArray
from python_nodes.errors import PermanentError

PARTS = ("expected", "lower", "upper")


def check(metrics: Sequence[str]) -> None:
    """Refuse a metric that there is not."""
    unknown = sorted(set(metrics) - set(METRICS))
    if unknown:
        raise PermanentError(f"unknown metric {unknown[0]}", field="metric")


def of(bands: BandMatrix, metric: str) -> dict[str, NDArray[Any]]:
    """Return the known (listing, day) of one metric as columns, in the order of the matrix."""
    check([metric])
    row, column = np.nonzero(bands.known(metric))
    return {
        "listing_id": bands.listing_ids[row],
        "day": bands.days[column].astype("datetime64[D]"),
        **{name: getattr(bands, name)[metric][row, column] for name in PARTS},
    }


def empty(metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date) -> BandMatrix:
    """Return a matrix in which nothing is known yet."""
    check(metrics)
    wanted = np.asarray(listing_ids, dtype=np.int64)
    days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    blank = {name: {metric: np.full((len(wanted), len(days)), np.nan) for metric in metrics} for name in PARTS}
    return BandMatrix(listing_ids=wanted, days=days, **blank)


def put(bands: BandMatrix, metric: str, listing: IntArray, day: DayArray, parts: Sequence[FloatArray]) -> None:
    """Set rows of one metric in their places."""
    order = np.argsort(bands.listing_ids)
    at = order[np.searchsorted(bands.listing_ids, listing, sorter=order)] if len(listing) else listing
    column = (day - bands.days[0]).astype(np.int64) if len(listing) else listing
    for name, values in zip(PARTS, parts, strict=True):
        getattr(bands, name)[metric][at, column] = values
