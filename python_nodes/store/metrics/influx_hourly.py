"""Readings of each hour, made of the raw ones: the last of each, since a day's figure only grows while the day goes on.

No continuous query of 1.x does it, nor a task of 2.x: both look at the hour that has just ended and never again, and so
would miss what came late, as all does that waited for a server to come back.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO

import polars as pl

from python_nodes.domain.metrics import METRICS
from python_nodes.store.metrics import influx_lines
from python_nodes.store.metrics.influx_http import HOURLY, RAW, InfluxHttp, identifier, literal
from python_nodes.store.metrics.influx_lines import READINGS
from python_nodes.store.metrics.influx_tables import listing_of

HOURS_PER_QUERY = 24
_FIELDS = ("day", *METRICS)
_KINDS = {"time": pl.Int64, "day": pl.Int64, **dict.fromkeys(METRICS, pl.Float64)}


def make(http: InfluxHttp, tenant_id: int, since: datetime, until: datetime) -> int:
    """Write the readings of the whole hours of [since, until); the same hours again are written over."""
    start, end = (one.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for one in (since, until))
    made = 0
    for source in _sources(http, tenant_id, start, end):
        tag = influx_lines.tag_value(source)
        for frame in _hours(http, tenant_id, source, start, end):
            for body in influx_lines.hourly(tenant_id, tag, frame):
                http.write(body, HOURLY)
            made += len(frame)
    return made


def _sources(http: InfluxHttp, tenant_id: int, start: datetime, end: datetime) -> list[str]:
    # Not SHOW TAG VALUES: 2.x looks for them under the database's usual policy, whichever is named.
    where = f"tenant = {literal(str(tenant_id))} AND {_span(start, end)}"
    found = http.rows(f"SELECT last(day) FROM {_raw(http)} WHERE {where} GROUP BY source")
    return [str(series["tags"]["source"]) for series in found]


def _hours(http: InfluxHttp, tenant_id: int, source: str, start: datetime, end: datetime) -> Iterator[pl.DataFrame]:
    chosen = ", ".join(f"last({name}) AS {name}" for name in _FIELDS)
    whose = f"tenant = {literal(str(tenant_id))} AND source = {literal(source)}"
    while start < end:
        upto = min(start + timedelta(hours=HOURS_PER_QUERY), end)
        body = http.table(
            f"SELECT {chosen} FROM {_raw(http)} WHERE {whose} AND {_span(start, upto)}"
            " GROUP BY time(1h), listing fill(none)"
        )
        if body:
            read = pl.read_csv(BytesIO(body), columns=["tags", *_KINDS], schema_overrides=_KINDS)
            told = read.filter(pl.col("day").is_not_null())
            if len(told):
                yield told.with_columns(pl.Series("listing", listing_of(told["tags"])), pl.col("time").alias("at_ns"))
        start = upto


def _raw(http: InfluxHttp) -> str:
    return f"{identifier(http.address.database)}.{identifier(RAW)}.{READINGS}"


def _span(start: datetime, end: datetime) -> str:
    first, last = (int(one.timestamp()) * 1_000_000_000 for one in (start, end))
    return f"time >= {first} AND time < {last}"
