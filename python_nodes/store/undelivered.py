"""Deliveries that a crash or a provider left unfinished, so that a later cycle takes them up again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, cast, func, select, update

from python_nodes.store.alerts import NOTIFY
from python_nodes.store.deliveries import Delivery, delivery_of, hold
from python_nodes.store.tables import deliveries, outbox

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


def of_alert(conn: Connection, alert_id: int) -> list[Delivery]:
    """Return the deliveries of one alert still to be sent, those given up left out, in order of id."""
    d = deliveries.c
    due = (d.alert_id == alert_id) & d.status.in_(("planned", "failed")) & hopeful()
    return [delivery_of(row) for row in conn.execute(select(deliveries).where(due).order_by(d.id))]


def waiting_since() -> ColumnElement[datetime]:
    """Tell since when a delivery could be sent: its plan, or its alert's newest news where a plan was dated back.

    A plan bears the moment that its run was about, which in a replay or a simulation is long past.
    """
    is_its = (outbox.c.type == NOTIFY) & (outbox.c.entity == cast(deliveries.c.alert_id, Text))
    news = select(func.max(outbox.c.created_at)).where(is_its).correlate(deliveries).scalar_subquery()
    return func.greatest(deliveries.c.planned_at, news)


def waited_s(conn: Connection, delivery_id: int) -> float:
    """Return for how long a delivery could have been sent, by the server's clock."""
    age = func.extract("epoch", func.clock_timestamp() - waiting_since())
    return float(conn.execute(select(age).where(deliveries.c.id == delivery_id)).scalar_one())


def longest_waiting_s(conn: Connection) -> dict[str, float]:
    """Return by sender for how long the oldest delivery that is planned or being sent could have been sent."""
    age = func.extract("epoch", func.clock_timestamp() - func.min(waiting_since()))
    query = select(deliveries.c.sender, age).where(deliveries.c.status.in_(("planned", "sending")))
    return {str(sender): float(found) for sender, found in conn.execute(query.group_by(deliveries.c.sender))}
