"""Two processes with one consent, on a real PostgreSQL and a real Valkey: one of them refreshes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from python_nodes import wiring
from python_nodes.config import Settings
from python_nodes.steps import connection_admin
from python_nodes.store import connections, migrate
from tests.conftest import MigratedDatabase

POLL = """
import sys
from datetime import UTC, datetime
from python_nodes import config, wiring
from python_nodes.steps import poll
services = wiring.build_services(config.settings())
print("ready", flush=True)
sys.stdin.readline()
print(poll.run(services, config.settings().tenant_id, int(sys.argv[1]), "health", datetime.now(UTC)).fetched)
"""


class Vendor:
    """Takes each refresh token once, slowly; any access token but the newest is refused."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.refreshed: list[str] = []
        self._lock = threading.Lock()
        server.expect_request("/oauth2/token").respond_with_handler(self._token)
        server.expect_request("/assumed/v1/listings").respond_with_handler(self._listings)

    def _token(self, request: Request) -> Response:
        with self._lock:
            self.refreshed.append(request.form["refresh_token"])
            number = len(self.refreshed)
            if request.form["refresh_token"] != f"r{number - 1}":
                return Response('{"error": "invalid_grant"}', 400)
        # Long enough for the other process to come and find the lock held.
        time.sleep(1)
        ends = '"expires_in": 3600, "refresh_token_expires_in": 864000'
        return Response(f'{{"access_token": "a{number}", "refresh_token": "r{number}", {ends}}}')

    def _listings(self, request: Request) -> Response:
        is_newest = request.headers["Authorization"] == f"Bearer a{len(self.refreshed)}"
        return Response('{"listings": [], "next_cursor": null}', 200 if is_newest else 401)


@pytest.fixture
def settings(database: MigratedDatabase, valkey_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=SecretStr(database.app_url), redis_url=SecretStr(valkey_url), raw_root=tmp_path, retry_attempts=1,
        secret_key=SecretStr(Fernet.generate_key().decode()),
        tenant_id=migrate.create_tenant(database.owner_url, "tenant-a", "EUR"),
    )  # fmt: skip


def test_of_two_processes_one_refreshes_and_what_it_got_is_kept(settings: Settings, httpserver: HTTPServer) -> None:
    vendor, services = Vendor(httpserver), wiring.build_services(settings)
    wanted = connection_admin.NewConnection(
        vendor="airbnb", name="Airbnb", base_url=vendor.url, settings={"rate_limits": {"*": "1000/second"}},
        credentials={"client_id": "c", "client_secret": "s", "refresh_token": "r0"},
    )  # fmt: skip
    connection_id = connection_admin.add(services, settings.tenant_id, wanted)
    names = ("database_url", "redis_url", "secret_key")
    env = {f"NIGHTPORTER_{name.upper()}": getattr(settings, name).get_secret_value() for name in names} | {
        "NIGHTPORTER_RAW_ROOT": str(settings.raw_root), "NIGHTPORTER_TENANT_ID": str(settings.tenant_id),
        "PATH": os.environ["PATH"],
    }  # fmt: skip
    command = [sys.executable, "-c", POLL, str(connection_id)]
    both = [
        subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for one in both:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    told = [
        threading.Thread(target=lambda one=one: said.append(one.communicate("go\n", timeout=60)[0])) for one in both
    ]
    said: list[str] = []
    for thread in told:
        thread.start()
    for thread in told:
        thread.join()
    assert [one.returncode for one in both] == [0, 0]
    assert [one.splitlines()[-1] for one in said] == ["0", "0"]
    assert vendor.refreshed == ["r0"]
    with services.database.tenant(settings.tenant_id) as conn:
        assert connections.get(conn, connection_id, services.fernet_key).credentials["refresh_token"] == "r1"
        (access,) = connections.access(conn)
    # The vendor told when the consent ends: in ten days.
    assert access.ends_at is not None
    assert 863_000 < (access.ends_at - services.clock()).total_seconds() <= 864_000
    assert access.refused_at is None
    services.database.dispose()
