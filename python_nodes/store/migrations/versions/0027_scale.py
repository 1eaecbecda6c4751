"""Shards of sweeps under way."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Create the table under forced row-level security."""
    op.create_table(
        "sweep_shards",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("job_id", Text, nullable=False),
        Column("shard", BigInteger, nullable=False),
        Column("listing_ids", ARRAY(BigInteger), nullable=False),
        Column("given", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
        Column("tries", BigInteger, nullable=False, server_default="0"),
        Column("done_at", DateTime(timezone=True)),
        Column("told", Text),
        PrimaryKeyConstraint("tenant_id", "job_id", "shard"),
        ForeignKeyConstraint(["tenant_id", "job_id"], ["jobs.tenant_id", "jobs.job_id"], ondelete="CASCADE"),
    )
    fence("sweep_shards")


def downgrade() -> None:
    """Drop it: a sweep under way is asked for again by the next cycle."""
    op.drop_table("sweep_shards")
