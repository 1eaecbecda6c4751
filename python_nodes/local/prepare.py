"""From an empty PostgreSQL to a tenant with its history, and a template from which the next run copies it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from python_nodes.errors import PermanentError
from python_nodes.local import demo, downloads
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


def fingerprint(world: WorldArguments, saved: Saved, store: str) -> str:
    """What a prepared history depends on: arguments, scenario, store, code, and the addresses stored in it."""
    scenario = world.scenario.read_text() if world.scenario else ""
    made_of = [
        world.seed, world.listings, world.days, world.live_days, world.channels, scenario, store, saved.sandbox_url,
        source_hash(),
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
    worker: WorkerClient,
    server: Postgres,
    saved: Saved,
    sandbox_dir: Path,
    t0: date,
    days: int,
    progress: Callable[[int, int], None],
) -> None:
    """Import the portfolio, connect every channel in it, then read each one's history up to the day before t0."""
    portfolio: Any = json.loads((sandbox_dir / "portfolio.json").read_text())
    worker.post("/v1/portfolio", portfolio, key="portfolio")
    connected = demo.connect(worker, saved.sandbox_url, sandbox_dir, demo.channels_of(portfolio))
    span = {"start": (t0 - timedelta(days=days)).isoformat(), "end": (t0 - timedelta(days=1)).isoformat()}
    in_turn = sorted(connected, key=demo.LONGEST_FIRST.index)
    orders = {f"backfill:{channel}": {"connection_id": connected[channel], **span} for channel in in_turn}
    # Money first: what is stored is reckoned at the rates that the sandbox's world goes by.
    eve = {"as_of": backfill_moment(t0)}
    # The worker asks once and briefly, for a person's sake; here nobody minds some seconds.
    patient = Retrying(
        stop=stop_after_attempt(5), wait=wait_fixed(2), retry=retry_if_exception_type(PermanentError), reraise=True
    )
    patient(worker.post, "/v1/fx/refresh", eve, key="fx")
    with ThreadPoolExecutor(max_workers=1) as aside:
        # Celery reads what the channels' interfaces give, gunicorn what people download: neither waits for the other.
        downloaded = aside.submit(downloads.import_history, worker, sandbox_dir, backfill_moment(t0))
        worker.run_jobs("/v1/backfill", orders, progress=progress)
        downloaded.result()
    # PostgreSQL would look at the new tables within a minute; the first sweep is planned before that.
    pg.analyze(server, DATABASE)
    worker.post("/v1/metrics/derive", eve, key="derive")


def backfill_moment(t0: date) -> str:
    """The moment as of which the worker takes a history that ends on the day before t0: the first poll comes later."""
    return f"{t0}T11:00:00Z"


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
