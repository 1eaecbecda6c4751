"""One at a time: a transaction that reads, decides and writes waits until it is its turn, or is told that it is not."""

from __future__ import annotations

from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from python_nodes.store.session import current_tenant

PATIENCE_S = 5.0
"""How long a sender waits for another that is at the same message, or at the one before it."""


def wait(conn: Connection, what: str) -> None:
    """Wait until no other transaction of this tenant is at it; the end of ``conn``'s transaction lets go."""
    key = f"nightporter.{what}:{current_tenant(conn)}"
    conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def hold(conn: Connection, what: str, *, wait_s: float = 0.0) -> bool:
    """Take one thing until the transaction ends; False if another transaction is at it for longer than that."""
    key = func.hashtextextended(f"nightporter.{what}", 0)
    if conn.execute(select(func.pg_try_advisory_xact_lock(key))).scalar_one():
        return True
    if wait_s <= 0:
        return False
    try:
        with conn.begin_nested():
            conn.execute(select(func.set_config("lock_timeout", f"{wait_s * 1000:.0f}ms", True)))
            conn.execute(select(func.pg_advisory_xact_lock(key)))
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        return False
    conn.execute(select(func.set_config("lock_timeout", "0", True)))
    return True
