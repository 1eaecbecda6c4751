"""Alerts and their history for who only passes them on: evidence, which is most of them, stays as it is stored."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Text, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB

from python_nodes.domain.findings import Alert
from python_nodes.store.tables import alert_events, alerts

State = Literal["open", "resolved"]
_PLAIN = tuple(field.name for field in fields(Alert) if field.name not in {"alert_id", "evidence"})


def told(conn: Connection, state: State | None = None) -> list[tuple[Alert, str]]:
    """Return alerts in order of id, all or of one state, each with its evidence as JSON beside it.

    The alert's own evidence is only which listings it names.
    """
    named = cast(alerts.c.evidence["listing_ids"], JSONB).label("named")
    query = select(alerts.c.id, named, cast(alerts.c.evidence, Text), *(alerts.c[name] for name in _PLAIN))
    if state is not None:
        query = query.where(alerts.c.resolved_at.is_(None) if state == "open" else alerts.c.resolved_at.is_not(None))
    found = []
    for alert_id, listing_ids, evidence, *values in conn.execute(query.order_by(alerts.c.id)).all():
        row: dict[str, Any] = dict(zip(_PLAIN, values, strict=True))
        names = {} if listing_ids is None else {"listing_ids": listing_ids}
        found.append((Alert(alert_id=alert_id, evidence=names, **row), evidence))
    return found


def history(conn: Connection, alert_id: int) -> list[dict[str, Any]]:
    """Return every decision on one alert, oldest first, with what it changed as JSON.

    An alert that stands for weeks was changed hundreds of times, each time with its evidence.
    """
    e = alert_events.c
    query = select(e.event, e.version, e.reason, e.at, cast(e.changes, Text).label("changes"))
    found = conn.execute(query.where(e.alert_id == alert_id).order_by(e.id))
    return [dict(row) for row in found.mappings().all()]


def reasons(conn: Connection, alert_id: int) -> list[tuple[str, str, datetime]]:
    """Return each decision on one alert, oldest first: the event, its reason and its moment."""
    e = alert_events.c
    query = select(e.event, e.reason, e.at).where(e.alert_id == alert_id).order_by(e.id)
    return [(row.event, row.reason, row.at) for row in conn.execute(query).all()]


def count_open(conn: Connection) -> int:
    """Return how many alerts are open."""
    return int(conn.execute(select(func.count()).where(alerts.c.resolved_at.is_(None))).scalar_one())
