"""What people did about an alert, and which false alarms still stand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from python_nodes.domain.findings import Alert, Silence
from python_nodes.errors import NotFoundError
from python_nodes.store import alerts
from python_nodes.store.tables import actions, alert_events
from python_nodes.store.tables import alerts as alert_table

SILENCED, SILENCE_ENDED = "silenced", "silence ended"
"""Events of a closed alert between which the same problem is not raised again."""


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


def hold(conn: Connection, alert_id: int) -> Alert:
    """Return one alert, locked until the transaction ends, so that two people do not both end it."""
    row = conn.execute(select(alert_table).where(alert_table.c.id == alert_id).with_for_update()).mappings().first()
    if row is None:
        raise NotFoundError(f"alert {alert_id} does not exist")
    return alerts.alert_of(row)


def note_event(
    conn: Connection, alert: Alert, event: str, reason: str, at: datetime, changes: dict[str, Any] | None = None
) -> int:
    """Write into an alert's history what changes nothing of the alert itself; returns the event's id."""
    row = {
        "alert_id": alert.alert_id, "version": alert.version, "event": event, "reason": reason, "at": at,
        "changes": changes or {},
    }  # fmt: skip
    return int(conn.execute(insert(alert_events).values(row).returning(alert_events.c.id)).scalar_one())


def silence(conn: Connection, alert: Alert, because: str, reason: str, at: datetime) -> None:
    """Keep the problem of a closed alert from being raised again; ``because`` is the action that closed it."""
    note_event(conn, alert, SILENCED, reason, at, {"because": because})


def end_silence(conn: Connection, alert: Alert, reason: str, at: datetime) -> None:
    """Let the problem be raised again when it comes back."""
    note_event(conn, alert, SILENCE_ENDED, reason, at)


def verdicts_open(conn: Connection) -> list[Silence]:
    """Return the silences that stand: alerts that people closed and whose problem may not have ended, oldest first."""
    e = alert_events.c
    last = select(func.max(e.id)).where(e.event.in_((SILENCED, SILENCE_ENDED))).group_by(e.alert_id)
    query = (
        select(alert_table, e.at.label("began_at"), e.changes.label("closed_by"))
        .join(alert_table, (alert_table.c.tenant_id == e.tenant_id) & (alert_table.c.id == e.alert_id))
        .where(e.id.in_(last), e.event == SILENCED)
        .order_by(e.alert_id)
    )
    return [
        Silence(alert=alerts.alert_of(row), because=row["closed_by"].get("because", ""), began_at=row["began_at"])
        for row in conn.execute(query).mappings()
    ]
