"""What change logs told: who changed what on a listing or a property, and when."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from python_nodes.domain.records import ChangeRecord
from python_nodes.store.counts import Counts
from python_nodes.store.tables import listing_changes


def add(
    conn: Connection, records: Sequence[ChangeRecord], listing_ids: Mapping[str, int], property_ids: Mapping[str, int]
) -> Counts:
    """Add what is not there yet; a line told again, in whatever file, is the same line."""
    rows = [
        {
            "change_sha256": _digest(one), "changed_at": one.changed_at, "source": one.source, "channel": one.channel,
            "listing_id": listing_ids[one.listing_external_id] if one.listing_external_id else None,
            "property_id": property_ids.get(one.property_external_id or ""), "field": one.field,
            "old_value": one.old, "new_value": one.new, "actor": one.actor, "raw_id": one.raw_id,
        }
        for one in records
    ]  # fmt: skip
    if not rows:
        return Counts(stored=0, unchanged=0)
    statement = insert(listing_changes).values(rows).on_conflict_do_nothing(
        index_elements=["tenant_id", "change_sha256"]
    )  # fmt: skip
    stored = len(conn.execute(statement.returning(listing_changes.c.id)).all())
    return Counts(stored=stored, unchanged=len(records) - stored)


def _digest(one: ChangeRecord) -> bytes:
    told = (
        one.channel, one.changed_at.isoformat(), one.listing_external_id, one.property_external_id, one.field, one.old,
        one.new, one.actor,
    )  # fmt: skip
    return hashlib.sha256(json.dumps(told).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChange:
    """A line as stored; without a listing it was the property's on ``channel``. Ids grow in the order of storing."""

    id: int
    changed_at: datetime
    channel: str
    listing_id: int | None
    property_id: int | None
    field: str
    old_value: str
    new_value: str
    actor: str


def between(
    conn: Connection, since: datetime, until: datetime, listing_ids: Collection[int], property_ids: Collection[int]
) -> list[StoredChange]:
    """Return the lines of some listings, and those of whole properties, in order of time."""
    c = listing_changes.c
    whole = c.listing_id.is_(None) & c.property_id.in_(property_ids)
    query = select(*(c[field.name] for field in fields(StoredChange))).where(
        c.changed_at.between(since, until), c.listing_id.in_(listing_ids) | whole
    )
    return [StoredChange(**row) for row in conn.execute(query.order_by(c.changed_at, c.id)).mappings()]


def stored_after(conn: Connection, last_id: int) -> list[tuple[int, int | None, int | None]]:
    """Return id, listing and property of the lines that were stored after one."""
    c = listing_changes.c
    query = select(c.id, c.listing_id, c.property_id).where(c.id > last_id).order_by(c.id)
    return [(row.id, row.listing_id, row.property_id) for row in conn.execute(query)]


def newest_id(conn: Connection) -> int:
    """Return the id of the line stored last, 0 without any."""
    return int(conn.execute(select(func.max(listing_changes.c.id))).scalar_one() or 0)
