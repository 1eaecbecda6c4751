"""Two processes with one consent, on a real PostgreSQL and a real Valkey: one of them refreshes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from redis import Redis
from werkzeug import Request, Response

from python_nodes import wiring
from python_nodes.config import Settings
from python_nodes.steps import access_settle, connection_admin
from python_nodes.steps.services import Services
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
    """Takes each refresh token once, slowly; any access token but the newest is refused.

    One that ``forgives`` takes the token before the newest once more, as vendors do whose answer may have been lost.
    """

    def __init__(self, server: HTTPServer, *, forgives: bool = False) -> None:
        self.refreshed: list[str] = []
        self.has_rotated = threading.Event()
        self._forgives = forgives
        self._lock = threading.Lock()
        server.expect_request("/oauth2/token").respond_with_handler(self._token)
        server.expect_request("/assumed/v1/listings").respond_with_handler(self._listings)

    def _token(self, request: Request) -> Response:
        with self._lock:
            self.refreshed.append(request.form["refresh_token"])
            number = len(self.refreshed)
            good = {f"r{number - 1}"} | ({f"r{number - 2}"} if self._forgives else set())
            if request.form["refresh_token"] not in good:
                return Response('{"error": "invalid_grant"}', 400)
        self.has_rotated.set()
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


@dataclass(frozen=True)
class Account:
    """A connection to the vendor, and what a process of its own needs to poll it."""

    services: Services
    tenant_id: int
    connection_id: int
    env: dict[str, str]

    def process(self) -> subprocess.Popen[str]:
        """Start one; it polls once it is told a line."""
        command = [sys.executable, "-c", POLL, str(self.connection_id)]
        one = subprocess.Popen(command, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
        return one

    def stored(self) -> tuple[str, list[int]]:
        """Return the refresh token in the database, and the connections whose renewal did not end."""
        with self.services.database.tenant(self.tenant_id) as conn:
            held = connections.get(conn, self.connection_id, self.services.fernet_key).credentials
            return held["refresh_token"], connections.unsettled(conn)


@pytest.fixture
def account(settings: Settings, httpserver: HTTPServer) -> Iterator[Account]:
    services = wiring.build_services(settings)
    wanted = connection_admin.NewConnection(
        vendor="airbnb", name="Airbnb", base_url=httpserver.url_for("").rstrip("/"),
        settings={"rate_limits": {"*": "1000/second"}},
        credentials={"client_id": "c", "client_secret": "s", "refresh_token": "r0"},
    )  # fmt: skip
    connection_id = connection_admin.add(services, settings.tenant_id, wanted)
    names = ("database_url", "redis_url", "secret_key")
    env = {f"NIGHTPORTER_{name.upper()}": getattr(settings, name).get_secret_value() for name in names} | {
        "NIGHTPORTER_RAW_ROOT": str(settings.raw_root), "NIGHTPORTER_TENANT_ID": str(settings.tenant_id),
        "PATH": os.environ["PATH"],
    }  # fmt: skip
    yield Account(services, settings.tenant_id, connection_id, env)
    services.database.dispose()


def test_of_two_processes_one_refreshes_and_what_it_got_is_kept(account: Account, httpserver: HTTPServer) -> None:
    vendor = Vendor(httpserver)
    both = [account.process() for _ in range(2)]
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
    assert account.stored() == ("r1", [])
    with account.services.database.tenant(account.tenant_id) as conn:
        (access,) = connections.access(conn)
    # The vendor told when the consent ends: in ten days.
    assert access.ends_at is not None
    assert 863_000 < (access.ends_at - account.services.clock()).total_seconds() <= 864_000
    assert access.refused_at is None


def test_who_dies_over_the_vendors_answer_is_asked_after_at_once(
    account: Account, httpserver: HTTPServer, valkey_url: str
) -> None:
    vendor = Vendor(httpserver, forgives=True)
    dying = account.process()
    assert dying.stdin is not None
    dying.stdin.write("go\n")
    dying.stdin.flush()
    assert vendor.has_rotated.wait(30)
    # The vendor has given a new refresh token and its answer is on its way: nobody will read it.
    dying.kill()
    dying.wait()
    assert account.stored() == ("r0", [account.connection_id])
    assert access_settle.is_left(account.services, account.tenant_id)
    assert access_settle.run(account.services, account.tenant_id) == 0, "the dead process's lock is held for a while"
    valkey = Redis.from_url(valkey_url)
    valkey.delete(*valkey.keys("nightporter:lock:oauth:*"))
    assert access_settle.run(account.services, account.tenant_id) == 1
    assert account.stored() == ("r2", [])
    assert vendor.refreshed == ["r0", "r0"]
    assert not access_settle.is_left(account.services, account.tenant_id)
    assert access_settle.run(account.services, account.tenant_id) == 0
