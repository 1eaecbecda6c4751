"""Errors that flows report."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from python_nodes.store.tables import flow_errors


def add(
    conn: Connection,
    *,
    workflow: str,
    node: str,
    message: str,
    execution_id: str,
    reported_at: datetime,
) -> int:
    """Keep one report and return its id."""
    row = {
        "workflow": workflow, "node": node, "message": message, "execution_id": execution_id,
        "reported_at": reported_at,
    }  # fmt: skip
    return int(conn.execute(insert(flow_errors).values(row).returning(flow_errors.c.id)).scalar_one())


def count(conn: Connection) -> int:
    """Return how many were reported."""
    return int(conn.execute(select(func.count()).select_from(flow_errors)).scalar_one())
