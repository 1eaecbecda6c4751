"""Messages about proposals: one row of the outbox for each state of a proposal and recipient, sent once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB

from python_nodes.errors import NotFoundError
from python_nodes.store import outbox as outbox_store
from python_nodes.store.outbox import Entry
from python_nodes.store.tables import outbox

TYPE = "proposal.send"
"""Outbox type; entity is ``proposal:recipient``, version one more than the decision that it tells of, 1 without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalMessage:
    """One recipient's message on one state of a proposal; ``attempts`` counts those begun."""

    message_id: int
    proposal_id: int
    recipient: str
    attempts: int
    provider_ref: str | None
    is_sent: bool


def plan(
    conn: Connection, proposal_id: int, decision_id: int | None, sender: str, recipients: Sequence[str]
) -> None:  # fmt: skip
    """Write that a proposal's present state is to be told; the same state is told once."""
    outbox_store.add_all(conn, [
        Entry(
            type=TYPE, entity=f"{proposal_id}:{recipient}", version=(decision_id or 0) + 1,
            payload={"proposal_id": proposal_id, "sender": sender, "recipient": recipient, "attempts": 0,
                     "provider_ref": None},
        )
        for recipient in recipients
    ])  # fmt: skip


def due(conn: Connection) -> list[ProposalMessage]:
    """Return the messages still to be sent, the oldest first."""
    is_due = (outbox.c.type == TYPE) & outbox.c.dispatched_at.is_(None)
    return [_message(row) for row in conn.execute(select(outbox).where(is_due).order_by(outbox.c.id))]


def hold(conn: Connection, message_id: int) -> bool:
    """Lock a message until the transaction ends; False while another transaction is sending it."""
    key = func.hashtextextended(f"nightporter.proposal.{message_id}", 0)
    return bool(conn.execute(select(func.pg_try_advisory_xact_lock(key))).scalar_one())


def begin(conn: Connection, message_id: int) -> ProposalMessage:
    """Count an attempt unless it is sent already, so that a later one knows that this one may have arrived."""
    found = _get(conn, message_id)
    if not found.is_sent:
        _note(conn, message_id, {"attempts": found.attempts + 1}, None)
    return found


def told_in(conn: Connection, one: ProposalMessage) -> str | None:
    """Return the provider's reference of the message that this recipient has on the proposal already."""
    sent = (outbox.c.type == TYPE) & (outbox.c.entity == f"{one.proposal_id}:{one.recipient}")
    query = select(outbox.c.payload["provider_ref"].astext.label("ref")).where(sent, outbox.c.dispatched_at.isnot(None))
    found = conn.execute(query.order_by(outbox.c.version.desc()).limit(1)).first()
    return None if found is None else found.ref


def finish(conn: Connection, message_id: int, provider_ref: str, at: datetime) -> None:
    """Close a message that was sent."""
    _note(conn, message_id, {"provider_ref": provider_ref}, at)


def _get(conn: Connection, message_id: int) -> ProposalMessage:
    row = conn.execute(select(outbox).where(outbox.c.id == message_id, outbox.c.type == TYPE)).first()
    if row is None:
        raise NotFoundError(f"message {message_id} does not exist")
    return _message(row)


def _message(row: Row[Any]) -> ProposalMessage:
    told = {name: row.payload[name] for name in ("proposal_id", "recipient", "attempts", "provider_ref")}
    return ProposalMessage(message_id=row.id, is_sent=row.dispatched_at is not None, **told)


def _note(conn: Connection, message_id: int, changes: Mapping[str, Any], at: datetime | None) -> None:
    payload = outbox.c.payload.op("||")(literal(dict(changes), JSONB))
    values = {"payload": payload} | ({"dispatched_at": at} if at is not None else {})
    conn.execute(update(outbox).where(outbox.c.id == message_id).values(values))
