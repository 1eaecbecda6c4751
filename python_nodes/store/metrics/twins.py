"""What every metric store does to a batch first: one row a key, in the order of the key."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.metrics import DayArray, FloatArray, IntArray, MetricPoints


def merge(points: MetricPoints) -> tuple[IntArray, DayArray, dict[str, FloatArray]]:
    """Sort by (listing, day) and let the last told value of each key stand; metrics that tell nothing are left out."""
    days = points.day_date.astype("datetime64[D]")
    told = {name: values for name, values in points.values.items() if not np.isnan(values).all()}
    order = np.lexsort((days, points.listing_id))
    listing, day = points.listing_id[order], days[order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (listing[1:] != listing[:-1]) | (day[1:] != day[:-1])
    if new.all():
        return listing, day, {name: values[order] for name, values in told.items()}
    starts = np.flatnonzero(new)
    merged: dict[str, FloatArray] = {}
    for name, values in told.items():
        placed = np.where(np.isnan(values[order]), -1, np.arange(len(order)))
        last = np.maximum.reduceat(placed, starts)
        merged[name] = np.where(last < 0, np.nan, values[order][np.maximum(last, 0)])
    return listing[starts], day[starts], merged
