"""The outbox: what must be told to the world, written with the change it tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from python_nodes.store.tables import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One thing to tell; ``entity`` is its subject's id as text."""

    outbox_id: int
    type: str
    entity: str
    version: int
    payload: dict[str, Any]


def add(conn: Connection, type_: str, entity: str, version: int, payload: Mapping[str, Any]) -> None:
    """Write one row; the same (type, entity, version) is written once."""
    add_all(conn, [Entry(type=type_, entity=entity, version=version, payload=payload)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row to be written."""

    type: str
    entity: str
    version: int
    payload: Mapping[str, Any]


def add_all(conn: Connection, entries: Sequence[Entry]) -> None:
    """Do as ``add`` for several rows."""
    rows = [
        {"type": one.type, "entity": one.entity, "version": one.version, "payload": dict(one.payload)}
        for one in entries
    ]
    if rows:
        conn.execute(insert(outbox).on_conflict_do_nothing(), rows)


def pending(conn: Connection, type_: str, limit: int = 1000) -> list[OutboxRow]:
    """Return rows not yet dispatched, oldest first."""
    return _read(conn, _open(type_).limit(limit))


def take(conn: Connection, type_: str, created_before: datetime | None = None, limit: int = 1000) -> list[OutboxRow]:
    """Return rows that have waited since before then, and hold them to the transaction's end; no other takes them."""
    waited = _open(type_) if created_before is None else _open(type_).where(outbox.c.created_at < created_before)
    return _read(conn, waited.limit(limit).with_for_update(skip_locked=True))


def newest(conn: Connection, type_: str, entities: Sequence[str]) -> list[OutboxRow]:
    """Return what was last told of each of these, dispatched or not."""
    query = select(outbox).where(outbox.c.type == type_, outbox.c.entity.in_(entities))
    return _read(conn, query.ext(distinct_on(outbox.c.entity)).order_by(outbox.c.entity, outbox.c.version.desc()))


def _open(type_: str) -> Select[Any]:
    return select(outbox).where(outbox.c.type == type_, outbox.c.dispatched_at.is_(None)).order_by(outbox.c.id)


def _read(conn: Connection, query: Select[Any]) -> list[OutboxRow]:
    return [
        OutboxRow(
            outbox_id=row.id,
            type=row.type,
            entity=row.entity,
            version=row.version,
            payload=row.payload,
        )
        for row in conn.execute(query)
    ]


def mark_done(conn: Connection, outbox_ids: Sequence[int], dispatched_at: datetime) -> None:
    """Close rows that were dispatched."""
    conn.execute(update(outbox).where(outbox.c.id.in_(outbox_ids)).values(dispatched_at=dispatched_at))


def mark_entity_done(conn: Connection, type_: str, entity: str, dispatched_at: datetime) -> None:
    """Close every open row of one entity: its newest state has been told."""
    open_rows = (outbox.c.type == type_) & (outbox.c.entity == entity) & outbox.c.dispatched_at.is_(None)
    conn.execute(update(outbox).where(open_rows).values(dispatched_at=dispatched_at))
