"""Roles, database, schema and tenants, as their owner; the application never uses these."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from python_nodes.errors import ConfigError, RetryableError
from python_nodes.store import viewers
from python_nodes.store.session import engine_for

OWNER_ROLE = "nightporter_owner"
APP_ROLE = "nightporter_app"
LOCK = 6_717_830_201
"""What whoever changes roles or a schema holds meanwhile; a number like any other that nothing else is locked by."""
PATIENCE = "10min"
_LOCK_NOT_AVAILABLE = "55P03"
_ROLE_SQL = "ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {password}"


def _role(conn: Connection, name: str, password: str, *, known_as: str | None = None) -> None:
    exists = conn.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": known_as or name}).first()
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
        with engine.connect() as conn, _alone(conn):
            _role(conn, OWNER_ROLE, owner_password)
            _role(conn, APP_ROLE, app_password)
            # A dump of the database names it, so it must be there wherever one is put back.
            viewers.make_group(conn)
            name = conn.dialect.identifier_preparer.quote(database)
            if not conn.execute(text("SELECT 1 FROM pg_database WHERE datname = :d"), {"d": database}).first():
                conn.exec_driver_sql(f"CREATE DATABASE {name} OWNER {OWNER_ROLE}")
            conn.exec_driver_sql(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
            conn.exec_driver_sql(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {APP_ROLE}")
    finally:
        engine.dispose()
    return _as(admin_url, OWNER_ROLE, owner_password, database), _as(admin_url, APP_ROLE, app_password, database)


@contextmanager
def _alone(conn: Connection, patience: str = PATIENCE) -> Iterator[None]:
    """Wait until nobody else changes roles or the schema of this database, and let nobody begin meanwhile."""
    try:
        conn.execute(text("SELECT set_config('lock_timeout', :patience, false)"), {"patience": patience})
        conn.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
    except OperationalError as error:
        if getattr(error.orig, "pgcode", None) != _LOCK_NOT_AVAILABLE:
            raise
        told = f"another migration has been running for {patience}: see who in pg_stat_activity, then try again"
        raise RetryableError(told) from None
    try:
        yield
    finally:
        if not conn.closed and not conn.invalidated:
            conn.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})


def own_database(admin_url: str, url: str) -> None:
    """Make the role and the database that an address names, as another program's own. Idempotent."""
    told = make_url(url)
    if not (told.username and told.password and told.database):
        raise ConfigError("the address of a database of its own needs a role, a password and a database's name")
    engine = create_engine(make_url(admin_url).set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as conn, _alone(conn):
            quote = conn.dialect.identifier_preparer.quote
            _role(conn, quote(told.username), told.password, known_as=told.username)
            if not conn.execute(text("SELECT 1 FROM pg_database WHERE datname = :d"), {"d": told.database}).first():
                conn.exec_driver_sql(f"CREATE DATABASE {quote(told.database)} OWNER {quote(told.username)}")
            conn.exec_driver_sql(f"REVOKE ALL ON DATABASE {quote(told.database)} FROM PUBLIC")
    finally:
        engine.dispose()


def upgrade(owner_url: str, app_role: str = APP_ROLE, *, patience: str = PATIENCE) -> None:
    """Migrate to the newest schema as the owner, granting the application's role what it needs.

    Of two that are started at once the second waits, and finds nothing left to do.
    """
    engine = engine_for(owner_url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["app_role"] = app_role
    try:
        # The lock outlives the transaction: whoever comes next must see what was committed.
        with engine.connect() as conn, _alone(conn, patience):
            conn.commit()
            with conn.begin():
                config.attributes["connection"] = conn
                command.upgrade(config, "head")
                conn.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {app_role}")
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
