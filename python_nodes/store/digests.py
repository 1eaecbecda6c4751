"""The summary of a day or a week: what it tells of, and one message for each recipient, sent once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from python_nodes.domain.findings import Alert
from python_nodes.store import sends
from python_nodes.store.alerts import alert_of
from python_nodes.store.sends import Send
from python_nodes.store.tables import alerts, deliveries, flow_errors, rejected, verdicts

Span = Literal["day", "week"]
TYPES: dict[Span, str] = {"day": "digest.send", "week": "digest.weekly"}
"""Outbox types; entity is ``sender:recipient``, version the day as yyyymmdd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one recipient is to read."""

    sender: str
    recipient: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How many messages one recipient got about one alert."""

    sender: str
    recipient: str
    alert_id: int
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What people said last of one alert."""

    alert_id: int
    kind: str
    verdict: str


def plan(conn: Connection, span: Span, day: date, drafts: Sequence[Draft]) -> list[Send]:
    """Write one message a recipient, the first wording of a span standing; return those still to be sent."""
    version = int(f"{day:%Y%m%d}")
    sends.plan(conn, TYPES[span], [
        sends.Draft(entity=f"{one.sender}:{one.recipient}", version=version, sender=one.sender,
                    recipient=one.recipient, about={"facts": dict(one.facts)})
        for one in drafts
    ])  # fmt: skip
    return sends.due(conn, TYPES[span], version)


def alerts_of(conn: Connection, since: datetime, until: datetime) -> list[Alert]:
    """Return the alerts raised by ``until`` that stood at any time after ``since``."""
    a = alerts.c
    stood = (a.raised_at <= until) & (a.resolved_at.is_(None) | (a.resolved_at > since))
    return [alert_of(row) for row in conn.execute(select(alerts).where(stood).order_by(a.id)).mappings()]


def sent(conn: Connection, since: datetime, until: datetime) -> list[Sent]:
    """Count the messages that went out after ``since``, by recipient and alert."""
    d = deliveries.c
    query = select(d.sender, d.recipient, d.alert_id, func.count().label("messages")).where(
        d.status == "sent", d.finished_at > since, d.finished_at <= until
    )
    return [Sent(**row) for row in conn.execute(query.group_by(d.sender, d.recipient, d.alert_id)).mappings()]


def judged(conn: Connection, since: datetime, until: datetime) -> list[Judged]:
    """Return what was said last after ``since``, of each alert that was judged then."""
    v = verdicts.c
    last = select(func.max(v.id)).where(v.given_at > since, v.given_at <= until).group_by(v.alert_id)
    query = select(v.alert_id, alerts.c.kind, v.verdict).join_from(verdicts, alerts, v.alert_id == alerts.c.id)
    query = query.where(v.id.in_(last)).order_by(v.alert_id)
    return [Judged(**row) for row in conn.execute(query).mappings()]


def troubles(conn: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """Count what went wrong within our own house: records kept back, steps of flows that failed."""
    count = func.count()
    held = select(count).where(rejected.c.rejected_at > since, rejected.c.rejected_at <= until)
    failed = select(count).where(flow_errors.c.reported_at > since, flow_errors.c.reported_at <= until)
    return {
        "rejected": int(conn.execute(held).scalar_one()),
        "failed_steps": int(conn.execute(failed).scalar_one()),
    }
