"""Alerts: one open per fingerprint, changed in place; each change keeps its reason and tells the outbox."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, exists, func, select, text
from sqlalchemy import insert as sql_insert
from sqlalchemy import update as sql_update

from python_nodes.domain.findings import Alert, AlertDraft
from python_nodes.errors import NotFoundError
from python_nodes.store import outbox, webhook_events
from python_nodes.store.tables import alert_events, alerts

NOTIFY = "alert.notify"
"""Outbox type of the changes that people should hear of; entity is the alert's id as text."""
REOPENED = "reopened"
"""Event of an alert that had ended and goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    """One decision on an alert, with its reason."""

    event: str
    version: int
    reason: str
    at: datetime
    changes: dict[str, Any]


def alert_of(row: RowMapping) -> Alert:
    """Read one row of the table, whatever else was selected with it."""
    names = [field.name for field in fields(Alert) if field.name != "alert_id"]
    return Alert(alert_id=row["id"], **{name: row[name] for name in names})


def _plain(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Make values fit for JSON: dates as ISO text."""
    return {name: v.isoformat() if isinstance(v, date | datetime) else v for name, v in changes.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """What is written of one decision: in the alert's history, and for those who follow it."""

    alert_id: int
    version: int
    event: str
    reason: str
    at: datetime
    changes: Mapping[str, Any]
    notify: bool


def _record(conn: Connection, decisions: Sequence[_Decision]) -> None:
    if not decisions:
        return
    rows = [
        {
            "alert_id": one.alert_id, "version": one.version, "event": one.event, "reason": one.reason, "at": one.at,
            "changes": _plain(one.changes),
        }
        for one in decisions
    ]  # fmt: skip
    conn.execute(sql_insert(alert_events), rows)
    outbox.add_all(conn, [
        outbox.Entry(
            type=NOTIFY, entity=str(one.alert_id), version=one.version,
            payload={"alert_id": one.alert_id, "event": one.event, "reason": one.reason},
        )
        for one in decisions
        if one.notify
    ])  # fmt: skip
    webhook_events.tell_of_alerts(conn, [
        webhook_events.Told(f"alert.{one.event}", one.alert_id, one.version, one.at.isoformat()) for one in decisions
    ])  # fmt: skip


def insert(conn: Connection, draft: AlertDraft, *, reason: str, notify: bool = True) -> int:
    """Store a new alert and return its id."""
    return insert_all(conn, [(draft, reason)], notify=notify)[0]


def insert_all(conn: Connection, drafts: Sequence[tuple[AlertDraft, str]], *, notify: bool = True) -> list[int]:
    """Store new alerts, each with its reason, and return their ids."""
    if not drafts:
        return []
    names = [field.name for field in fields(AlertDraft)]
    rows = [
        {name: getattr(draft, name) for name in names} | {"updated_at": draft.raised_at, "version": 1}
        for draft, _ in drafts
    ]
    stored = conn.execute(sql_insert(alerts).returning(alerts.c.fingerprint, alerts.c.id), rows)
    # Only one of a fingerprint is open.
    id_of = {fingerprint: int(alert_id) for fingerprint, alert_id in stored}
    _record(conn, [
        _Decision(
            alert_id=id_of[draft.fingerprint], version=1, event="raised", reason=reason, at=draft.raised_at,
            changes={"category": draft.category, "impact_minor": draft.impact_minor}, notify=notify,
        )
        for draft, reason in drafts
    ])  # fmt: skip
    return [id_of[draft.fingerprint] for draft, _ in drafts]


def _change(
    conn: Connection, alert_id: int, changes: Mapping[str, Any], at: datetime, event: str, reason: str, *, notify: bool
) -> _Decision:  # fmt: skip
    """Change an open alert, and return what is to be kept of it."""
    row = {**changes, "updated_at": at, "version": alerts.c.version + 1}
    fits = (alerts.c.id == alert_id) & alerts.c.resolved_at.is_(None)
    found = conn.execute(sql_update(alerts).where(fits).values(row).returning(alerts.c.version)).scalar_one_or_none()
    if found is None:
        raise NotFoundError(f"no open alert {alert_id}")
    return _Decision(
        alert_id=alert_id, version=int(found), event=event, reason=reason, at=at, changes=changes, notify=notify
    )  # fmt: skip


def _versions(
    conn: Connection, wanted: Sequence[tuple[int, Mapping[str, Any]]], at: datetime, *, reopens: bool
) -> dict[int, int]:  # fmt: skip
    """Change all open alerts among these, or open ended ones again, and return their new versions.

    One statement for all of which the same columns change: a cycle changes every alert that is open.
    """
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for alert_id, changes in wanted:
        names = tuple(sorted(alerts.c[name].name for name in changes if name != "updated_at"))
        alike[names].append({"id": alert_id, **_plain({name: changes[name] for name in names})})
    made: dict[int, int] = {}
    for names, rows in alike.items():
        query = text(
            f"UPDATE alerts a SET {''.join(f'{name} = n.{name}, ' for name in names)}"
            " updated_at = :at, version = a.version + 1"
            " FROM jsonb_populate_recordset(NULL::alerts, cast(:rows AS jsonb)) n"
            f" WHERE a.id = n.id AND a.resolved_at IS {'NOT NULL' if reopens else 'NULL'} RETURNING a.id, a.version"
        )
        found = conn.execute(query, {"at": at, "rows": json.dumps(rows)})
        made |= {int(alert_id): int(version) for alert_id, version in found}
    return made


def update(
    conn: Connection, alert_id: int, changes: Mapping[str, Any], reason: str, *, at: datetime, notify: bool
) -> int:  # fmt: skip
    """Change an open alert in place and return its new version."""
    made = _change(conn, alert_id, changes, at, "updated", reason, notify=notify)
    _record(conn, [made])
    return made.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """New values of an open alert, as ``update`` takes them, or of one that ``reopens``: whose ``resolved_at`` goes."""

    alert_id: int
    changes: Mapping[str, Any]
    reason: str
    notify: bool
    reopens: bool = False


def update_open(conn: Connection, wanted: Sequence[Change], *, at: datetime) -> None:
    """Change those alerts that are open, and open again those that are to be; who closed one has the last word."""
    made: dict[int, int] = {}
    for reopens in (False, True):
        chosen = [(one.alert_id, one.changes) for one in wanted if one.reopens == reopens]
        made |= _versions(conn, chosen, at, reopens=reopens)
    _record(conn, [
        _Decision(
            alert_id=one.alert_id, version=made[one.alert_id], event=REOPENED if one.reopens else "updated",
            reason=one.reason, at=at, changes=one.changes, notify=one.notify,
        )
        for one in wanted if one.alert_id in made
    ])  # fmt: skip


def resolve(conn: Connection, alert_id: int, at: datetime, reason: str, *, notify: bool = True) -> int:
    """Close an open alert and return its last version."""
    made = _change(conn, alert_id, {"resolved_at": at}, at, "resolved", reason, notify=notify)
    _record(conn, [made])
    return made.version


def open_all(conn: Connection) -> list[Alert]:
    """Return every open alert, in order of id."""
    return list_all(conn, state="open")


def list_all(conn: Connection, state: Literal["open", "resolved"] | None = None) -> list[Alert]:
    """Return alerts in order of id, all or of one state."""
    query = select(alerts).order_by(alerts.c.id)
    if state is not None:
        query = query.where(alerts.c.resolved_at.is_(None) if state == "open" else alerts.c.resolved_at.is_not(None))
    return [alert_of(row) for row in conn.execute(query).mappings()]


def standing(conn: Connection, kinds: Collection[str], since: datetime, as_of: datetime) -> list[Alert]:
    """Return alerts of some kinds that stood at any moment from ``since`` to ``as_of``, as ``as_of`` knew them."""
    at = alerts.c
    over = at.resolved_at < since
    query = select(alerts).where(at.kind.in_(kinds), at.raised_at <= as_of, at.resolved_at.is_(None) | ~over)
    found = [alert_of(row) for row in conn.execute(query.order_by(at.id)).mappings()]
    return [replace(one, resolved_at=None) if one.resolved_at and one.resolved_at > as_of else one for one in found]


def ended_by_themselves(conn: Connection, since: datetime, as_of: datetime) -> list[Alert]:
    """Return the alerts that ended in a stretch of time and that no person closed, the latest end last."""
    a, e = alerts.c, alert_events.c
    by_hand = exists().where(e.tenant_id == a.tenant_id, e.alert_id == a.id, e.event == "silenced")
    query = select(alerts).where(a.resolved_at >= since, a.resolved_at <= as_of, ~by_hand)
    return [alert_of(row) for row in conn.execute(query.order_by(a.resolved_at, a.id)).mappings()]


def reopened(conn: Connection, alert_ids: Collection[int]) -> Mapping[int, datetime]:
    """Return when alerts were last opened again; those that never were lack."""
    e = alert_events.c
    query = select(e.alert_id, func.max(e.at)).where(e.alert_id.in_(alert_ids), e.event == REOPENED)
    return {int(row[0]): row[1] for row in conn.execute(query.group_by(e.alert_id))} if alert_ids else {}


def get(conn: Connection, alert_id: int) -> Alert:
    """Return one alert or raise NotFoundError."""
    row = conn.execute(select(alerts).where(alerts.c.id == alert_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"alert {alert_id} does not exist")
    return alert_of(row)


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
