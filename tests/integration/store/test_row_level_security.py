"""Proof, as the application's own role, that no tenant can see or touch another's rows, in any table."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Connection, Date, Engine, Table, create_engine, inspect, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import ProgrammingError

from python_nodes.store import alert_tables, guest_tables, migrate
from python_nodes.store.session import Database, engine_for
from tests.conftest import MigratedDatabase

# All of them are of one metadata, once each module that declares some is there.
METADATA = guest_tables.tenant_keys.metadata
assert alert_tables.METADATA is METADATA
TABLES = [table for table in METADATA.sorted_tables if table.name != "tenants"]
APPENDED = {"audit_log", "audit_chain"}
"""What the application's role may not change at all; test_audit.py shows it."""
FENCED = r"row-level security|permission denied for table audit_"


@pytest.fixture(scope="module")
def shared(pg_admin_url: str) -> MigratedDatabase:
    owner_url, app_url = migrate.provision(pg_admin_url, "np_rls", "app-secret", "owner-secret")
    migrate.upgrade(owner_url)
    return MigratedDatabase(owner_url=owner_url, app_url=app_url)


@pytest.fixture(scope="module")
def app(shared: MigratedDatabase) -> Iterator[Database]:
    opened = Database(shared.app_url)
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def tenants(shared: MigratedDatabase) -> tuple[int, int]:
    return migrate.create_tenant(shared.owner_url, "a", "EUR"), migrate.create_tenant(shared.owner_url, "b", "USD")


@pytest.fixture(scope="module")
def filled(pg_admin_url: str, shared: MigratedDatabase, tenants: tuple[int, int]) -> Engine:
    """One row of tenant B in every table, put there by the superuser, whom no policy binds."""
    url = engine_for(pg_admin_url).url.set(database="np_rls")
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("SET session_replication_role = replica"))
        for table in TABLES:
            conn.execute(table.insert().values(row_for(table, tenants[1])))
    return engine


def row_for(table: Table, tenant: int) -> dict[str, object]:
    samples: dict[type, object] = {
        postgresql.BYTEA: b"x", postgresql.ARRAY: [], postgresql.JSONB: {}, Date: "2026-03-02",
    }  # fmt: skip
    row: dict[str, object] = {"tenant_id": tenant}
    for column in table.columns:
        if column.name in row or column.identity is not None or column.nullable:
            continue
        kind = column.type.python_type if not isinstance(column.type, postgresql.ARRAY | postgresql.JSONB) else None
        by_kind: dict[object, object] = {
            int: 1, str: "x", bool: True, float: 1.0, UUID: UUID(int=1),
            bytes: b"x", None: samples.get(type(column.type)),
        }  # fmt: skip
        row[column.name] = by_kind.get(kind, text("'2026-03-02'"))
    return row


def test_the_role_owns_nothing_and_bypasses_nothing(app: Database) -> None:
    with app.anonymous() as conn:
        role = conn.execute(text(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        )).one()  # fmt: skip
        owned = conn.execute(text("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole")).scalar_one()
        member = conn.execute(text(
            "SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole"
        )).scalar_one()  # fmt: skip
    assert tuple(role) == (False, False, False, False)
    assert (owned, member) == (0, 0)


def test_every_table_has_a_tenant_and_is_fenced_by_force(app: Database) -> None:
    with app.anonymous() as conn:
        rows = conn.execute(text(
            "SELECT relname, relrowsecurity, relforcerowsecurity, EXISTS (SELECT 1 FROM pg_attribute a"
            " WHERE a.attrelid = c.oid AND attname = 'tenant_id') FROM pg_class c"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
        )).all()  # fmt: skip
    assert {row[0] for row in rows} == {table.name for table in METADATA.sorted_tables}
    assert all(tuple(row[1:]) == (True, True, True) for row in rows)


def test_the_migration_makes_what_the_tables_say(app: Database) -> None:
    found = inspect(app.engine)
    for table in METADATA.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}, table.name
        assert found.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_tenant_neither_sees_nor_changes_anothers_rows(
    table: Table, app: Database, filled: Engine, tenants: tuple[int, int]
) -> None:
    mine, theirs = tenants
    with app.tenant(theirs) as conn:
        assert len(conn.execute(select(table)).all()) == 1
    for see in (lambda: app.tenant(mine), app.anonymous):
        with see() as conn:
            assert conn.execute(select(table)).all() == []
            if table.name in APPENDED:
                continue
            assert conn.execute(update(table).values(tenant_id=theirs)).rowcount == 0
            assert conn.execute(table.delete()).rowcount == 0


def test_the_view_of_all_revisions_is_fenced_as_its_tables(
    app: Database, filled: Engine, tenants: tuple[int, int]
) -> None:
    for tenant, wanted in zip(tenants, (0, 2), strict=True):
        with app.tenant(tenant) as conn:
            assert seen(conn, "booking_revisions") == wanted
    with app.anonymous() as conn:
        assert seen(conn, "booking_revisions") == 0


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_tenant_cannot_write_as_another(table: Table, app: Database, tenants: tuple[int, int]) -> None:
    mine, theirs = tenants
    with pytest.raises(ProgrammingError, match=FENCED), app.tenant(mine) as conn:
        conn.execute(table.insert().values(row_for(table, theirs)))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_tenant_cannot_give_its_rows_away(
    table: Table, app: Database, filled: Engine, tenants: tuple[int, int]
) -> None:
    with pytest.raises(ProgrammingError, match=FENCED), app.tenant(tenants[1]) as conn:
        conn.execute(update(table).values(tenant_id=tenants[0]))


def test_tenants_are_seen_one_at_a_time_and_made_by_none(app: Database, tenants: tuple[int, int]) -> None:
    query = text("SELECT name FROM tenants")
    with app.tenant(tenants[0]) as conn:
        assert conn.execute(query).scalars().all() == ["a"]
    with app.anonymous() as conn:
        assert conn.execute(query).scalars().all() == []
    with pytest.raises(ProgrammingError, match="permission denied"), app.tenant(tenants[0]) as conn:
        conn.execute(text("INSERT INTO tenants (name, currency) VALUES ('c', 'EUR')"))


def test_the_owner_is_fenced_too(shared: MigratedDatabase, filled: Engine) -> None:
    engine = engine_for(shared.owner_url)
    try:
        with engine.connect() as conn:
            assert seen(conn, "bookings") == 0
            assert seen(conn, "alerts") == 0
    finally:
        engine.dispose()


def seen(conn: Connection, table: str) -> int:
    return int(conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_the_tenant_ends_with_its_transaction(app: Database, filled: Engine, tenants: tuple[int, int]) -> None:
    with app.engine.connect() as conn:
        with conn.begin():
            conn.execute(text("SELECT set_config('app.tenant_id', :id, true)"), {"id": str(tenants[1])})
            assert seen(conn, "bookings") == 1
        with conn.begin():
            assert seen(conn, "bookings") == 0
