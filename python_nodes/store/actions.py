"""What people did about an alert, and which false alarms still stand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from python_nodes.domain.findings import Alert, Silence
from python_nodes.errors import NotFoundError
from python_nodes.store import alerts, webhook_events
from python_nodes.store.tables import actions, alert_events
from python_nodes.store.tables import alerts as alert_table

SILENCED, SILENCE_ENDED = "silenced", "silence ended"
"""Events of a closed alert between which the same problem is not raised again."""
ACTED = "alert.acted"
"""Outbox type of what people did and messages do not show yet; entity is the alert's id, version the action's."""
STEP_PREFIX = "action-"
"""Begins the step of a delivery that only shows what people did."""

# What follows is asked a hundred times a second: each a round trip, worded once. The lock is a statement of its own,
# since whoever waits for it has to see what the other did.
_HOLD = text(
    "SELECT 1 FROM alerts WHERE id = :alert_id FOR UPDATE;"
    " SELECT a.id, a.version, a.fingerprint, a.raised_at, a.resolved_at,"
    " c.id AS action_id, c.kind, c.actor, c.note, c.taken_at,"
    " ARRAY(SELECT DISTINCT d.recipient FROM deliveries d"
    " WHERE d.alert_id = :alert_id AND d.sender = :sender AND d.status <> 'suppressed') AS shown_to"
    " FROM alerts a LEFT JOIN actions c ON c.tenant_id = a.tenant_id AND c.alert_id = a.id AND c.taken_at >= coalesce("
    f"(SELECT max(e.at) FROM alert_events e WHERE e.alert_id = :alert_id AND e.event = '{alerts.REOPENED}'),"
    " '-infinity') WHERE a.id = :alert_id ORDER BY c.id"
)
_TAKEN = (
    "WITH taken AS (INSERT INTO actions (alert_id, kind, actor, note, taken_at)"
    " VALUES (:alert_id, :kind, :actor, :stored, :at) RETURNING id, alert_id),"
    " judged AS (INSERT INTO verdicts (alert_id, is_real, verdict, cause, actor, note, given_at)"
    " SELECT alert_id, cast(:is_real AS boolean), :verdict, :cause, :actor, :note, :at FROM taken"
    " WHERE cast(:verdict AS text) IS NOT NULL),"
    " due AS (INSERT INTO outbox (type, entity, version, payload)"
    f" SELECT '{ACTED}', alert_id::text, id, cast(:due AS jsonb) FROM taken),"
)
_SHOW = text(
    _TAKEN + " shown AS (INSERT INTO deliveries (alert_id, step, sender, recipient, status, reason, planned_at)"
    f" SELECT alert_id, '{STEP_PREFIX}' || id, :sender, unnest(cast(:shown_to AS text[])), 'planned', :reason, :at"
    " FROM taken ON CONFLICT DO NOTHING) SELECT id FROM taken"
)
_CLOSE = text(
    _TAKEN + " ended AS (UPDATE alerts SET resolved_at = :ended_at, updated_at = :ended_at, version = version + 1"
    " WHERE id = :alert_id AND resolved_at IS NULL RETURNING id, version),"
    " told AS (INSERT INTO alert_events (alert_id, version, event, reason, at, changes)"
    " SELECT id, version, 'resolved', cast(:reason AS text), cast(:ended_at AS timestamptz), cast(:resolved AS jsonb)"
    " FROM ended UNION ALL SELECT id, :version, :silenced, :reason, :at, cast(:silence AS jsonb) FROM ended),"
    " heard AS (INSERT INTO outbox (type, entity, version, payload)"
    f" SELECT '{alerts.NOTIFY}', id::text, version, cast(:heard AS jsonb) FROM ended ON CONFLICT DO NOTHING)"
    " SELECT id FROM taken"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One action as stored."""

    action_id: int
    kind: str
    actor: str
    note: str
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What an action on an alert is decided by; ``shown_to`` has a message that is changed in place.

    ``taken`` is what was done since the alert was last opened: what came back is in nobody's hands.
    """

    alert_id: int
    version: int
    fingerprint: str
    raised_at: datetime
    resolved_at: datetime | None
    taken: tuple[Row, ...]
    shown_to: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One action to store, with the verdict that it gives, if it gives one; ``stored`` is its note as it is kept."""

    kind: str
    actor: str
    stored: str
    note: str
    at: datetime
    verdict: str | None = None
    is_real: bool | None = None
    cause: str | None = None

    def values(self, alert_id: int) -> dict[str, Any]:
        """Name what the statements take of it."""
        return {
            "alert_id": alert_id, "kind": self.kind, "actor": self.actor, "stored": self.stored, "note": self.note,
            "at": self.at, "verdict": self.verdict, "is_real": self.is_real, "cause": self.cause,
            "due": json.dumps({"as_of": self.at.isoformat()}),
        }  # fmt: skip


def take(conn: Connection, alert_id: int, sender: str) -> Held:
    """Hold an alert to the transaction's end, so that two people do not both end it, and tell what was done so far."""
    rows = conn.execute(_HOLD, {"alert_id": alert_id, "sender": sender}).all()
    if not rows:
        raise NotFoundError(f"alert {alert_id} does not exist")
    first = rows[0]
    done = [
        Row(action_id=one.action_id, kind=one.kind, actor=one.actor, note=one.note, taken_at=one.taken_at)
        for one in rows if one.action_id is not None
    ]  # fmt: skip
    return Held(
        alert_id=first.id, version=first.version, fingerprint=first.fingerprint, raised_at=first.raised_at,
        resolved_at=first.resolved_at, taken=tuple(done), shown_to=tuple(sorted(first.shown_to)),
    )  # fmt: skip


def show(conn: Connection, held: Held, deed: Deed, sender: str, reason: str) -> int:
    """Store what was done, and plan that each message changed in place shows it; returns the action's id."""
    told = {"sender": sender, "shown_to": list(held.shown_to), "reason": reason}
    action_id = int(conn.execute(_SHOW, deed.values(held.alert_id) | told).scalar_one())
    webhook_events.tell_of_alerts(conn, [_told(held, deed, action_id)])
    return action_id


def close(conn: Connection, held: Held, deed: Deed, reason: str) -> int:
    """Store what was done, end the alert, and keep its problem from being raised again; returns the action's id.

    As ``alerts.resolve`` and ``silence`` would, in one statement.
    """
    # An alert cannot end before its last change, even where that was dated by another clock.
    ended_at = max(deed.at, held.raised_at)
    told = {
        "ended_at": ended_at, "version": held.version, "reason": reason, "silenced": SILENCED,
        "resolved": json.dumps({"resolved_at": ended_at.isoformat()}), "silence": json.dumps({"because": deed.kind}),
        "heard": json.dumps({"alert_id": held.alert_id, "event": "resolved", "reason": reason}),
    }  # fmt: skip
    action_id = int(conn.execute(_CLOSE, deed.values(held.alert_id) | told).scalar_one())
    ended = webhook_events.Told("alert.resolved", held.alert_id, held.version + 1, ended_at.isoformat(), deed.kind)
    webhook_events.tell_of_alerts(conn, [_told(held, deed, action_id), ended])
    return action_id


def _told(held: Held, deed: Deed, action_id: int) -> webhook_events.Told:
    event = "alert.acknowledged" if deed.kind == "acknowledge" else "alert.acted"
    return webhook_events.Told(event, held.alert_id, action_id, deed.at.isoformat(), deed.kind)


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
