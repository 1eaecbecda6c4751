"""The summary of a day or a week: what it tells of, and one row of the outbox for each recipient, sent once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from python_nodes.domain.findings import Alert
from python_nodes.errors import NotFoundError
from python_nodes.store.alerts import alert_of
from python_nodes.store.tables import alerts, deliveries, flow_errors, outbox, rejected, verdicts

Span = Literal["day", "week"]
TYPES: dict[Span, str] = {"day": "digest.send", "week": "digest.weekly"}
"""Outbox types; entity is ``sender:recipient``, version the day as yyyymmdd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One recipient's summary of one span; ``attempts`` counts those begun."""

    digest_id: int
    sender: str
    recipient: str
    facts: dict[str, Any]
    attempts: int
    provider_ref: str | None
    is_sent: bool


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


def plan(conn: Connection, span: Span, day: date, drafts: Sequence[Draft]) -> list[Digest]:
    """Write one row a recipient, the first wording of a span standing; return those still to be sent."""
    version = int(f"{day:%Y%m%d}")
    rows = [
        {"type": TYPES[span], "entity": f"{one.sender}:{one.recipient}", "version": version, "payload": {
            "sender": one.sender, "recipient": one.recipient, "facts": dict(one.facts), "attempts": 0,
            "provider_ref": None,
        }}
        for one in drafts
    ]  # fmt: skip
    if rows:
        conn.execute(insert(outbox).on_conflict_do_nothing(), rows)
    is_due = (outbox.c.type == TYPES[span]) & (outbox.c.version == version) & outbox.c.dispatched_at.is_(None)
    return [_digest(row) for row in conn.execute(select(outbox).where(is_due).order_by(outbox.c.id))]


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


def hold(conn: Connection, digest_id: int) -> bool:
    """Lock a digest until the transaction ends; False while another transaction is sending it."""
    key = func.hashtextextended(f"nightporter.digest.{digest_id}", 0)
    return bool(conn.execute(select(func.pg_try_advisory_xact_lock(key))).scalar_one())


def begin(conn: Connection, digest_id: int) -> Digest:
    """Count an attempt unless it is sent already, so that a later one knows that this one may have arrived."""
    found = _get(conn, digest_id)
    if not found.is_sent:
        _note(conn, digest_id, {"attempts": found.attempts + 1}, None)
    return found


def finish(conn: Connection, digest_id: int, provider_ref: str, at: datetime) -> None:
    """Close a digest that was sent."""
    _note(conn, digest_id, {"provider_ref": provider_ref}, at)


def troubles(conn: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """Count what went wrong within our own house: records kept back, steps of flows that failed."""
    count = func.count()
    held = select(count).where(rejected.c.rejected_at > since, rejected.c.rejected_at <= until)
    failed = select(count).where(flow_errors.c.reported_at > since, flow_errors.c.reported_at <= until)
    return {
        "rejected": int(conn.execute(held).scalar_one()),
        "failed_steps": int(conn.execute(failed).scalar_one()),
    }


def _get(conn: Connection, digest_id: int) -> Digest:
    row = conn.execute(select(outbox).where(outbox.c.id == digest_id, outbox.c.type.in_(TYPES.values()))).first()
    if row is None:
        raise NotFoundError(f"digest {digest_id} does not exist")
    return _digest(row)


def _digest(row: Row[Any]) -> Digest:
    return Digest(digest_id=row.id, is_sent=row.dispatched_at is not None, **row.payload)


def _note(conn: Connection, digest_id: int, changes: Mapping[str, Any], at: datetime | None) -> None:
    payload = outbox.c.payload.op("||")(literal(dict(changes), JSONB))
    values = {"payload": payload} | ({"dispatched_at": at} if at is not None else {})
    conn.execute(update(outbox).where(outbox.c.id == digest_id).values(values))
