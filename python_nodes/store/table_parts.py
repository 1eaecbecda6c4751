"""What tables are declared with: a tenant that leads every key, and columns by what they hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

METADATA = MetaData()
SEALED = "under the secret key"
TENANT_SQL = "nullif(current_setting('app.tenant_id', true), '')::int"
"""The transaction's tenant; a pooled session that once set it reads '' later, which must mean nobody."""


def tenant_table(
    name: str, *items: SchemaItem, key: tuple[str, ...] = ("id",), fill_percent: int | None = None
) -> Table:
    """Declare a tenant's table; the tenant leads every key, so that no foreign key can cross tenants."""
    columns: list[SchemaItem] = [Column("tenant_id", Integer, server_default=text(TENANT_SQL), nullable=False)]
    if key == ("id",):
        columns.append(Column("id", BigInteger, Identity(), nullable=False))
    return Table(
        name, METADATA, *columns, *items, PrimaryKeyConstraint("tenant_id", *key),
        postgresql_with={} if fill_percent is None else {"fillfactor": fill_percent},
    )  # fmt: skip


def words(name: str, default: str | None = None) -> Column[Any]:
    """Declare text that is always there."""
    return Column(name, Text, nullable=False, server_default=default)


def maybe(name: str) -> Column[Any]:
    """Declare text that may lack."""
    return Column(name, Text)


def whole(name: str, *, nullable: bool = False, default: str | None = None) -> Column[Any]:
    """Declare a whole number."""
    return Column(name, BigInteger, nullable=nullable, server_default=default)


def real(name: str) -> Column[Any]:
    """Declare a real number."""
    return Column(name, Double, nullable=False)


def flag(name: str) -> Column[Any]:
    """Declare yes or no."""
    return Column(name, Boolean, nullable=False)


def day(name: str) -> Column[Any]:
    """Declare a calendar day."""
    return Column(name, Date, nullable=False)


def at(name: str, *, nullable: bool = False) -> Column[Any]:
    """Declare a point in time."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def sealed(name: str) -> Column[Any]:
    """Declare what rests under the installation's secret key: `nightporter keys` finds it by this."""
    return Column(name, LargeBinary, nullable=False, info={SEALED: True})


def facts(name: str) -> Column[Any]:
    """Declare JSON, an empty object where nothing is said."""
    return Column(name, JSONB, nullable=False, server_default=text("'{}'::jsonb"))


def of(column: str, table: str) -> ForeignKeyConstraint:
    """Refer to a row of ``table`` of the same tenant."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])
