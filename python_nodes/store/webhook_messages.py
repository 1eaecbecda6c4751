"""Messages to subscribers: rows of the outbox until they are taken, letters of their own once they are given up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, DateTime, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from python_nodes.store import sends
from python_nodes.store.alert_tables import webhook_letters, webhooks
from python_nodes.store.sends import Draft
from python_nodes.store.tables import outbox
from python_nodes.store.webhook_events import TEST, TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message that was given up; it is kept until its subscriber is removed."""

    letter_id: int
    webhook_id: int
    message_id: int
    event: str
    payload: dict[str, Any]
    reason: str
    attempts: int
    died_at: datetime
    replayed_at: datetime | None


def _is_due(at: datetime) -> ColumnElement[bool]:
    retry_at = cast(outbox.c.payload["retry_at"].astext, DateTime(timezone=True))
    return _is_open() & (retry_at.is_(None) | (retry_at <= at))


def _is_open() -> ColumnElement[bool]:
    return (outbox.c.type == TYPE) & outbox.c.dispatched_at.is_(None)


def _to(webhook_id: int) -> ColumnElement[bool]:
    is_to: ColumnElement[bool] = outbox.c.payload["recipient"].astext == str(webhook_id)
    return is_to


def waiting_for(conn: Connection, at: datetime) -> list[tuple[int, bool]]:
    """Return the subscribers to whom something is to be sent now, and whether each failed the last time."""
    fails = webhooks.c.failing_since_at.is_not(None)
    query = select(webhooks.c.id, fails).where(select(outbox.c.id).where(_is_due(at), _of_webhook()).exists())
    return [(int(webhook_id), bool(failed)) for webhook_id, failed in conn.execute(query.order_by(webhooks.c.id))]


def due(conn: Connection, webhook_id: int, at: datetime, limit: int) -> list[int]:
    """Return the messages to be sent to one subscriber now, in the order in which they were written."""
    query = select(outbox.c.id).where(_is_due(at), _to(webhook_id)).order_by(outbox.c.id).limit(limit)
    return [int(row.id) for row in conn.execute(query)]


def put_off(conn: Connection, message_id: int, reason: str, retry_at: datetime) -> None:
    """Note why a message was not taken, and when it is tried again."""
    _note(conn, message_id, {"reason": reason, "retry_at": retry_at.isoformat()})


def add_test(conn: Connection, webhook_id: int, at: datetime) -> int:
    """Write a message that says nothing, and return its id; whoever asks for it sends it, so it is never due."""
    about = {"event": TEST, "at": at.isoformat(), "data": {}, "retry_at": "infinity"}
    version = int(at.timestamp() * 1e6)
    entity = f"{webhook_id}:{TEST}"
    draft = Draft(entity=entity, version=version, sender="webhook", recipient=str(webhook_id), about=about)
    sends.plan(conn, TYPE, [draft])
    is_it = (outbox.c.type == TYPE) & (outbox.c.entity == entity) & (outbox.c.version == version)
    return int(conn.execute(select(outbox.c.id).where(is_it)).scalar_one())


def bury(conn: Connection, message_id: int, reason: str, at: datetime) -> None:
    """Give a message up: it stands among the letters, and is sent no more."""
    _bury(conn, outbox.c.id == message_id, reason, at)


def bury_all(conn: Connection, webhook_id: int, reason: str, at: datetime) -> None:
    """Give up whatever is still to be sent to a subscriber."""
    _bury(conn, _to(webhook_id), reason, at)


def drop_all(conn: Connection, webhook_id: int, at: datetime) -> None:
    """Send nothing more to a subscriber that is removed."""
    conn.execute(update(outbox).where(_is_open(), _to(webhook_id)).values(dispatched_at=at))


def drop(conn: Connection, message_id: int, at: datetime) -> None:
    """Send a message no more, and keep no letter of it: it said nothing."""
    conn.execute(update(outbox).where(_is_open(), outbox.c.id == message_id).values(dispatched_at=at))


def _bury(conn: Connection, which: ColumnElement[bool], reason: str, at: datetime) -> None:
    told = outbox.c.payload
    names = ["webhook_id", "message_id", "event", "payload", "reason", "attempts", "died_at"]
    found = (
        select(
            webhooks.c.id, outbox.c.id, told["event"].astext, told, literal(reason), told["attempts"].as_integer(),
            literal(at, DateTime(timezone=True)),
        )
        .join(webhooks, _of_webhook())
        .where(_is_open(), which)
        .with_for_update(of=outbox)
    )  # fmt: skip
    conn.execute(insert(webhook_letters).from_select(names, found).on_conflict_do_nothing())
    conn.execute(update(outbox).where(_is_open(), which).values(dispatched_at=at))


def _of_webhook() -> ColumnElement[bool]:
    is_of: ColumnElement[bool] = outbox.c.payload["recipient"].astext == cast(webhooks.c.id, outbox.c.entity.type)
    return is_of


def letters(conn: Connection, webhook_id: int, limit: int = 100) -> list[Letter]:
    """Return what was given up and not sent again, the oldest first."""
    of = webhook_letters.c
    query = select(webhook_letters).where(of.webhook_id == webhook_id, of.replayed_at.is_(None)).order_by(of.id)
    names = set(Letter.__dataclass_fields__) - {"letter_id"}
    return [
        Letter(letter_id=row["id"], **{name: row[name] for name in names})
        for row in conn.execute(query.limit(limit)).mappings()
    ]


def letter_count(conn: Connection) -> dict[int, int]:
    """Return how many letters lie for each subscriber that has some."""
    of = webhook_letters.c
    query = select(of.webhook_id, func.count()).where(of.replayed_at.is_(None)).group_by(of.webhook_id)
    return {int(webhook_id): int(count) for webhook_id, count in conn.execute(query)}


def replay(conn: Connection, webhook_id: int, letter_ids: Collection[int] | None, at: datetime) -> int:
    """Write given-up messages anew, under the ids that their receiver may know them by; returns how many."""
    of = webhook_letters.c
    wanted = (of.webhook_id == webhook_id) & of.replayed_at.is_(None)
    if letter_ids is not None:
        wanted &= of.id.in_(letter_ids)
    taken = update(webhook_letters).where(wanted).values(replayed_at=at)
    found = sorted(conn.execute(taken.returning(of.id, of.message_id, of.payload)).all())
    rows = [
        {
            "type": TYPE, "entity": f"{webhook_id}:letter:{row.id}", "version": 1,
            "payload": {**row.payload, "attempts": 0, "retry_at": None, "first": first_of(row.message_id, row.payload)},
        }
        for row in found
    ]  # fmt: skip
    if rows:
        conn.execute(insert(outbox), rows)
    return len(rows)


def first_of(message_id: int, about: Mapping[str, Any]) -> int:
    """Return the message's first id, which stays over all replays."""
    return int(about.get("first") or message_id)


def _note(conn: Connection, message_id: int, changes: Mapping[str, Any]) -> None:
    payload = outbox.c.payload.op("||")(literal(dict(changes), JSONB))
    conn.execute(update(outbox).where(outbox.c.id == message_id).values(payload=payload))
