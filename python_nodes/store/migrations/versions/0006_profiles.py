"""Profiles: what is usual for a listing and a market, and which listings are alike, kept by version."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Date, DateTime, Integer, PrimaryKeyConstraint, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table under forced row-level security."""
    op.create_table(
        "profiles",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("kind", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("made_at", DateTime(timezone=True), nullable=False),
        Column("as_of_date", Date, nullable=False),
        Column("payload", JSONB, nullable=False),
        PrimaryKeyConstraint("tenant_id", "kind", "key", "version"),
    )
    fence("profiles")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("profiles")
