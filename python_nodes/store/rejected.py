"""Quarantine: records that could not be used, whole, with the reason, until they are replayed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from python_nodes.domain.records import Rejected
from python_nodes.store.tables import rejected
from python_nodes.store.tenant_keys import TenantKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRejected:
    """A quarantined record with its id and the connection it came through."""

    rejected_id: int
    connection_id: int | None
    item: Rejected


def add(
    conn: Connection,
    connection_id: int | None,
    items: Iterable[Rejected],
    *,
    rejected_at: datetime,
    keys: TenantKeys,
) -> int:
    """Quarantine records, encrypted; one that is there already is opened again, not doubled. Returns how many came."""
    rows = [
        {
            "connection_id": connection_id, "source": item.source, "operation": item.operation, "reason": item.reason,
            "field": item.field, "raw": keys.seal(item.raw), "raw_id": item.raw_id, "rejected_at": rejected_at,
            "raw_sha256": keys.fingerprint(item.raw),
        }
        for item in items
    ]  # fmt: skip
    if rows:
        statement = insert(rejected)
        changed = {name: statement.excluded[name] for name in ("reason", "field", "rejected_at", "raw_id")}
        statement = statement.on_conflict_do_update(
            index_elements=["tenant_id", "source", "operation", "raw_sha256"],
            set_={**changed, "replayed_at": None},
        )
        conn.execute(statement, rows)
    return len(rows)


def list_open(
    conn: Connection, keys: TenantKeys, rejected_ids: Sequence[int] | None = None
) -> list[StoredRejected]:  # fmt: skip
    """Return the records not yet replayed, whole, in order of id; only ``rejected_ids`` where given."""
    return [
        StoredRejected(
            rejected_id=row.id,
            connection_id=row.connection_id,
            item=Rejected(
                source=row.source, operation=row.operation, reason=row.reason, field=row.field,
                raw=keys.opened(bytes(row.raw)), raw_id=row.raw_id,
            ),
        )
        for row in conn.execute(select(rejected).where(*_open(rejected_ids)).order_by(rejected.c.id))
    ]  # fmt: skip


def open_ids(
    conn: Connection, rejected_ids: Sequence[int] | None = None, *, after: int = 0, most: int | None = None
) -> list[int]:
    """Return the ids of the ``most`` first records beyond ``after`` that are not yet replayed, in order."""
    query = select(rejected.c.id).where(*_open(rejected_ids, after)).order_by(rejected.c.id).limit(most)
    return list(conn.execute(query).scalars())


def mark_replayed(conn: Connection, rejected_ids: Sequence[int], replayed_at: datetime) -> None:
    """Close records that went through."""
    conn.execute(update(rejected).where(rejected.c.id.in_(rejected_ids)).values(replayed_at=replayed_at))


def count_open(conn: Connection, rejected_ids: Sequence[int] | None = None, *, after: int = 0) -> int:
    """Return how many records wait in quarantine; only ``rejected_ids``, only beyond ``after`` where given."""
    query = select(func.count()).select_from(rejected).where(*_open(rejected_ids, after))
    return int(conn.execute(query).scalar_one())


def _open(rejected_ids: Sequence[int] | None, after: int = 0) -> list[ColumnElement[bool]]:
    asked = [] if rejected_ids is None else [rejected.c.id.in_(rejected_ids)]
    return [rejected.c.replayed_at.is_(None), rejected.c.id > after, *asked]
