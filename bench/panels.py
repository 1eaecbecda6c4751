"""How long each panel's query takes on 1,000 listings × 400 days, as the role by which Grafana asks.

And, where InfluxDB 1.8 is here, of each panel that shows series how long both ways to it take with the series there:
the console's, which lays what it needs beside PostgreSQL's tables, and Grafana's own InfluxQL.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from bench import _panel_world as world
from bench import _stack
from python_nodes import config, panels, wiring
from python_nodes.local import influx
from python_nodes.panels import Panel
from python_nodes.panels.grafana_query import influxql
from python_nodes.steps import panels as asked
from python_nodes.steps import portfolio_days
from python_nodes.steps.services import Services
from python_nodes.store import migrate, viewers
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxHttp
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.session import Database, engine_for

LISTINGS, DAYS, ROUNDS, GOAL_MS = 1_000, 400, 3, 300.0
SPANS = (90, DAYS)
AS_OF = datetime(world.LAST.year, world.LAST.month, world.LAST.day, 12, tzinfo=UTC)


def _seeded(urls: _stack.Urls) -> tuple[str, int]:
    """Fill one tenant; returns its role's address, and a listing that has alerts."""
    tenant = migrate.create_tenant(urls.owner, "bench", "EUR")
    database = Database(urls.app)
    store = PostgresMetricStore(database)
    world.seed(database, store, tenant, listings=LISTINGS, days=DAYS)
    portfolio_days.refresh(database, store, tenant, AS_OF, DAYS)
    with database.tenant(tenant) as conn:
        listing = int(conn.execute(text("SELECT min(listing_id) FROM alerts")).scalar_one())
    database.dispose()
    _tidied(urls)
    name = viewers.create(urls.admin, urls.owner, "bench", "viewer-secret", "")
    url = engine_for(urls.app).url.set(drivername="postgresql", username=name, password="viewer-secret")
    return url.render_as_string(hide_password=False), listing


def _tidied(urls: _stack.Urls) -> None:
    owner = engine_for(urls.admin)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))
    owner.dispose()


def _parameters(listing: int, span: int) -> dict[str, Any]:
    start = world.LAST - timedelta(days=span - 1)
    return {"market": None, "channel": None, "listing_id": listing, "start": start, "end": world.LAST}


def _slowest_ms(once: Callable[[int], float]) -> float:
    """The slower of both ranges, each the quickest of its rounds: the first of them warms the server's memory."""
    return 1000 * max(min(once(span) for _ in range(ROUNDS)) for span in SPANS)


def _on_postgres(engine: Engine, panel: Panel, listing: int) -> float:
    def once(span: int) -> float:
        bound = {name: value for name, value in _parameters(listing, span).items() if f":{name}" in panel.sql}
        with engine.connect() as conn:
            conn.execute(text("SELECT 1"))
            began = time.perf_counter()
            assert conn.execute(text(panel.sql), bound).all(), panel.name
            return time.perf_counter() - began

    return _slowest_ms(once)


def _by_console(services: Services, tenant_id: int, panel: Panel, listing: int) -> float:
    def once(span: int) -> float:
        with services.database.tenant(tenant_id) as conn:
            began = time.perf_counter()
            rows = asked.rows(services, conn, panel.dashboard, panel.name, _parameters(listing, span))
            assert any(v is not None for row in rows for name, v in row.items() if name != "time"), panel.name
            return time.perf_counter() - began

    return _slowest_ms(once)


def _by_influxql(http: InfluxHttp, panel: Panel, told: Mapping[str, str]) -> float:
    def once(span: int) -> float:
        start = world.LAST - timedelta(days=span - 1)
        before = start - timedelta(days=span)
        within = {
            **told, "range": f"time >= '{start}T00:00:00Z' AND time < '{world.LAST}T23:59:59Z'",
            "before": f"time >= '{before}T00:00:00Z' AND time < '{start}T00:00:00Z'",
        }  # fmt: skip
        statements = influxql(panel, within)
        began = time.perf_counter()
        for statement in statements:
            http.rows(statement)
        return time.perf_counter() - began

    return _slowest_ms(once)


def on_influx() -> list[dict[str, Any]]:
    """Measure the panels of series with these in InfluxDB; nothing where there is no server of it."""
    build = next((one for one in influx.installed() if one.version.startswith("1.8")), None)
    if build is None:
        return []
    with ExitStack() as stack:
        directory = stack.enter_context(_stack.scratch())
        urls = stack.enter_context(_stack.postgres(directory))
        server = stack.enter_context(influx.run(directory / "influx", build))
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        env = _stack.environment(urls.app, "redis://127.0.0.1:1", directory, tenant_id)
        plain = wiring.build_services(config.load({k: v for k, v in env.items() if k not in os.environ}))
        stack.callback(plain.database.dispose)
        http = InfluxHttp(server.address())
        stack.callback(http.close)
        http.create_database()
        services = replace(plain, metrics=InfluxMetricStore(http, plain.database))
        world.seed(services.database, services.metrics, tenant_id, listings=LISTINGS, days=DAYS)
        portfolio_days.refresh(services.database, services.metrics, tenant_id, AS_OF, DAYS)
        with services.database.tenant(tenant_id) as conn:
            listing = int(conn.execute(text("SELECT min(listing_id) FROM alerts")).scalar_one())
            near = conn.execute(text(panels.variable("listing_and_peers").sql), {"listing_id": listing}).scalars().all()
        _tidied(urls)
        told = {
            "tenant_id": f"'{tenant_id}'",
            "listing_id": f"'{listing}'",
            "peers": f"/^({'|'.join(map(str, near))})$/",
        }
        found = []
        for panel in (
            one for name in ("portfolio", "listing") for one in panels.load(name) if "metrics_daily" in one.sql
        ):
            found.append(_row(panel, "InfluxDB, console", _by_console(services, tenant_id, panel, listing)))
            if panel.influxql:
                found.append(_row(panel, "InfluxDB, InfluxQL", _by_influxql(http, panel, told)))
    return found


def _row(panel: Panel, store: str, took_ms: float) -> dict[str, Any]:
    return {
        "name": f"panel {panel.dashboard}/{panel.name}, {store}", "value": took_ms, "unit": "ms", "peer": None,
        "peer_value": None, "ratio": took_ms / GOAL_MS, "goal": GOAL_MS, "holds": took_ms <= GOAL_MS,
    }  # fmt: skip


def on_postgres() -> list[dict[str, Any]]:
    """Measure every panel over 90 days and over all of them; the goal is the issue's."""
    with _stack.scratch() as directory, _stack.postgres(directory) as urls:
        url, listing = _seeded(urls)
        engine = engine_for(url)
        every = [panel for name in panels.DASHBOARDS for panel in panels.load(name) if panel.sql]
        found = [_row(panel, "PostgreSQL", _on_postgres(engine, panel, listing)) for panel in every]
        engine.dispose()
    return found


def run() -> list[dict[str, Any]]:
    """Measure on both stores, or on that named by BENCH_STORE (postgres, influx)."""
    ways = {"postgres": on_postgres, "influx": on_influx}
    asked_for = os.environ.get("BENCH_STORE")
    return [row for name, way in ways.items() if asked_for in (None, name) for row in way()]
