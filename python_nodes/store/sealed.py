"""What rests under the installation's secret key, wherever a table declares it, read and written in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, func, select, text, tuple_, update

from python_nodes.store.session import engine_for
from python_nodes.store.table_parts import METADATA, SEALED


@dataclass(frozen=True, slots=True)
class Place:
    """A column of a table."""

    table: Table
    column: Column[Any]

    def __str__(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    @property
    def key(self) -> list[Column[Any]]:
        """What names a row of the tenant."""
        return [column for column in self.table.primary_key.columns if column.name != "tenant_id"]


@dataclass(frozen=True, slots=True)
class Kept:
    """One secret: which row it is of, and what is written there."""

    row: tuple[Any, ...]
    content: bytes


def places() -> list[Place]:
    """Return every column that is declared to hold what the secret key has sealed."""
    return [
        Place(table, column)
        for table in METADATA.sorted_tables
        for column in table.columns
        if column.info.get(SEALED)
    ]  # fmt: skip


def count(conn: Connection, place: Place) -> int:
    """Return how many there are."""
    return int(conn.execute(select(func.count(place.column)).select_from(place.table)).scalar_one())


def page(conn: Connection, place: Place, after: tuple[Any, ...] | None, limit: int, *, hold: bool) -> list[Kept]:
    """Return the next ones in the order of their rows; ``hold`` keeps them from changing until the transaction ends."""
    query = select(*place.key, place.column).where(place.column.is_not(None)).order_by(*place.key).limit(limit)
    if after is not None:
        query = query.where(tuple_(*place.key) > tuple_(*after))
    if hold:
        query = query.with_for_update()
    return [Kept(tuple(row[:-1]), bytes(row[-1])) for row in conn.execute(query)]


def write(conn: Connection, place: Place, changed: Sequence[Kept]) -> None:
    """Write them back."""
    for one in changed:
        of_row = [column == value for column, value in zip(place.key, one.row, strict=True)]
        conn.execute(update(place.table).where(*of_row).values({place.column: one.content}))


def tenants(owner_url: str) -> list[int]:
    """Return every tenant of the database: only its owner may know."""
    engine = engine_for(owner_url)
    try:
        with engine.connect() as conn:
            return [int(row[0]) for row in conn.execute(text("SELECT tenant_id FROM tenants ORDER BY tenant_id"))]
    finally:
        engine.dispose()
