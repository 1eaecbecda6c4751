"""The whole way on real parts, started once a store: n8n, PostgreSQL, Valkey, InfluxDB, worker, Celery and sandbox."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, text

from python_nodes.domain import flow_proof
from python_nodes.local import postgres
from python_nodes.local.n8n_rest import Rest
from python_nodes.local.state import CHECKOUT, Saved, StateDir
from python_nodes.local.worker_client import WorkerClient
from tests.conftest import need_influx

READY_S = 480.0
STOPPED_S = 60.0
AFTER_THE_LIVE_DAYS = "2026-04-20T12:00:00+00:00"
LIVE_SPAN = "start=2025-07-01&end=2026-04-02"
"""All history and every live day; the sandbox's first live day is 2026-03-30."""
STORES = ("postgres", "influx")
NIGHTPORTER = [sys.executable, "-c", "from python_nodes.cli import app; app()"]


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of what need not run on every store."""
    config.addinivalue_line("markers", "only_on(store): elsewhere it would show nothing more")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on every store what is not marked otherwise."""
    if "live" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("only_on")
        metafunc.parametrize("live", only.args if only else STORES, indirect=True, scope="session")


@dataclass(frozen=True)
class Live:
    """A running `nightporter up` whose live days are over; ``store`` is where its metrics are."""

    store: str
    began_at: datetime
    process: subprocess.Popen[bytes]
    folder: StateDir
    saved: Saved
    report: dict[str, Any]

    @property
    def n8n_url(self) -> str:
        """The editor's address."""
        return f"http://127.0.0.1:{self.saved.ports.n8n}"

    def call(self, path: str, *, secret: str | None = None, as_of: str = AFTER_THE_LIVE_DAYS) -> httpx2.Response:
        """Call a flow's webhook, for the days after the live ones unless told another moment."""
        headers = flow_proof.headers(secret or self.saved.webhook_secret, datetime.now(UTC))
        body = {"as_of": as_of}
        return httpx2.post(f"{self.n8n_url}/webhook/{path}", json=body, headers=headers, timeout=120)

    def executions(self, since: datetime) -> list[dict[str, Any]]:
        """What n8n has run since then."""
        with self.rest() as rest:
            return rest.executions(since=since)

    def rest(self) -> Rest:
        """n8n as its owner sees it."""
        return Rest(self.saved.ports.n8n, self.saved.n8n_owner_password)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask Nightporter's database, past row-level security."""
        server = postgres.Postgres(admin_url="", socket_dir=str(self.folder.root / "postgres"), port=5432, pid=0)
        engine = create_engine(server.url("postgres", "", "nightporter"))
        with engine.connect() as conn:
            found = [tuple(row) for row in conn.execute(text(query))]
        engine.dispose()
        return found


@dataclass(frozen=True)
class Told:
    """What a run tells of itself once its live days are over, by anything but chance."""

    findings: dict[str, Any]
    metrics: dict[str, Any]


@pytest.fixture(scope="session")
def told() -> dict[str, Told]:
    """Each store's run, as it stood before any test touched it."""
    return {}


@pytest.fixture(scope="session")
def live(request: pytest.FixtureRequest, told: dict[str, Told]) -> Iterator[Live]:
    """Start all of it, let the live days pass, and stop it at the end unless a test has."""
    if request.param == "influx":
        need_influx()
    # Nights are told once most of their bookings would have been made: 200 days after the first known booking.
    with started(request.param, days=260, live_days=2) as running:
        told[request.param] = _told(running)
        yield running


@contextmanager
def started(
    store: str, *, days: int, live_days: int, listings: int = 24, scenario: Path | None = None
) -> Iterator[Live]:
    """Run `nightporter up` on a small world until its live days are over, and then for as long as it is used."""
    base = Path("/var/tmp/nightporter-tests")
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix=f"e2e-{store}-", dir=base))
    report = root / "report.json"
    command = [
        *NIGHTPORTER, "up", "--json", str(report), "--listings", str(listings), "--days", str(days),
        "--live-days", str(live_days), "--state-dir", str(root / "state"), "--store", store,
        *(["--scenario", str(scenario)] if scenario is not None else []),
    ]  # fmt: skip
    began_at = datetime.now(UTC)
    with (root / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + READY_S
        while not report.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        assert report.exists(), (root / "up.log").read_text()[-3000:]
        folder = StateDir(root / "state")
        yield Live(store, began_at, process, folder, folder.load(), json.loads(report.read_text()))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(STOPPED_S)
        shutil.rmtree(root, ignore_errors=True)


def _told(live: Live) -> Told:
    found = [{name: value for name, value in alert.items() if name != "id"} for alert in live.report["alerts"]]
    counts = {name: live.report[name] for name in ("points_stored", "series", "incidents", "deliveries")}
    with WorkerClient(live.saved.worker_url, live.saved.operator_api_key) as worker:
        listings = worker.get("/v1/portfolio")["listings"]
        metrics = {
            f"{one['channel']}/{one['external_id']}": worker.get(f"/v1/metrics/{one['listing_id']}?{LIVE_SPAN}")
            for one in listings
        }
    return Told({"alerts": sorted(found, key=str), **counts}, metrics)
