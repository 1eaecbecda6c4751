"""Poll runs: what was asked of a vendor, when, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from python_nodes.store.tables import poll_runs


def start(conn: Connection, connection_id: int, operation: str, as_of: datetime) -> int:
    """Open a run and return its id."""
    row = {"connection_id": connection_id, "operation": operation, "as_of_at": as_of}
    return int(conn.execute(insert(poll_runs).values(row).returning(poll_runs.c.id)).scalar_one())


def finish(
    conn: Connection,
    run_id: int,
    counts: Mapping[str, int],
    *,
    finished_at: datetime,
    error: str | None = None,
) -> None:
    """Close a run with its counts (fetched, stored, unchanged, rejected) or its error."""
    changes = {**counts, "finished_at": finished_at, "error": error}
    conn.execute(update(poll_runs).where(poll_runs.c.id == run_id).values(changes))


def last_success(conn: Connection, connection_id: int, operation: str) -> datetime | None:
    """Return ``as_of`` of the newest run that ended without an error."""
    query = (
        select(poll_runs.c.as_of_at)
        .where(
            poll_runs.c.connection_id == connection_id,
            poll_runs.c.operation == operation,
        )
        .where(poll_runs.c.finished_at.is_not(None), poll_runs.c.error.is_(None))
        .order_by(poll_runs.c.as_of_at.desc())
        .limit(1)
    )
    return conn.execute(query).scalar_one_or_none()
