"""Transactions as one tenant: nothing outside of one can see or write a row."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from psycopg2 import InterfaceError, OperationalError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

CONNECT_TIMEOUT_S = 5
TRUSTED_S = 1.0
"""A connection put back so short a time ago is taken without asking whether it lives: no server starts anew faster."""
OVERFLOW = 11
"""Connections beyond the pool: a large read takes up to four, and four requests may read at once."""


def engine_for(url: str, *, pool_size: int = 5) -> Engine:
    """Build an engine on psycopg2; connects only when first used."""
    parsed = make_url(url).set(drivername="postgresql+psycopg2")
    # Room for what COPY stages: the default of 8 MB would spill it to disk. Taken only as it is used.
    # A host that swallows packets must not hold a request for the kernel's two minutes.
    options = {"options": "-c temp_buffers=64MB", "connect_timeout": CONNECT_TIMEOUT_S}
    # Evidence is most of a list of alerts, and takes the standard library five times as long to read.
    engine = create_engine(
        parsed, pool_size=pool_size, max_overflow=OVERFLOW, connect_args=options, json_deserializer=orjson.loads
    )
    _ask_the_idle(engine)
    return engine


def _ask_the_idle(engine: Engine) -> None:
    """Do as ``pool_pre_ping``, which costs a busy worker a round trip for every transaction."""

    def put_back(_: Any, entry: ConnectionPoolEntry) -> None:
        # monotonic is a stopwatch, not a clock: no result depends on it.
        entry.info["put_back_s"] = time.monotonic()

    def taken(dbapi: Any, entry: ConnectionPoolEntry, _: Any) -> None:
        put_back_s = entry.info.get("put_back_s")
        if put_back_s is None or time.monotonic() - put_back_s < TRUSTED_S:
            return
        try:
            engine.dialect.do_ping(dbapi)
        except (InterfaceError, OperationalError):
            raise InvalidatePoolError("the connection is gone") from None

    event.listen(engine, "checkin", put_back)
    event.listen(engine, "checkout", taken)


class Database:
    """The application's database, reached as a role that owns nothing."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self.engine = engine_for(url, pool_size=pool_size)

    @contextmanager
    def tenant(self, tenant_id: int) -> Iterator[Connection]:
        """Open one transaction as ``tenant_id``: commits on a clean exit, else rolls back."""
        with self.engine.begin() as conn:
            _become(conn, str(tenant_id))
            yield conn

    @contextmanager
    def anonymous(self) -> Iterator[Connection]:
        """Open one transaction as nobody: sees no tenant's row; for API-key authentication only."""
        with self.engine.begin() as conn:
            _become(conn, "")
            yield conn

    @contextmanager
    def stranger(self) -> Iterator[Connection]:
        """Do as ``anonymous``, each statement by itself: one round trip where a transaction takes four."""
        with self.engine.connect() as conn:
            raw: Any = conn.connection.driver_connection
            # Not by SQLAlchemy's isolation level, which asks the server to set one, and to set it back.
            raw.autocommit = True
            try:
                yield conn
            finally:
                conn.rollback()
                if not raw.closed:
                    raw.autocommit = False

    def ping(self) -> None:
        """Raise if the database does not answer."""
        with self.engine.connect() as conn:
            conn.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@contextmanager
def beside(conn: Connection) -> Iterator[Connection]:
    """Open another transaction as the same tenant, to read at the same time; it sees nothing that is not committed."""
    tenant_id = current_tenant(conn)
    with conn.engine.begin() as other:
        _become(other, str(tenant_id))
        yield other


def current_tenant(conn: Connection) -> int:
    """Return the transaction's tenant."""
    return int(conn.execute(text("SELECT current_setting('app.tenant_id')::int")).scalar_one())


_BECOME = "SELECT set_config('app.tenant_id', %s, true)"


def _become(conn: Connection, tenant_id: str) -> None:
    conn.exec_driver_sql(_BECOME, (tenant_id,))
