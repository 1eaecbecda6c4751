"""Metrics that are not in PostgreSQL, asked of and told to their store as any report is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from python_nodes.backup.manifest import Progress
from python_nodes.domain.metrics import METRICS, MetricPoints, MetricStore

FIRST, LAST = date(1990, 1, 1), date(2200, 1, 1)
"""Before and after anything that is told of."""
_KEYS: dict[str, pl.DataType | type[pl.DataType]] = {
    "listing_id": pl.Int64,
    "day_date": pl.Date,
    "source": pl.String,
    "as_of_at": pl.Datetime("us", "UTC"),
}
SCHEMA = pl.Schema({**_KEYS, **dict.fromkeys(METRICS, pl.Float64)})


def write(store: MetricStore, tenant_id: int, listing_ids: Sequence[int], file: Path, progress: Progress) -> int:
    """Write all that is told of the listings, with who told it when; returns the rows."""
    frames = [pl.DataFrame(schema=SCHEMA)]
    for number, listing_id in enumerate(listing_ids, start=1):
        frames += [_frame(points) for points in store.told_by(tenant_id, listing_id, FIRST, LAST)]
        progress(f"metrics of tenant {tenant_id}", number, len(listing_ids))
    whole = pl.concat(frames)
    whole.write_parquet(file, compression="zstd")
    return whole.height


def read(store: MetricStore, tenant_id: int, file: Path, progress: Progress) -> int:
    """Tell the store all of it again, the oldest report first; returns the rows."""
    whole = pl.read_parquet(file)
    told = whole.sort("as_of_at", "source").partition_by("as_of_at", "source", maintain_order=True)
    for number, one in enumerate(told, start=1):
        store.write(tenant_id, _points(one))
        progress(f"metrics of tenant {tenant_id}", number, len(told))
    return whole.height


def _frame(points: MetricPoints) -> pl.DataFrame:
    rows, nothing = len(points.listing_id), np.full(len(points.listing_id), np.nan)
    keys = {
        "listing_id": points.listing_id, "day_date": points.day_date.astype("datetime64[ms]"),
        "source": [points.source] * rows, "as_of_at": [points.as_of_at] * rows,
    }  # fmt: skip
    values = {name: points.values.get(name, nothing) for name in METRICS}
    return pl.DataFrame({**keys, **values}).cast(SCHEMA)


def _points(rows: pl.DataFrame) -> MetricPoints:
    return MetricPoints(
        listing_id=rows["listing_id"].to_numpy(),
        day_date=rows["day_date"].to_numpy().astype("datetime64[D]"),
        source=str(rows["source"][0]),
        as_of_at=rows["as_of_at"][0],
        values={name: rows[name].to_numpy() for name in METRICS},
    )
