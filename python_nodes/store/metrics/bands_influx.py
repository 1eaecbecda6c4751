"""Bands in InfluxDB: measurement ``bands``, one series a listing and metric, one point a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from python_nodes.domain.metrics import BandMatrix
from python_nodes.store.metrics import band_rows, influx_lines, influx_tables
from python_nodes.store.metrics.band_rows import PARTS
from python_nodes.store.metrics.influx_http import InfluxHttp, literal
from python_nodes.store.metrics.influx_lines import BANDS, DAY_NS

SOURCE = "screen"
"""Who says what was expected; the tag that ``metrics`` has too."""


def write(http: InfluxHttp, tenant_id: int, bands: BandMatrix) -> int:
    """Do as ``MetricStore.write_bands``."""
    sent = 0
    for metric in bands.expected:
        rows = band_rows.of(bands, metric)
        parts = {name: rows[name] for name in PARTS}
        for body in influx_lines.bands(tenant_id, metric, SOURCE, rows["listing_id"], rows["day"], parts):
            http.write(body)
        sent += len(rows["listing_id"])
    return sent


def read(
    http: InfluxHttp, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date
) -> BandMatrix:
    """Do as ``MetricStore.read_bands``."""
    found = band_rows.empty(metrics, listing_ids, start, end)
    select, kinds = f"SELECT {', '.join(PARTS)} FROM {BANDS}", dict.fromkeys(PARTS, pl.Float64)
    for metric in found.expected:
        where = [*influx_tables.conditions(tenant_id, start, end), f"metric = {literal(metric)}"]
        for listing, frame in influx_tables.of_listings(http, select, kinds, found.listing_ids, where, "listing"):
            days = (frame["time"].to_numpy() // DAY_NS).astype("datetime64[D]")
            band_rows.put(found, metric, listing, days, [frame[name].to_numpy() for name in PARTS])
    return found
