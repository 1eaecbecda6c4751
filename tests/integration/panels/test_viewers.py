"""The role by which Grafana reads: one tenant's rows, no secrets, no guests, and nothing to be written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from python_nodes.errors import ConfigError
from python_nodes.store import viewers
from python_nodes.store.session import engine_for
from tests.integration.panels.conftest import CONSOLE, PASSWORD, Seeded

GUESTS = ("guest_name", "guest_email", "guest_phone")


@pytest.fixture
def viewer(seeded: Seeded) -> Iterator[Engine]:
    engine = engine_for(seeded.viewer_url(seeded.tenants[0]))
    yield engine
    engine.dispose()


def count(engine: Engine, table: str, *before: str) -> int:
    with engine.connect() as conn:
        for statement in before:
            conn.execute(text(statement))
        return int(conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_it_sees_its_own_tenant_without_setting_anything(seeded: Seeded, viewer: Engine) -> None:
    with viewer.connect() as conn:
        assert conn.execute(text("SELECT name FROM tenants")).scalars().all() == ["panels-a"]
        assert conn.execute(text("SELECT current_setting('app.console_url')")).scalar_one() == CONSOLE
    assert count(viewer, "listings") == len(seeded.listing_ids)


@pytest.mark.parametrize("table", ["listings", "metrics_daily", "metric_bands", "alerts", "poll_runs"])
def test_it_sees_no_other_tenant_whatever_it_sets(seeded: Seeded, viewer: Engine, table: str) -> None:
    other = seeded.tenants[1]
    assert count(viewer, table) > 0
    with seeded.database.tenant(other) as conn:
        assert conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() > 0
    assert count(viewer, table, f"SET app.tenant_id = '{other}'") == 0
    assert count(viewer, table, f"SET app.tenant_id = '{other}'", f"SET ROLE {viewers.GROUP}") == 0


@pytest.mark.parametrize("column", GUESTS)
def test_it_reads_no_guest(viewer: Engine, column: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), viewer.connect() as conn:
        conn.execute(text(f"SELECT {column} FROM bookings"))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT credentials FROM connections", "SELECT settings FROM connections", "SELECT * FROM api_keys",
        "SELECT payload FROM outbox", "SELECT raw FROM rejected", "SELECT recipient FROM deliveries",
        "SELECT * FROM idempotency_keys", "SELECT note FROM verdicts", "SELECT * FROM booking_revisions",
    ],
)  # fmt: skip
def test_it_reads_no_secret(viewer: Engine, query: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), viewer.connect() as conn:
        conn.execute(text(query))


@pytest.mark.parametrize(
    "statement", ["DELETE FROM alerts", "UPDATE listings SET title = ''", "CREATE TABLE mine (one int)"]
)
def test_it_writes_nothing_even_where_it_may(viewer: Engine, statement: str) -> None:
    with viewer.connect() as conn:
        conn.execute(text("SET default_transaction_read_only = off"))
        conn.commit()
        with pytest.raises(ProgrammingError, match="permission denied"):
            conn.execute(text(statement))


def test_made_again_it_keeps_its_rights_and_has_the_new_password(seeded: Seeded) -> None:
    again = viewers.create(seeded.admin_url, seeded.urls.owner_url, "panels-a", PASSWORD, CONSOLE)
    assert again == viewers.role_of(seeded.tenants[0])
    engine = engine_for(seeded.viewer_url(seeded.tenants[0]))
    assert count(engine, "listings") > 0
    engine.dispose()


def test_an_unknown_tenant_is_named(seeded: Seeded) -> None:
    with pytest.raises(ConfigError, match="there is no tenant 'nobody'"):
        viewers.create(seeded.admin_url, seeded.urls.owner_url, "nobody", PASSWORD, CONSOLE)
