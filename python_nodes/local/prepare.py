"""From an empty PostgreSQL to a tenant with its history, and a template from which the next run copies it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from python_nodes.local import postgres as pg
from python_nodes.local.postgres import Postgres
from python_nodes.local.servers import WorkerAddresses, WorldArguments
from python_nodes.local.state import Saved, StateDir, source_hash
from python_nodes.local.worker_client import WorkerClient
from python_nodes.store import apikeys, migrate
from python_nodes.store.session import Database

DATABASE = "nightporter"
TENANT = "default"
CURRENCY = "EUR"
FLOW_SCOPES = ("read", "ingest", "score", "notify")
# The simulated days pass in seconds, so limits by the real clock would hold every poll back.
SIMULATED_RATE_LIMITS = {"*": "500/second"}


def fingerprint(world: WorldArguments, saved: Saved, store: str) -> str:
    """What a prepared history depends on: arguments, scenario, store, code, and the addresses stored in it."""
    scenario = world.scenario.read_text() if world.scenario else ""
    made_of = [
        world.seed, world.listings, world.days, world.live_days, scenario, store, saved.sandbox_url, source_hash(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]


def template_name(mark: str) -> str:
    """The template database of a prepared history."""
    return f"{DATABASE}_{mark}"


def open_database(postgres: Postgres, saved: Saved, mark: str) -> tuple[Saved, WorkerAddresses, bool]:
    """Copy the prepared template, or migrate an empty database; tells which of the two it was."""
    reuse = saved.prepared == mark and pg.exists(postgres, template_name(mark))
    pg.drop(postgres, DATABASE)
    if reuse:
        pg.create(postgres, DATABASE, template=template_name(mark))
    owner_url, app_url = migrate.provision(postgres.admin_url, DATABASE, saved.app_password, saved.owner_password)
    if not reuse:
        migrate.upgrade(owner_url)
        saved = _with_tenant(saved, owner_url, app_url)
    return saved, WorkerAddresses(app_url, owner_url, ""), reuse


def _with_tenant(saved: Saved, owner_url: str, app_url: str) -> Saved:
    tenant_id = migrate.create_tenant(owner_url, TENANT, CURRENCY)
    database = Database(app_url)
    now_at = datetime.now(UTC)
    try:
        with database.tenant(tenant_id) as conn:
            flows = apikeys.create(conn, "n8n", FLOW_SCOPES, created_at=now_at)
            operator = apikeys.create(conn, "operator", ["admin"], created_at=now_at)
    finally:
        database.dispose()
    return replace(saved, tenant_id=tenant_id, n8n_api_key=flows, operator_api_key=operator, prepared="")


def backfill(
    worker: WorkerClient, saved: Saved, sandbox_dir: Path, t0: date, days: int, progress: Callable[[int, int], None]
) -> None:
    """Import the portfolio and the connections, then everything up to the day before t0."""
    portfolio: Any = json.loads((sandbox_dir / "portfolio.json").read_text())
    worker.post("/v1/portfolio", portfolio, key="portfolio")
    connections = [
        {
            "vendor": "booking_com", "name": "Booking.com (simulated)", "base_url": f"{saved.sandbox_url}/booking_com",
            "settings": {"rate_limits": SIMULATED_RATE_LIMITS},
            "credentials": {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
        },
        {
            "vendor": "operator_file", "name": "Operator's calendar", "base_url": "",
            "settings": {"path": str(sandbox_dir / "operator_calendar.csv")}, "credentials": {},
        },
    ]  # fmt: skip
    ids = [worker.post("/v1/connections", item, key=f"connection:{item['name']}")["id"] for item in connections]
    span = {"start": (t0 - timedelta(days=days)).isoformat(), "end": (t0 - timedelta(days=1)).isoformat()}
    worker.run_job("/v1/backfill", {"connection_id": ids[0], **span}, key=f"backfill:{ids[0]}", progress=progress)


def keep_template(postgres: Postgres, folder: StateDir, saved: Saved, mark: str) -> Saved:
    """Copy the database as it stands, so that the next run with the same arguments starts here."""
    if saved.prepared:
        pg.drop(postgres, template_name(saved.prepared))
    pg.drop(postgres, template_name(mark))
    # A template may have no other session; the pools of the worker connect anew by themselves.
    pg.end_sessions(postgres, DATABASE)
    pg.create(postgres, template_name(mark), template=DATABASE)
    kept = replace(saved, prepared=mark)
    folder.save(kept)
    return kept
