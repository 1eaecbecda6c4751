"""Transactions as one tenant: nothing outside of one can see or write a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, make_url, text

CONNECT_TIMEOUT_S = 5


def engine_for(url: str, *, pool_size: int = 5) -> Engine:
    """Build an engine on psycopg2; connects only when first used."""
    parsed = make_url(url).set(drivername="postgresql+psycopg2")
    # Room for what COPY stages: the default of 8 MB would spill it to disk. Taken only as it is used.
    # A host that swallows packets must not hold a request for the kernel's two minutes.
    options = {"options": "-c temp_buffers=64MB", "connect_timeout": CONNECT_TIMEOUT_S}
    # Beyond the pool: a large read takes up to four connections, and four requests may read at once.
    return create_engine(parsed, pool_size=pool_size, max_overflow=11, pool_pre_ping=True, connect_args=options)


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


def _become(conn: Connection, tenant_id: str) -> None:
    conn.execute(text("SELECT set_config('app.tenant_id', :id, true)"), {"id": tenant_id})
