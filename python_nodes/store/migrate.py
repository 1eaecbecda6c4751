"""Roles, database, schema and tenants, as their owner; the application never uses these."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from python_nodes.store.session import engine_for

OWNER_ROLE = "nightporter_owner"
APP_ROLE = "nightporter_app"
_ROLE_SQL = "ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {password}"


def _role(conn: Connection, name: str, password: str) -> None:
    exists = conn.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}).first()
    quoted = conn.execute(text("SELECT quote_literal(:p)"), {"p": password}).scalar_one()
    verb = "ALTER" if exists else "CREATE"
    conn.exec_driver_sql(f"{verb} " + _ROLE_SQL.format(name=name, password=quoted).replace("%", "%%"))


def _as(admin_url: str, role: str, password: str, database: str) -> str:
    url = make_url(admin_url).set(drivername="postgresql", username=role, password=password, database=database)
    return url.render_as_string(hide_password=False)


def provision(admin_url: str, database: str, app_password: str, owner_password: str) -> tuple[str, str]:
    """Create both roles and the database where missing; returns (owner_url, app_url). Idempotent."""
    url = make_url(admin_url).set(drivername="postgresql+psycopg2")
    engine: Engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as conn:
            _role(conn, OWNER_ROLE, owner_password)
            _role(conn, APP_ROLE, app_password)
            name = conn.dialect.identifier_preparer.quote(database)
            if not conn.execute(text("SELECT 1 FROM pg_database WHERE datname = :d"), {"d": database}).first():
                conn.exec_driver_sql(f"CREATE DATABASE {name} OWNER {OWNER_ROLE}")
            conn.exec_driver_sql(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
            conn.exec_driver_sql(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {APP_ROLE}")
    finally:
        engine.dispose()
    return _as(admin_url, OWNER_ROLE, owner_password, database), _as(admin_url, APP_ROLE, app_password, database)


def upgrade(owner_url: str, app_role: str = APP_ROLE) -> None:
    """Migrate to the newest schema as the owner, granting the application's role what it needs."""
    engine = engine_for(owner_url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["app_role"] = app_role
    try:
        with engine.begin() as conn:
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def create_tenant(owner_url: str, name: str, currency: str) -> int:
    """Create the tenant of that name where missing and return its id."""
    engine = engine_for(owner_url)
    try:
        with engine.begin() as conn:
            conn.execute(
                text("INSERT INTO tenants (name, currency) VALUES (:name, :currency) ON CONFLICT (name) DO NOTHING"),
                {"name": name, "currency": currency},
            )
            found = conn.execute(text("SELECT tenant_id FROM tenants WHERE name = :name"), {"name": name})
            return int(found.scalar_one())
    finally:
        engine.dispose()
