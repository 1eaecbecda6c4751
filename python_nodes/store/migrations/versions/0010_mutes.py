"""Mutes that people set, and what the pipeline decided of each problem, with its reason."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, PrimaryKeyConstraint, Text, text

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create both tables under forced row-level security."""
    op.create_table(
        "mutes",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        *(Column(name, DateTime(timezone=True), nullable=False) for name in ("start_at", "end_at")),
        *(Column(name, Text, nullable=False) for name in ("reason", "actor", "origin")),
        *(Column(name, BigInteger) for name in ("listing_id", "property_id")),
        *(Column(name, Text) for name in ("market", "kind", "cause", "fingerprint", "rrule")),
        Column("zone", Text, nullable=False),
        Column("ended_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("mutes_end", "mutes", ["tenant_id", "end_at"])
    fence("mutes")
    op.create_table(
        "decisions",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        *(Column(name, Text, nullable=False) for name in ("fingerprint", "stage", "decision", "kind", "why")),
        *(Column(name, BigInteger) for name in ("listing_id", "property_id", "alert_id")),
        Column("held_by", Text),
        *(Column(name, DateTime(timezone=True), nullable=False) for name in ("first_at", "last_at")),
        Column("times", BigInteger, nullable=False),
        PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("decisions_of", "decisions", ["tenant_id", "fingerprint", "stage", "id"])
    op.create_index("decisions_last", "decisions", ["tenant_id", "last_at"])
    fence("decisions")


def downgrade() -> None:
    """Drop them."""
    op.drop_table("decisions")
    op.drop_table("mutes")
