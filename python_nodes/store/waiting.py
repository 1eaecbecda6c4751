"""What people have in hand, and what was planned to tell further people of alerts that wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from python_nodes.domain.findings import Alert
from python_nodes.store import alerts, at_once
from python_nodes.store.deliveries import Routed
from python_nodes.store.tables import actions
from python_nodes.store.tables import alerts as alert_table
from python_nodes.store.tables import deliveries as delivery_table
from python_nodes.store.undelivered import hopeful

TAKEN_CARE = ("acknowledge", "assign", "resolve", "verdict")
"""Actions after which somebody has the alert in hand."""


def in_hand(conn: Connection, alert_ids: Collection[int], as_of: datetime) -> Mapping[int, datetime]:
    """Return when somebody last took care of an alert by a moment; those of which nobody did lack."""
    a = actions.c
    query = (
        select(a.alert_id, func.max(a.taken_at))
        .where(a.alert_id.in_(alert_ids), a.kind.in_(TAKEN_CARE), a.taken_at <= as_of)
        .group_by(a.alert_id)
    )
    return {int(row[0]): row[1] for row in conn.execute(query)} if alert_ids else {}


def plan_all(conn: Connection, wanted: Sequence[tuple[int, str, Sequence[Routed]]], at: datetime) -> None:
    """Plan or record messages of many alerts at once, each once: (alert, status, messages)."""
    at_once.put(conn, delivery_table, [
        {"alert_id": alert_id, "step": one.step, "sender": one.sender, "recipient": one.recipient,
         "status": status, "reason": one.reason, "planned_at": at}
        for alert_id, status, group in wanted for one in group
    ])  # fmt: skip


def raised_since(conn: Connection, since: datetime, as_of: datetime) -> list[Alert]:
    """Return the alerts raised after ``since`` and by ``as_of``, ended ones among them."""
    a = alert_table.c
    query = select(alert_table).where(a.raised_at > since, a.raised_at <= as_of).order_by(a.id)
    return [alerts.alert_of(row) for row in conn.execute(query).mappings()]


def unsent(conn: Connection, prefix: str) -> list[int]:
    """Return the open alerts with a delivery that is still to be sent, not given up, and whose step begins so."""
    d = delivery_table.c
    query = (
        select(d.alert_id)
        .join(alert_table, (alert_table.c.tenant_id == d.tenant_id) & (alert_table.c.id == d.alert_id))
        .where(d.status.in_(("planned", "failed")), hopeful(), d.step.startswith(prefix, autoescape=True))
        .where(alert_table.c.resolved_at.is_(None))
        .distinct()
        .order_by(d.alert_id)
    )
    return list(conn.execute(query).scalars())
