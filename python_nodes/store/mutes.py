"""Mutes that people set: kept after their end, so that it can be told what was held back, and why."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, text, update

from python_nodes.domain.mutes import Mute, Origin
from python_nodes.errors import NotFoundError
from python_nodes.store.alert_tables import mutes

_END_SNOOZES = text(
    "UPDATE mutes SET ended_at = :at WHERE fingerprint = :fingerprint AND origin = 'snooze' AND ended_at IS NULL"
    " AND (rrule IS NOT NULL OR end_at >= :at)"
)


def add(
    conn: Connection,
    *,
    start_at: datetime,
    end_at: datetime,
    reason: str,
    actor: str,
    origin: Origin,
    listing_id: int | None = None,
    property_id: int | None = None,
    market: str | None = None,
    kind: str | None = None,
    cause: str | None = None,
    fingerprint: str | None = None,
    rrule: str | None = None,
    zone: str = "UTC",
) -> int:
    """Store a mute and return its id; what is None matches everything."""
    row = {
        "start_at": start_at, "end_at": end_at, "reason": reason, "actor": actor, "origin": origin,
        "listing_id": listing_id, "property_id": property_id, "market": market, "kind": kind, "cause": cause,
        "fingerprint": fingerprint, "rrule": rrule, "zone": zone,
    }  # fmt: skip
    return int(conn.execute(insert(mutes).values(row).returning(mutes.c.id)).scalar_one())


def _mute(row: Row[Any]) -> Mute:
    told = row._mapping
    names = [field.name for field in fields(Mute) if field.name != "mute_id"]
    return Mute(mute_id=told["id"], **{name: told[name] for name in names})


def active(conn: Connection, as_of: datetime) -> list[Mute]:
    """Return the mutes that hold at a moment, of what comes back those whose turn it is."""
    return [one for one in since(conn, as_of) if one.window(as_of) is not None]


def since(conn: Connection, moment: datetime) -> list[Mute]:
    """Return the mutes that may hold at a moment or later: those that ended before it are over."""
    m = mutes.c
    is_left = m.rrule.is_not(None) | (m.end_at >= moment)
    query = select(mutes).where(is_left, or_(m.ended_at.is_(None), m.ended_at >= moment)).order_by(m.id)
    return [_mute(row) for row in conn.execute(query)]


def list_all(conn: Connection) -> list[Mute]:
    """Return every mute, those that are over too, in order of id."""
    return [_mute(row) for row in conn.execute(select(mutes).order_by(mutes.c.id))]


def get(conn: Connection, mute_id: int) -> Mute:
    """Return one mute or raise NotFoundError."""
    row = conn.execute(select(mutes).where(mutes.c.id == mute_id)).first()
    if row is None:
        raise NotFoundError(f"mute {mute_id} does not exist")
    return _mute(row)


def end_snoozes(conn: Connection, fingerprint: str, at: datetime) -> None:
    """End every snooze of one problem that a person has not ended before and that may still hold."""
    conn.execute(_END_SNOOZES, {"fingerprint": fingerprint, "at": at})


def end(conn: Connection, mute_id: int, at: datetime) -> Mute:
    """End a mute before its time and return it; one that a person ended before stays as it was."""
    before = get(conn, mute_id)
    if before.ended_at is None:
        conn.execute(update(mutes).where(mutes.c.id == mute_id).values(ended_at=at))
    return get(conn, mute_id)
