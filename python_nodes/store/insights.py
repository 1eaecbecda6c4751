"""Alerts in words: what was written of each, and what the month's writing has cost; kept in the alerts' history."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Connection, func, select, update

from python_nodes.domain.findings import Alert
from python_nodes.store import actions, turns
from python_nodes.store.tables import alert_events

EVENT = "in words"
_E = alert_events.c


def text_of(conn: Connection, alert: Alert) -> str | None:
    """Return what was written of the alert in its present category; '' if it was tried in vain, None if never."""
    mine = (_E.event == EVENT) & (_E.alert_id == alert.alert_id)
    query = select(_E.changes).where(mine, _E.changes["category"].as_string() == alert.category)
    row = conn.execute(query.order_by(_E.id.desc()).limit(1)).first()
    return None if row is None else str(row.changes.get("text", ""))


def hold(conn: Connection, alert_id: int) -> bool:
    """Keep others from having the same alert written until the transaction ends; False while another does."""
    return turns.hold(conn, f"in_words.{alert_id}")


def used_tokens(conn: Connection, since: datetime) -> int:
    """Return what was used since a moment, reservations included."""
    tokens = func.coalesce(func.sum(_E.changes["tokens"].as_string().cast(BigInteger)), 0)
    return int(conn.execute(select(tokens).where(_E.event == EVENT, _E.at >= since)).scalar_one())


def reserve(conn: Connection, alert: Alert, tokens: int, budget: int, at: datetime) -> int | None:
    """Set tokens aside from the month's budget and return the event to settle; None if there are not enough."""
    month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    # One at a time, so that two that fit singly do not together go over.
    conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("nightporter.in_words", 0))))
    is_enough = used_tokens(conn, month) + tokens <= budget
    changes = {"category": alert.category, "tokens": tokens if is_enough else 0, "text": ""}
    reason = "asked" if is_enough else "by template: this month's budget is used up"
    event_id = actions.note_event(conn, alert, EVENT, reason, at, changes)
    return event_id if is_enough else None


def settle(conn: Connection, event_id: int, alert: Alert, text: str, tokens: int, reason: str) -> None:
    """Write what came of it and what it really cost."""
    changes = {"category": alert.category, "tokens": tokens, "text": text}
    conn.execute(update(alert_events).where(_E.id == event_id).values(changes=changes, reason=reason))
