"""Bands in PostgreSQL: one row a listing, metric and day in ``metric_bands``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from sqlalchemy import Connection, text

from python_nodes.domain.metrics import BandMatrix
from python_nodes.store import copying
from python_nodes.store.metrics import band_rows, single_writer
from python_nodes.store.metrics.band_rows import PARTS
from python_nodes.store.session import current_tenant

_UPSERT = text("""
INSERT INTO metric_bands AS b (listing_id, metric, day, expected, lower, upper)
SELECT listing_id, metric, day, expected, lower, upper FROM pg_temp.staged_bands
ON CONFLICT (tenant_id, listing_id, metric, day)
DO UPDATE SET expected = excluded.expected, lower = excluded.lower, upper = excluded.upper
WHERE (b.expected, b.lower, b.upper) IS DISTINCT FROM (excluded.expected, excluded.lower, excluded.upper)
""")
_READ = (
    "SELECT listing_id, day, expected, lower, upper FROM metric_bands"
    " WHERE listing_id = ANY(%s) AND metric = %s AND day BETWEEN %s AND %s"
)
_KINDS = {"listing_id": "i8", "day": "D", **dict.fromkeys(PARTS, "f8")}


def write(conn: Connection, bands: BandMatrix) -> int:
    """Do as ``MetricStore.write_bands`` within the caller's transaction."""
    made = {metric: band_rows.of(bands, metric) for metric in bands.expected}
    told = {metric: rows for metric, rows in made.items() if len(rows["listing_id"])}
    if not told:
        return 0
    columns = {name: np.concatenate([rows[name] for rows in told.values()]) for name in _KINDS}
    lengths = [len(rows["listing_id"]) for rows in told.values()]
    # Two that write the same rows in different order would wait for each other for ever.
    single_writer.wait(conn, current_tenant(conn))
    copying.stage(conn, "staged_bands", {"metric": np.repeat(np.array(list(told), dtype=object), lengths), **columns})
    conn.execute(_UPSERT)
    return sum(lengths)


def read(conn: Connection, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date) -> BandMatrix:
    """Do as ``MetricStore.read_bands`` within the caller's transaction."""
    found = band_rows.empty(metrics, listing_ids, start, end)
    ids = found.listing_ids.tolist()
    for metric in found.expected if ids else ():
        rows = copying.fetch(conn, _READ, (ids, metric, start, end), _KINDS)
        band_rows.put(found, metric, rows["listing_id"], rows["day"], [rows[name] for name in PARTS])
    return found
