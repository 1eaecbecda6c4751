"""Messages that stand in the outbox, one row a recipient: planned once, held while sent, closed with a reference."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB

from python_nodes.errors import NotFoundError
from python_nodes.store import outbox as outbox_store
from python_nodes.store import turns, under_way
from python_nodes.store.outbox import Entry
from python_nodes.store.tables import outbox

_OWN = frozenset({"sender", "recipient", "attempts", "provider_ref"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one recipient is to be told: ``about`` is what its words are made of."""

    entity: str
    version: int
    sender: str
    recipient: str
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One recipient's message; ``attempts`` counts those begun."""

    message_id: int
    sender: str
    recipient: str
    attempts: int
    provider_ref: str | None
    is_sent: bool
    about: dict[str, Any] = field(repr=False)


def plan(conn: Connection, type_: str, drafts: Sequence[Draft]) -> None:
    """Write that these are to be sent; the first wording of an entity's version stands."""
    outbox_store.add_all(conn, [
        Entry(type=type_, entity=one.entity, version=one.version, payload={
            **one.about, "sender": one.sender, "recipient": one.recipient, "attempts": 0, "provider_ref": None,
        })
        for one in drafts
    ])  # fmt: skip


def due(conn: Connection, type_: str, version: int | None = None) -> list[Send]:
    """Return the messages still to be sent, the oldest first; of one version where one is named."""
    is_due = (outbox.c.type == type_) & outbox.c.dispatched_at.is_(None)
    if version is not None:
        is_due &= outbox.c.version == version
    return [_send(row) for row in conn.execute(select(outbox).where(is_due).order_by(outbox.c.id))]


def hold(conn: Connection, message_id: int, *, wait_s: float = 0.0) -> bool:
    """Lock a message until the transaction ends; False if another transaction is sending it for longer than that."""
    return turns.hold(conn, f"send.{message_id}", wait_s=wait_s)


def begin(conn: Connection, message_id: int, types: Collection[str], name: str) -> Send:
    """Count an attempt unless it is sent already, so that a later one knows that this one may have arrived.

    RetryableError while an earlier one may still arrive.
    """
    is_it = (outbox.c.id == message_id) & outbox.c.type.in_(types)
    row = conn.execute(select(outbox).where(is_it).with_for_update()).first()
    if row is None:
        raise NotFoundError(f"{name} {message_id} does not exist")
    found = _send(row)
    if not found.is_sent:
        under_way.refuse(conn, outbox, message_id, name)
        _note(conn, message_id, {"attempts": found.attempts + 1}, None)
    return found


def leaves(conn: Connection, begun: Send, within_s: float) -> None:
    """Note that what was begun leaves now; RetryableError if another attempt has begun since."""
    is_mine = _is_last(begun) & outbox.c.dispatched_at.is_(None)
    under_way.leaves(conn, outbox, is_mine, within_s, f"message {begun.message_id}")


def settled(conn: Connection, begun: Send) -> None:
    """Note that the provider answered: nothing of it is on its way."""
    conn.execute(update(outbox).where(_is_last(begun)).values(arrives_by_at=None))


def finish(conn: Connection, message_id: int, provider_ref: str, at: datetime) -> None:
    """Close a message that was sent."""
    _note(conn, message_id, {"provider_ref": provider_ref}, at)


def _is_last(begun: Send) -> ColumnElement[bool]:
    attempts: ColumnElement[int] = outbox.c.payload["attempts"].as_integer()
    return (outbox.c.id == begun.message_id) & (attempts == begun.attempts + 1)


def _send(row: Row[Any]) -> Send:
    own = {name: row.payload[name] for name in _OWN}
    about = {name: value for name, value in row.payload.items() if name not in _OWN}
    return Send(message_id=row.id, is_sent=row.dispatched_at is not None, about=about, **own)


def _note(conn: Connection, message_id: int, changes: Mapping[str, Any], at: datetime | None) -> None:
    payload = outbox.c.payload.op("||")(literal(dict(changes), JSONB))
    values = {"payload": payload} | ({"dispatched_at": at, "arrives_by_at": None} if at is not None else {})
    conn.execute(update(outbox).where(outbox.c.id == message_id).values(values))
