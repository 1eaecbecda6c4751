"""The archive's register: one row a file, its checksum, where it lies and whether its rows are in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy import delete as delete_from

from python_nodes.store import schema
from python_nodes.store.tables import archives, monthly_summaries

State = Literal["archived", "loaded", "superseded", "expired"]
"""``loaded``: its rows are in the database again; ``superseded``: and have left it again with a later file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One file; ``path`` is relative to the archive's root and the key in the bucket."""

    archive_id: int
    entity: str
    month_date: date
    part: int
    path: str
    schema_version: str
    state: State
    row_count: int
    size_bytes: int
    sha256: bytes
    written_at: datetime
    exported_at: datetime | None
    loaded_at: datetime | None
    hold_until_at: datetime | None


def listed(conn: Connection, entity: str | None = None, month: date | None = None) -> list[Archive]:
    """Return the files, oldest month first; of one entity, and of one month, where these are told."""
    query = select(archives).order_by(archives.c.entity, archives.c.month_date, archives.c.part)
    if entity is not None:
        query = query.where(archives.c.entity == entity)
    if month is not None:
        query = query.where(archives.c.month_date == month)
    return [_archive(row) for row in conn.execute(query)]


def next_part(conn: Connection, entity: str, month: date) -> int:
    """Return the number of the next file of an entity's month, from 1."""
    of_month = (archives.c.entity == entity) & (archives.c.month_date == month)
    return int(conn.execute(select(func.coalesce(func.max(archives.c.part), 0)).where(of_month)).scalar_one()) + 1


def add(conn: Connection, row: Mapping[str, Any]) -> int:
    """Enter a file; those of its month whose rows were put back are superseded by it."""
    of_month = (archives.c.entity == row["entity"]) & (archives.c.month_date == row["month_date"])
    conn.execute(update(archives).where(of_month, archives.c.state == "loaded").values(state="superseded"))
    values = {**row, "schema_version": schema.of(conn) or "", "state": "archived"}
    return int(conn.execute(insert(archives).values(values).returning(archives.c.id)).scalar_one())


def held(conn: Connection, as_of: datetime) -> set[tuple[str, date]]:
    """Return the entities' months that were put back and are to stay for now."""
    query = select(archives.c.entity, archives.c.month_date).where(
        archives.c.state == "loaded", archives.c.hold_until_at > as_of
    )
    return {(row.entity, row.month_date) for row in conn.execute(query)}


def loaded(conn: Connection, archive_id: int, at: datetime, hold_until: datetime) -> None:
    """Note that a file's rows are back; what was known of them by month is in the rows themselves again."""
    conn.execute(delete_from(monthly_summaries).where(monthly_summaries.c.archive_id == archive_id))
    values = {"state": "loaded", "loaded_at": at, "hold_until_at": hold_until}
    conn.execute(update(archives).where(archives.c.id == archive_id).values(values))


def exported(conn: Connection, archive_id: int, at: datetime) -> None:
    """Note that a copy has arrived."""
    conn.execute(update(archives).where(archives.c.id == archive_id).values(exported_at=at))


def expire(conn: Connection, archive_id: int) -> None:
    """Note that a file is deleted for good, and forget what was known of its month."""
    conn.execute(delete_from(monthly_summaries).where(monthly_summaries.c.archive_id == archive_id))
    conn.execute(update(archives).where(archives.c.id == archive_id).values(state="expired"))


def months(
    conn: Connection, entity: str, listing_ids: Sequence[int] | None, start: date, end: date
) -> list[dict[str, Any]]:
    """Return what is known of months whose rows have left, by listing and currency."""
    a, m = archives.c, monthly_summaries.c
    query = select(a.month_date, a.part, m.listing_id, m.currency, m.row_count, m.figures).join_from(
        monthly_summaries, archives, (m.archive_id == a.id)
    )
    query = query.where(a.entity == entity, a.month_date >= start, a.month_date <= end)
    if listing_ids is not None:
        query = query.where(m.listing_id.in_(listing_ids))
    return [dict(row) for row in conn.execute(query.order_by(m.listing_id, a.month_date, a.part)).mappings()]


def _archive(row: Row[Any]) -> Archive:
    told = {name: value for name, value in row._mapping.items() if name not in ("id", "tenant_id")}
    return Archive(archive_id=row.id, **told)
