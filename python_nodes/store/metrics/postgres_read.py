"""Series out of ``metrics_daily``, as one matrix: only rows that tell are read, and no row is sorted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from python_nodes.domain.metrics import DayArray, FloatArray, IntArray, MetricMatrix
from python_nodes.store import copying, wide_read

# Of each listing the last day that tells, from the end of its rows in the primary key.
_LAST_TOLD = """
SELECT one.id, m.day_date FROM unnest(CAST(:ids AS bigint[])) AS one (id) CROSS JOIN LATERAL (
  SELECT k.day_date FROM metrics_daily k WHERE k.listing_id = one.id AND k.day_date <= :until AND k.{} IS NOT NULL
  ORDER BY k.day_date DESC LIMIT 1) m
"""


def read(conn: Connection, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date) -> MetricMatrix:
    """Return known metrics, both ends inclusive; of several sources the newest as-of, then the last by name, wins."""
    wanted = np.asarray(listing_ids, dtype=np.int64)
    days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    chosen = "".join(f", coalesce({name}, 'NaN')" for name in metrics)
    tells = " OR ".join(f"{name} IS NOT NULL" for name in metrics) or "false"
    query = (
        f"SELECT listing_id, day_date, as_of_at{chosen} FROM metrics_daily"
        f" WHERE listing_id = ANY(%s) AND day_date BETWEEN %s AND %s AND ({tells})"
    )
    kinds = {"listing_id": "i8", "day_date": "D", "as_of_at": "us", **dict.fromkeys(metrics, "f8")}
    filled = {name: np.full(len(wanted) * len(days), np.nan) for name in metrics}
    rows = wide_read.fetch(conn, query, wanted, (start, end), kinds)
    cell = _cells(rows, wanted, days)
    done = [_fill(told, cell, rows["as_of_at"], rows[name]) for name, told in filled.items()]
    if not all(done):
        # Told twice as of one moment: the name of the source decides.
        rows = copying.fetch(conn, f"{query} ORDER BY as_of_at, source", (wanted.tolist(), start, end), kinds)
        cell = _cells(rows, wanted, days)
        for name, told in filled.items():
            at = np.flatnonzero(~np.isnan(rows[name]))
            told[cell[at]] = rows[name][at]
    shape = (len(wanted), len(days))
    return MetricMatrix(
        listing_ids=wanted, days=days, values={name: told.reshape(shape) for name, told in filled.items()}
    )


def _cells(rows: NDArray[np.void], wanted: IntArray, days: DayArray) -> IntArray:
    if not len(rows):
        return np.empty(0, dtype=np.int64)
    order = np.argsort(wanted)
    at = order[np.searchsorted(wanted, rows["listing_id"], sorter=order)]
    return np.asarray(at * len(days) + (rows["day_date"] - days[0]).astype(np.int64), dtype=np.int64)


def _fill(filled: FloatArray, cell: IntArray, as_of_at: NDArray[np.datetime64], values: FloatArray) -> bool:
    """Put told values in their cells, the newest last; False if two of a cell are equally new."""
    told = np.flatnonzero(~np.isnan(values))
    filled[cell[told]] = values[told]
    if np.count_nonzero(~np.isnan(filled)) == len(told):
        return True
    told = told[np.lexsort((as_of_at[told], cell[told]))]
    filled[cell[told]] = values[told]
    alike = (np.diff(cell[told]) == 0) & (np.diff(as_of_at[told]) == np.timedelta64(0, "us"))
    return not alike.any()


def last_told_day(conn: Connection, metric: str, listing_ids: Sequence[int], until: date) -> DayArray:
    """Return (len(listing_ids),) datetime64[D]: the last day up to ``until`` on which ``metric`` is told, or NaT."""
    ids = [int(one) for one in listing_ids]
    query = text(_LAST_TOLD.format(metric))
    known = {int(row[0]): row[1] for row in conn.execute(query, {"ids": ids, "until": until})}
    return np.array([known.get(one) for one in ids], dtype="datetime64[D]")
