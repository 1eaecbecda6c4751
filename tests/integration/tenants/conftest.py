"""Two tenants of one worker, on a real PostgreSQL and a real Valkey: all that B has bears B's mark and B's numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import ARRAY, Engine, Integer, Table, Text, create_engine, func, select, text

from python_nodes import config, jobs
from python_nodes.app import create_app
from python_nodes.config import Settings
from python_nodes.steps.services import Services
from python_nodes.store import apikeys, connections, migrate
from python_nodes.store.alert_tables import METADATA
from python_nodes.store.session import engine_for
from tests.integration.store.test_row_level_security import row_for

AS_OF = "2026-03-02T12:00:00Z"
MARK_A, MARK_B = "Alder", "Zanzibar"
FIRST_TENANT, LATER_OF_A, FIRST_OF_B = 910_417, 2_000_000, 7_000_000
MOST = 2
"""Rows of one table and type whose ids are tried: what is true of one of them is true of each."""
APART = 10_000
"""Each table's ids of B have a stretch of their own: one that is told anywhere is told apart from A's."""


@dataclass(frozen=True)
class Tenant:
    """One tenant: its key with every scope, and what it is called by."""

    tenant_id: int
    key: str
    mark: str
    numbers: Mapping[str, list[int]]
    words: list[str]


@dataclass(frozen=True)
class House:
    """The worker and both its tenants."""

    app: Flask
    client: FlaskClient
    services: Services
    settings: Settings
    root: Engine
    a: Tenant
    b: Tenant
    doc: Mapping[str, Any]


@pytest.fixture(scope="module")
def house(pg_admin_url: str, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Fill both by the same steps, then what no step has filled by the schema."""
    name = f"np_{uuid4().hex[:12]}"
    owner_url, app_url = migrate.provision(pg_admin_url, name, "app-secret", "owner-secret")
    migrate.upgrade(owner_url)
    _number_tenants_apart(owner_url)
    ids = [migrate.create_tenant(owner_url, mark, "EUR") for mark in (MARK_A, MARK_B)]
    settings = Settings(
        database_url=SecretStr(app_url), owner_url=SecretStr(owner_url), redis_url=SecretStr(valkey_url),
        secret_key=SecretStr(Fernet.generate_key().decode()), raw_root=tmp_path_factory.mktemp("raw"),
        tenant_id=ids[0], retry_attempts=1, email_to="ops@example.com", region=f"r{uuid4().hex[:8]}",
        rate_limit_refused="1000000/minute", webhook_networks="127.0.0.0/8", webhook_ports="443,9",
        # Nobody listens there: what is the caller's own comes as far as the refusal.
        smtp_host="127.0.0.1", smtp_port=9,
    )  # fmt: skip
    app = create_app(settings)
    told = pytest.MonkeyPatch()
    for one in ("database_url", "redis_url", "secret_key"):
        told.setenv(f"NIGHTPORTER_{one.upper()}", getattr(settings, one).get_secret_value())
    told.setenv("NIGHTPORTER_RAW_ROOT", str(settings.raw_root))
    told.setenv("NIGHTPORTER_REGION", settings.region)
    _forget_settings()
    services: Services = app.extensions["nightporter"]
    root = create_engine(engine_for(pg_admin_url).url.set(database=name))
    client = app.test_client()
    try:
        keys = []
        for tenant_id, mark in zip(ids, (MARK_A, MARK_B), strict=True):
            if mark == MARK_B:
                _number_apart(root, FIRST_OF_B)
            with services.database.tenant(tenant_id) as conn:
                keys.append(apikeys.create(conn, f"{mark} admin", ["admin"], created_at=datetime.now(UTC)))
            _fill(client, services, tenant_id, keys[-1], mark)
            _fill_rest(root, tenant_id, mark)
        # What A writes from now on is not to be taken for B's.
        _number_apart(root, LATER_OF_A)
        a, b = (_tenant(root, *one) for one in zip(ids, keys, (MARK_A, MARK_B), strict=True))
        yield House(app, client, services, settings, root, a, b, app.api_doc)
    finally:
        services.database.dispose()
        root.dispose()
        told.undo()
        _forget_settings()


