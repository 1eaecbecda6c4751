"""The day's summary: what it tells of, and one row of the outbox for each recipient, sent once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from python_nodes.errors import NotFoundError
from python_nodes.store.tables import flow_errors, outbox, rejected

TYPE = "digest.send"
"""Outbox type; entity is ``sender:recipient``, version the day as yyyymmdd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One recipient's summary of one day; ``attempts`` counts those begun."""

    digest_id: int
    sender: str
    recipient: str
    facts: dict[str, Any]
    attempts: int
    provider_ref: str | None
    is_sent: bool


def plan(
    conn: Connection, day: date, recipients: Sequence[tuple[str, str]], facts: Mapping[str, Any]
) -> list[Digest]:  # fmt: skip
    """Write one row a recipient, the first wording of a day standing; return those still to be sent."""
    version = int(f"{day:%Y%m%d}")
    rows = [
        {"type": TYPE, "entity": f"{sender}:{recipient}", "version": version, "payload": {
            "sender": sender, "recipient": recipient, "facts": dict(facts), "attempts": 0, "provider_ref": None,
        }}
        for sender, recipient in recipients
    ]  # fmt: skip
    if rows:
        conn.execute(insert(outbox).on_conflict_do_nothing(), rows)
    is_due = (outbox.c.type == TYPE) & (outbox.c.version == version) & outbox.c.dispatched_at.is_(None)
    return [_digest(row) for row in conn.execute(select(outbox).where(is_due).order_by(outbox.c.id))]


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
    row = conn.execute(select(outbox).where(outbox.c.id == digest_id, outbox.c.type == TYPE)).first()
    if row is None:
        raise NotFoundError(f"digest {digest_id} does not exist")
    return _digest(row)


def _digest(row: Row[Any]) -> Digest:
    return Digest(digest_id=row.id, is_sent=row.dispatched_at is not None, **row.payload)


def _note(conn: Connection, digest_id: int, changes: Mapping[str, Any], at: datetime | None) -> None:
    payload = outbox.c.payload.op("||")(literal(dict(changes), JSONB))
    values = {"payload": payload} | ({"dispatched_at": at} if at is not None else {})
    conn.execute(update(outbox).where(outbox.c.id == digest_id).values(values))
