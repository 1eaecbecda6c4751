"""How fast metrics are stored, beside a raw binary COPY of the same rows into a bare table of the same server."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import text

from bench import _stack
from python_nodes.domain.metrics import METRICS, MetricPoints
from python_nodes.store import copying, migrate
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.session import Database, engine_for

N_LISTINGS, N_DAYS, ROUNDS = 200, 400, 5
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _points(as_of: datetime, first_listing: int) -> MetricPoints:
    """Every metric told on every row: the widest case."""
    draw = np.random.default_rng(first_listing)
    n_rows = N_LISTINGS * N_DAYS
    return MetricPoints(
        listing_id=np.repeat(np.arange(first_listing, first_listing + N_LISTINGS), N_DAYS),
        day_date=np.tile(np.arange(np.datetime64("2025-01-26"), np.datetime64("2025-01-26") + N_DAYS), N_LISTINGS),
        source="bench",
        as_of_at=as_of,
        values={name: draw.random(n_rows) * 100 for name in METRICS},
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _raw_columns(points: MetricPoints) -> dict[str, Any]:
    n_rows = len(points.listing_id)
    moment = np.datetime64(points.as_of_at.replace(tzinfo=None), "us")
    return {
        "tenant_id": np.ones(n_rows, np.int64), "listing_id": points.listing_id, "day_date": points.day_date,
        "source": np.full(n_rows, points.source, object), "as_of_at": np.full(n_rows, moment), **points.values,
    }  # fmt: skip


def _measure(owner_url: str, app_url: str) -> dict[str, float]:
    tenant = migrate.create_tenant(owner_url, "bench", "EUR")
    database, owner = Database(app_url), engine_for(owner_url)
    store = PostgresMetricStore(database)
    told = ", ".join(f"{name} float8" for name in METRICS)
    with owner.begin() as conn:
        conn.execute(text(
            "CREATE TABLE raw (tenant_id bigint, listing_id bigint, day_date date, source text,"
            f" as_of_at timestamptz, {told})"
        ))  # fmt: skip

    def raw_copy(encoded: BytesIO) -> None:
        with owner.begin() as conn, conn.connection.driver_connection.cursor() as cursor:
            cursor.copy_expert("COPY raw FROM STDIN BINARY", encoded)

    taken: dict[str, list[float]] = {"raw": [], "write": [], "rewrite": []}
    # Round by round, so that a busy moment of the machine falls on all three; the first round only warms up.
    for turn in range(ROUNDS + 1):
        points = _points(AS_OF, 1 + turn * N_LISTINGS)
        fresher = MetricPoints(points.listing_id, points.day_date, points.source, AS_OF + timedelta(hours=1), {
            name: values + 1 for name, values in points.values.items()
        })  # fmt: skip
        encoded = copying.wire_format(_raw_columns(points))  # not the peer's work: it gets its bytes for nothing
        one = {
            "raw": _seconds(lambda encoded=encoded: raw_copy(encoded)),
            "write": _seconds(lambda points=points: store.write(tenant, points)),
            "rewrite": _seconds(lambda points=fresher: store.write(tenant, points)),
        }
        for name, seconds in one.items():
            taken[name] += [seconds] if turn else []
    database.dispose()
    owner.dispose()
    return {name: N_LISTINGS * N_DAYS / median(seconds) for name, seconds in taken.items()}


def run() -> list[dict[str, Any]]:
    """Measure write and re-write (each value changed) in rows a second; the goals are the issue's."""
    with _stack.scratch() as directory, _stack.postgres(directory) as urls:
        rates = _measure(urls.owner, urls.app)
    return [
        {
            "name": f"store {name}, {len(METRICS)} metrics a row", "value": rates[name], "unit": "rows/s",
            "peer": "raw binary COPY, no index", "peer_value": rates["raw"], "ratio": rates[name] / rates["raw"],
            "goal": goal, "holds": rates[name] / rates["raw"] >= goal,
        }
        for name, goal in (("write", 0.30), ("rewrite", 0.15))
    ]  # fmt: skip
