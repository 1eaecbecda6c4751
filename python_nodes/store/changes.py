"""What change logs told: who changed what on a listing or a property, and when."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection
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
