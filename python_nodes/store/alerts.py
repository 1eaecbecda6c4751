"""Alerts: one open per fingerprint, changed in place; each change keeps its reason and tells the outbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy import insert as sql_insert
from sqlalchemy import update as sql_update

from python_nodes.domain.findings import Alert, AlertDraft
from python_nodes.errors import NotFoundError
from python_nodes.store import outbox
from python_nodes.store.tables import alert_events, alerts

NOTIFY = "alert.notify"
"""Outbox type of the changes that people should hear of; entity is the alert's id as text."""

CHANGED = "alert.changed"
"""Outbox type of the changes that only other systems follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    """One decision on an alert, with its reason."""

    event: str
    version: int
    reason: str
    at: datetime
    changes: dict[str, Any]


def _alert(row: RowMapping) -> Alert:
    names = [field.name for field in fields(Alert) if field.name != "alert_id"]
    return Alert(alert_id=row["id"], **{name: row[name] for name in names})


def _plain(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Make values fit for JSON: dates as ISO text."""
    return {name: v.isoformat() if isinstance(v, date | datetime) else v for name, v in changes.items()}


def _record(
    conn: Connection, alert_id: int, version: int, event: str, reason: str, at: datetime, *,
    changes: Mapping[str, Any], notify: bool,
) -> None:  # fmt: skip
    plain = _plain(changes)
    row = {"alert_id": alert_id, "version": version, "event": event, "reason": reason, "at": at, "changes": plain}
    conn.execute(sql_insert(alert_events).values(row))
    payload = {"alert_id": alert_id, "event": event, "reason": reason}
    outbox.add(conn, NOTIFY if notify else CHANGED, str(alert_id), version, payload)


def insert(conn: Connection, draft: AlertDraft, *, reason: str, notify: bool = True) -> int:
    """Store a new alert and return its id."""
    values = asdict(draft)
    row = {**values, "updated_at": values["raised_at"], "version": 1}
    alert_id = int(conn.execute(sql_insert(alerts).values(row).returning(alerts.c.id)).scalar_one())
    told = {"category": values["category"], "impact_minor": values["impact_minor"]}
    _record(conn, alert_id, 1, "raised", reason, values["raised_at"], changes=told, notify=notify)
    return alert_id


def _change_open(
    conn: Connection, alert_id: int, changes: Mapping[str, Any], at: datetime, event: str, reason: str, *, notify: bool
) -> int:  # fmt: skip
    """Change an open alert and keep the reason; returns its new version."""
    row = {**changes, "updated_at": at, "version": alerts.c.version + 1}
    open_one = (alerts.c.id == alert_id) & alerts.c.resolved_at.is_(None)
    found = conn.execute(
        sql_update(alerts).where(open_one).values(row).returning(alerts.c.version)
    ).scalar_one_or_none()
    if found is None:
        raise NotFoundError(f"no open alert {alert_id}")
    version = int(found)
    _record(conn, alert_id, version, event, reason, at, changes=changes, notify=notify)
    return version


def update(
    conn: Connection, alert_id: int, changes: Mapping[str, Any], reason: str, *, at: datetime, notify: bool
) -> int:  # fmt: skip
    """Change an open alert in place and return its new version."""
    return _change_open(conn, alert_id, changes, at, "updated", reason, notify=notify)


def resolve(conn: Connection, alert_id: int, at: datetime, reason: str, *, notify: bool = True) -> int:
    """Close an open alert and return its last version."""
    return _change_open(conn, alert_id, {"resolved_at": at}, at, "resolved", reason, notify=notify)


def open_all(conn: Connection) -> list[Alert]:
    """Return every open alert, in order of id."""
    return list_all(conn, state="open")


def list_all(conn: Connection, state: Literal["open", "resolved"] | None = None) -> list[Alert]:
    """Return alerts in order of id, all or of one state."""
    query = select(alerts).order_by(alerts.c.id)
    if state is not None:
        query = query.where(alerts.c.resolved_at.is_(None) if state == "open" else alerts.c.resolved_at.is_not(None))
    return [_alert(row) for row in conn.execute(query).mappings()]


def standing(conn: Connection, kinds: Collection[str], since: datetime, as_of: datetime) -> list[Alert]:
    """Return alerts of some kinds that stood at any moment from ``since`` to ``as_of``, as ``as_of`` knew them."""
    at = alerts.c
    over = at.resolved_at < since
    query = select(alerts).where(at.kind.in_(kinds), at.raised_at <= as_of, at.resolved_at.is_(None) | ~over)
    found = [_alert(row) for row in conn.execute(query.order_by(at.id)).mappings()]
    return [replace(one, resolved_at=None) if one.resolved_at and one.resolved_at > as_of else one for one in found]


def get(conn: Connection, alert_id: int) -> Alert:
    """Return one alert or raise NotFoundError."""
    row = conn.execute(select(alerts).where(alerts.c.id == alert_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"alert {alert_id} does not exist")
    return _alert(row)


def history(conn: Connection, alert_id: int) -> list[AlertEvent]:
    """Return every decision on one alert, oldest first."""
    query = select(alert_events).where(alert_events.c.alert_id == alert_id).order_by(alert_events.c.id)
    return [
        AlertEvent(
            event=row.event,
            version=row.version,
            reason=row.reason,
            at=row.at,
            changes=row.changes,
        )
        for row in conn.execute(query)
    ]
