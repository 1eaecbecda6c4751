"""The whole way on real parts, started once: n8n, PostgreSQL, Valkey, the worker, Celery and the sandbox."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, text

from python_nodes.local import flows, postgres
from python_nodes.local.n8n_rest import Rest
from python_nodes.local.state import CHECKOUT, Saved, StateDir

READY_S = 480.0
STOPPED_S = 60.0
AFTER_THE_LIVE_DAYS = "2026-04-20T12:00:00+00:00"
NIGHTPORTER = [sys.executable, "-c", "from python_nodes.cli import app; app()"]


@dataclass(frozen=True)
class Live:
    """A running `nightporter up` whose live days are over."""

    process: subprocess.Popen[bytes]
    folder: StateDir
    saved: Saved
    report: dict[str, Any]

    @property
    def n8n_url(self) -> str:
        """The editor's address."""
        return f"http://127.0.0.1:{self.saved.ports.n8n}"

    def call(self, path: str, *, secret: str | None = None) -> httpx2.Response:
        """Call a flow's webhook for the days after the live ones."""
        headers = {flows.WEBHOOK_HEADER: secret or self.saved.webhook_secret}
        body = {"as_of": AFTER_THE_LIVE_DAYS}
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


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """Start all of it, let the live days pass, and stop it at the end unless a test has."""
    base = Path("/var/tmp/nightporter-tests")
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="e2e-", dir=base))
    report = root / "report.json"
    command = [
        *NIGHTPORTER, "up", "--json", str(report), "--listings", "24", "--days", "60", "--live-days", "2",
        "--state-dir", str(root / "state"),
    ]  # fmt: skip
    with (root / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + READY_S
        while not report.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        assert report.exists(), (root / "up.log").read_text()[-3000:]
        folder = StateDir(root / "state")
        yield Live(process, folder, folder.load(), json.loads(report.read_text()))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(STOPPED_S)
        shutil.rmtree(root, ignore_errors=True)
