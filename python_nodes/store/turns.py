"""One at a time: a transaction that reads, decides and writes waits until it is its turn."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from python_nodes.store.session import current_tenant


def wait(conn: Connection, what: str) -> None:
    """Wait until no other transaction of this tenant is at it; the end of ``conn``'s transaction lets go."""
    key = f"nightporter.{what}:{current_tenant(conn)}"
    conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
