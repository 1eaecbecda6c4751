"""Deliveries that a crash or a provider left unfinished, so that a later cycle takes them up again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from python_nodes.store.deliveries import hold
from python_nodes.store.tables import deliveries

MAX_ATTEMPTS = 5
PATIENCE = 500
"""Attempts while the provider says that it is only down: hours of them, asked each minute."""
INTERRUPTED = "interrupted while sending: the provider is asked before it is sent again"


def release_interrupted(conn: Connection, planned_before: datetime) -> int:
    """Free deliveries that an earlier cycle took and never finished; returns how many.

    One that is being sent at this moment is held by its sender, and stays its own.
    """
    taken = deliveries.c.status == "sending"
    stuck = conn.execute(select(deliveries.c.id).where(taken, deliveries.c.planned_at < planned_before)).scalars()
    left = [delivery_id for delivery_id in stuck if hold(conn, delivery_id)]
    # `taken` again: a sender may have finished between the question and the lock.
    change = update(deliveries).where(taken, deliveries.c.id.in_(left)).values(status="failed", error=INTERRUPTED)
    return conn.execute(change).rowcount


def hopeful() -> ColumnElement[bool]:
    """Tell those that are not given up: refused fewer than MAX_ATTEMPTS times, or met by an outage that may pass."""
    tries = deliveries.c.attempts
    return (tries < MAX_ATTEMPTS) | (deliveries.c.is_passing & (tries < PATIENCE))


def alert_ids(conn: Connection) -> list[int]:
    """Return the alerts with a delivery still to be sent, those given up left out."""
    due = deliveries.c.status.in_(("planned", "failed")) & hopeful()
    query = select(deliveries.c.alert_id).where(due).distinct().order_by(deliveries.c.alert_id)
    return [int(found) for found in conn.execute(query).scalars()]