def _forget_settings() -> None:
    """What hands jobs over reads the settings by itself, once a process."""
    config.settings.cache_clear()
    jobs._valkey.cache_clear()


def tables() -> list[Table]:
    """Every table of tenants."""
    return [table for table in METADATA.sorted_tables if table.name != "tenants"]


def _number_tenants_apart(owner_url: str) -> None:
    """A one or a two stands everywhere; these numbers of tenants stand nowhere by chance."""
    owner = engine_for(owner_url)
    with owner.begin() as conn:
        conn.exec_driver_sql(f"ALTER SEQUENCE tenants_tenant_id_seq RESTART WITH {FIRST_TENANT}")
    owner.dispose()


def _number_apart(root: Engine, first: int) -> None:
    with root.begin() as conn:
        for number, table in enumerate(tables()):
            if "id" in table.c:
                at = {"name": table.name, "first": first + number * APART}
                conn.execute(text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :first)"), at)


def portfolio(mark: str) -> dict[str, Any]:
    """Two rooms of one place, all of which bears the mark."""
    return {
        "currency": "EUR",
        "properties": [
            {"external_id": f"{mark}-1", "name": f"{mark} House", "market": f"{mark}ville", "country": "PT",
             "subdivision": None, "timezone": "Europe/Lisbon", "currency": "EUR", "priority": 0.5},
        ],
        "units": [
            {"external_id": f"{mark}-unit-{n}", "property_external_id": f"{mark}-1", "name": f"{mark} {n}",
             "unit_count": 4, "base_price_minor": 12000, "floor_price_minor": 8000}
            for n in (1, 2)
        ],
        "listings": [
            {"external_id": f"{mark}-{n}01", "unit_external_id": f"{mark}-unit-{n}", "channel": "booking_com",
             "title": f"{mark} room {n}", "rate_plan_external_id": "standard"}
            for n in (1, 2)
        ],
    }  # fmt: skip


