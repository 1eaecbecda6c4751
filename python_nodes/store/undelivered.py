"""Deliveries that a crash or a provider left unfinished, so that a later cycle takes them up again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from python_nodes.store.tables import deliveries

MAX_ATTEMPTS = 5
INTERRUPTED = "interrupted while sending: the provider is asked before it is sent again"


def release_interrupted(conn: Connection, planned_before: datetime) -> int:
    """Free deliveries that an earlier cycle took and never finished; returns how many."""
    stuck = (deliveries.c.status == "sending") & (deliveries.c.planned_at < planned_before)
    return conn.execute(update(deliveries).where(stuck).values(status="failed", error=INTERRUPTED)).rowcount


def alert_ids(conn: Connection) -> list[int]:
    """Return the alerts with a delivery still to be sent, those given up after MAX_ATTEMPTS left out."""
    due = deliveries.c.status.in_(("planned", "failed")) & (deliveries.c.attempts < MAX_ATTEMPTS)
    query = select(deliveries.c.alert_id).where(due).distinct().order_by(deliveries.c.alert_id)
    return [int(found) for found in conn.execute(query).scalars()]
