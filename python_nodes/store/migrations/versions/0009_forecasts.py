"""Forecasts as they were made: of a listing's metric, from a day on, with the model that speaks."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Date, DateTime, Integer, PrimaryKeyConstraint, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table under forced row-level security."""
    op.create_table(
        "forecasts",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("listing_id", BigInteger, nullable=False),
        Column("metric", Text, nullable=False),
        Column("as_of_date", Date, nullable=False),
        Column("made_at", DateTime(timezone=True), nullable=False),
        Column("model", Text, nullable=False),
        Column("payload", JSONB, nullable=False),
        PrimaryKeyConstraint("tenant_id", "listing_id", "metric", "as_of_date"),
    )
    fence("forecasts")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("forecasts")