def _fill(client: FlaskClient, services: Services, tenant_id: int, key: str, mark: str) -> None:
    """As its people and flows do: portfolio, connection, payloads, findings, alerts, answers, mutes, files, keys."""

    failed: list[tuple[str, int, str]] = []

    def post(path: str, body: Any = None, **told: Any) -> Any:
        content = {"data": told.pop("data")} if "data" in told else {"json": body or {"as_of": AS_OF}}
        answer = client.post(path, headers={"Authorization": f"Bearer {key}"}, **content, **told)
        if answer.status_code >= 300:
            failed.append((path, answer.status_code, answer.get_data(as_text=True)))
        return answer.get_json()

    post("/v1/portfolio", portfolio(mark))
    wanted = {"vendor": "booking_com", "name": f"{mark} account", "base_url": "http://127.0.0.1:9",
              "credentials": {"client_id": f"{mark}-id", "client_secret": f"{mark}-secret"}}  # fmt: skip
    connection_id = post("/v1/connections", wanted)["id"]
    report = "date,property_id,room_id,search_views,page_views,bookings,revenue,currency,report_created_at\n" + "".join(
        f"2026-02-{day:02},{mark}-1,{mark}-{n}01,100,20,2,200.00,EUR,2026-03-01T06:00:00Z\n"
        for n in (1, 2, 9) for day in range(1 if n < 9 else 28, 29)
    )  # fmt: skip
    post("/v1/normalize/booking_com/performance", data=report,
         query_string={"connection_id": connection_id, "as_of": AS_OF})  # fmt: skip
    with services.database.tenant(tenant_id) as conn:
        connections.refused(conn, connection_id, datetime.fromisoformat(AS_OF))
    post("/v1/guards/check")
    post("/v1/metrics/score")
    alert_id = post("/v1/alerts/raise")["notify"][0]["alert_id"]
    post(f"/v1/alerts/{alert_id}/route")
    acted = {"actor": f"{mark} Ann", "as_of": AS_OF, "note": f"{mark} looked"}
    post(f"/v1/alerts/{alert_id}/actions", {"kind": "assign", "assignee": f"{mark} Bob", **acted})
    post(f"/v1/alerts/{alert_id}/actions", {"kind": "verdict", "verdict": "data_problem", **acted})
    until = {"end_at": "2026-03-09T12:00:00Z", "reason": f"{mark} works", "actor": f"{mark} Ann", "as_of": AS_OF}
    post("/v1/mutes", {**until, "market": f"{mark}ville"})
    post("/v1/backfill", {"connection_id": connection_id, "start": "2026-02-01", "end": "2026-02-28"})
    named = ("date", "listing_id", "search_impressions", "listing_views", "revenue")
    columns = dict(zip(named, ("date", "room_id", "search_views", "page_views", "revenue"), strict=True))
    post("/v1/imports/sources", {
        "name": f"{mark.lower()}-file", "kind": "performance", "channel": "booking_com", "currency": "EUR",
        "columns": columns,
    })  # fmt: skip
    post("/v1/imports", data=report, query_string={
        "source": f"{mark.lower()}-file", "file": f"{mark}.csv", "as_of": AS_OF,
        "start": "2026-02-01", "end": "2026-02-28",
    })  # fmt: skip
    post("/v1/flow-errors", {"workflow": f"{mark} flow", "node": "n", "message": mark, "execution_id": f"{mark}-7"})
    post("/v1/keys", {"name": f"{mark} viewer", "role": "viewer"})
    post("/v1/webhooks", {"name": f"{mark} hook", "url": f"http://127.0.0.1:9/{mark}", "events": ["alert.raised"]})
    written = post("/v1/digest", {"as_of": AS_OF, "span": "day"})
    assert written["send"]
    assert not failed, failed


def _fill_rest(root: Engine, tenant_id: int, mark: str) -> None:
    """A row for whatever the steps above did not come to, put there by the superuser, whom no policy binds."""
    with root.begin() as conn:
        conn.execute(text("SET LOCAL session_replication_role = replica"))
        for table in tables():
            own = select(func.count()).select_from(table).where(table.c.tenant_id == tenant_id)
            if not conn.execute(own).scalar_one():
                row = row_for(table, tenant_id)
                marked = {
                    c.name: f"{mark}-{c.name}" for c in table.columns if isinstance(c.type, Text) and c.name in row
                }
                whole = (
                    c for c in table.columns if isinstance(c.type, ARRAY) and isinstance(c.type.item_type, Integer)
                )
                lists = {c.name: [1] for c in whole if c.name in row}
                conn.execute(table.insert().values(row | marked | lists))


def _tenant(root: Engine, tenant_id: int, key: str, mark: str) -> Tenant:
    numbers: dict[str, list[int]] = {}
    words: set[str] = set()
    with root.connect() as conn:
        for table in tables():
            kinds = [table.c.type] if "type" in table.c else []
            order = [table.c.id] if "id" in table.c else list(table.primary_key)
            place = func.row_number().over(partition_by=kinds or None, order_by=order).label("place")
            ranked = select(table, place).where(table.c.tenant_id == tenant_id).subquery()
            rows = conn.execute(select(ranked).where(ranked.c.place <= MOST)).mappings().all()
            assert rows, table.name
            if "id" in table.c and isinstance(table.c.id.type, Integer):
                numbers[table.name] = sorted(row["id"] for row in rows)
            names = ("job_id", "name", "external_id", "market", "key", "path")
            words |= {str(row[name]) for row in rows for name in names if row.get(name) and "/" not in str(row[name])}
    return Tenant(tenant_id, key, mark, numbers, sorted(words))
