"""Imported files: how each source's files are read, which were read, and the changes that a change log told."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0005"
down_revision = "0004"


def _tenant() -> Column[int]:
    return Column("tenant_id", Integer, server_default=text(TENANT), nullable=False)


def _texts(*names: str, nullable: bool = False) -> list[Column[str]]:
    return [Column(name, Text, nullable=nullable) for name in names]


def upgrade() -> None:
    """Create the tables, each under forced row-level security."""
    op.create_table(
        "import_sources",
        _tenant(),
        *_texts("name", "kind", "date_format", "decimal_sign"),
        *_texts("channel", "currency", "sheet", "file_pattern", nullable=True),
        Column("columns", JSONB, nullable=False),
        Column("scale", Double, nullable=False),
        Column("updated_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("tenant_id", "name"),
    )
    op.create_table(
        "import_runs",
        _tenant(),
        Column("id", BigInteger, Identity(), nullable=False),
        *_texts("source_name", "file"),
        Column("content_sha256", LargeBinary, nullable=False),
        Column("reading_sha256", LargeBinary, nullable=False),
        Column("raw_id", BigInteger, nullable=False),
        Column("as_of_at", DateTime(timezone=True), nullable=False),
        Column("report", JSONB, nullable=False),
        PrimaryKeyConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "source_name", "content_sha256", "reading_sha256"),
    )
    op.create_table(
        "listing_changes",
        _tenant(),
        Column("id", BigInteger, Identity(), nullable=False),
        Column("change_sha256", LargeBinary, nullable=False),
        Column("changed_at", DateTime(timezone=True), nullable=False),
        *_texts("source", "channel", "field", "old_value", "new_value", "actor"),
        Column("listing_id", BigInteger),
        Column("property_id", BigInteger),
        Column("raw_id", BigInteger),
        PrimaryKeyConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "change_sha256"),
    )
    op.create_index("listing_changes_at", "listing_changes", ["tenant_id", "listing_id", "changed_at"])
    for name in ("import_sources", "import_runs", "listing_changes"):
        fence(name)


def downgrade() -> None:
    """Drop them."""
    for name in ("listing_changes", "import_runs", "import_sources"):
        op.drop_table(name)
