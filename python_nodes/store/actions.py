"""What people did about an alert."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from python_nodes.store.tables import actions


def add(
    conn: Connection,
    alert_id: int,
    kind: str,
    actor: str,
    *,
    taken_at: datetime,
    note: str = "",
) -> int:
    """Record one action and return its id."""
    row = {
        "alert_id": alert_id,
        "kind": kind,
        "actor": actor,
        "note": note,
        "taken_at": taken_at,
    }
    return int(conn.execute(insert(actions).values(row).returning(actions.c.id)).scalar_one())


def list_for_alert(conn: Connection, alert_id: int) -> list[dict[str, Any]]:
    """Return the actions on one alert, oldest first."""
    query = select(actions).where(actions.c.alert_id == alert_id).order_by(actions.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]
