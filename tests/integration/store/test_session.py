"""How connections are taken from the pool: which are asked whether they live, and what a stranger leaves behind."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from python_nodes.store.session import TRUSTED_S, Database

PID = text("SELECT pg_backend_pid()")
PROPERTY = text(
    "INSERT INTO properties (external_id, name, market, country, timezone, currency, priority)"
    " VALUES ('p', 'P', 'm', 'DE', 'UTC', 'EUR', 1)"
)


def end_others(database: Database, pid: int) -> None:
    """End a server process of the application's own role, as a restart would."""
    other = Database(database.engine.url.render_as_string(hide_password=False))
    with other.stranger() as conn:
        assert conn.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid}).scalar_one()
    other.dispose()


def pid_of(database: Database) -> int:
    with database.stranger() as conn:
        return int(conn.execute(PID).scalar_one())


def test_a_connection_that_lay_idle_and_died_is_replaced_unnoticed(app_database: Database) -> None:
    before = pid_of(app_database)
    end_others(app_database, before)
    time.sleep(TRUSTED_S)
    assert pid_of(app_database) != before


def test_one_that_was_just_used_is_believed_and_found_dead_by_its_statement(app_database: Database) -> None:
    before = pid_of(app_database)
    end_others(app_database, before)
    with pytest.raises(OperationalError):
        pid_of(app_database)
    assert pid_of(app_database) != before


def half_done(database: Database, tenant_id: int) -> None:
    with database.tenant(tenant_id) as conn:
        conn.execute(PROPERTY)
        raise RuntimeError


def test_after_a_stranger_a_transaction_is_one_again(app_database: Database, tenant_id: int) -> None:
    pid_of(app_database)
    with pytest.raises(RuntimeError):
        half_done(app_database, tenant_id)
    with app_database.tenant(tenant_id) as conn:
        assert conn.execute(text("SELECT count(*) FROM properties")).scalar_one() == 0


def test_a_stranger_sees_no_tenants_rows(app_database: Database, tenant_id: int) -> None:
    with app_database.tenant(tenant_id) as conn:
        conn.execute(PROPERTY)
        assert conn.execute(text("SELECT count(*) FROM properties")).scalar_one() == 1
    with app_database.stranger() as conn:
        assert conn.execute(text("SELECT count(*) FROM properties")).scalar_one() == 0
