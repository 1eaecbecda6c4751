"""Deliveries with their times, for an alert's history."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from python_nodes.store.tables import deliveries


def deliveries_of(conn: Connection, alert_id: int) -> list[dict[str, Any]]:
    """Return every delivery of one alert as stored, in order of id."""
    query = select(deliveries).where(deliveries.c.alert_id == alert_id).order_by(deliveries.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]
