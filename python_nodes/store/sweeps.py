"""When sweeps ran, the newest first."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from python_nodes.store.tables import anomaly_runs


def until(conn: Connection, at: datetime, limit: int) -> list[datetime]:
    """Return the moments of the last sweeps up to one."""
    r = anomaly_runs.c
    query = select(r.as_of_at).where(r.as_of_at <= at).distinct().order_by(r.as_of_at.desc()).limit(limit)
    return list(conn.execute(query).scalars())
