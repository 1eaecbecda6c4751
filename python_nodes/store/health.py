"""What channels say of their listings, the latest word of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import Connection, or_, select
from sqlalchemy.dialects.postgresql import insert

from python_nodes.domain.inputs import HealthState
from python_nodes.domain.metrics import IntArray
from python_nodes.domain.records import HealthRecord
from python_nodes.store.counts import Counts
from python_nodes.store.tables import listing_health


def upsert(conn: Connection, records: Sequence[HealthRecord], listing_ids: Mapping[str, int]) -> Counts:
    """Keep the latest word of each listing; counts those whose status or its date is new."""
    newest: dict[int, HealthRecord] = {}
    for record in sorted(records, key=lambda one: one.observed_at):
        newest[listing_ids[record.listing_external_id]] = record
    rows = [
        {
            "listing_id": listing_id, "source": one.source, "status": one.status, "changed_at": one.changed_at,
            "observed_at": one.observed_at, "detail": one.detail, "raw_id": one.raw_id,
        }
        for listing_id, one in newest.items()
    ]  # fmt: skip
    if not rows:
        return Counts(stored=0, unchanged=0)
    statement = insert(listing_health).values(rows)
    told = ("source", "status", "changed_at", "observed_at", "detail", "raw_id")
    own, new = listing_health.c, statement.excluded
    differs = or_(
        own.status != new.status,
        own.changed_at != new.changed_at,
        own.detail != new.detail,
    )
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "listing_id"], set_={name: new[name] for name in told},
        where=differs & (own.observed_at <= new.observed_at),
    )  # fmt: skip
    stored = len(conn.execute(statement.returning(own.listing_id)).all())
    return Counts(stored=stored, unchanged=len(records) - stored)


def current(conn: Connection, listing_ids: Sequence[int] | IntArray) -> HealthState:
    """Return each listing's status, '' if never told; row ``i`` is ``listing_ids[i]``."""
    h = listing_health.c
    moment = np.datetime64("NaT")
    known = {
        int(listing_id): (str(status), np.datetime64(changed.replace(tzinfo=None), "s"), str(detail))
        for listing_id, status, changed, detail in conn.execute(
            select(h.listing_id, h.status, h.changed_at, h.detail).where(
                h.listing_id.in_([int(one) for one in listing_ids])
            )
        )
    }
    rows = [known.get(int(one), ("", moment, "")) for one in listing_ids]
    return HealthState(
        status=np.array([status for status, _, _ in rows], dtype=np.str_),
        changed_at=np.array([changed for _, changed, _ in rows], dtype="datetime64[s]"),
        detail=np.array([detail for _, _, detail in rows], dtype=np.str_),
    )
