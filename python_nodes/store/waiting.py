"""Alerts that nobody takes care of, and what was planned to tell further people of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, exists, select

from python_nodes.domain.findings import Alert
from python_nodes.store import alerts, deliveries
from python_nodes.store.tables import actions
from python_nodes.store.tables import alerts as alert_table
from python_nodes.store.tables import deliveries as delivery_table

TAKEN_CARE = ("acknowledge", "assign", "resolve", "verdict")
"""Actions after which somebody has the alert in hand."""


def unattended(conn: Connection, as_of: datetime) -> list[Alert]:
    """Return the open alerts, raised by ``as_of``, that nobody has in hand; in order of id."""
    in_hand = exists().where(
        actions.c.tenant_id == alert_table.c.tenant_id, actions.c.alert_id == alert_table.c.id,
        actions.c.kind.in_(TAKEN_CARE),
    )  # fmt: skip
    waits = alert_table.c.resolved_at.is_(None) & (alert_table.c.raised_at <= as_of) & ~in_hand
    ids = set(conn.execute(select(alert_table.c.id).where(waits)).scalars())
    return [one for one in alerts.open_all(conn) if one.alert_id in ids]


def planned(conn: Connection, alert_ids: Sequence[int]) -> Mapping[int, list[deliveries.Delivery]]:
    """Return the deliveries of several alerts, by alert."""
    query = select(delivery_table).where(delivery_table.c.alert_id.in_(alert_ids)).order_by(delivery_table.c.id)
    found: dict[int, list[deliveries.Delivery]] = defaultdict(list)
    for row in conn.execute(query):
        one = deliveries.delivery_of(row)
        found[one.alert_id].append(one)
    return found


def unsent(conn: Connection, prefix: str) -> list[int]:
    """Return the open alerts with a delivery that is still to be sent and whose step begins so."""
    d = delivery_table.c
    query = (
        select(d.alert_id)
        .join(alert_table, (alert_table.c.tenant_id == d.tenant_id) & (alert_table.c.id == d.alert_id))
        .where(d.status.in_(("planned", "failed")), d.step.startswith(prefix, autoescape=True))
        .where(alert_table.c.resolved_at.is_(None))
        .distinct()
        .order_by(d.alert_id)
    )
    return list(conn.execute(query).scalars())
