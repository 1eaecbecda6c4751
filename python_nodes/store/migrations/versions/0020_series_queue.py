"""What the store of series still owes."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    text,
)

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Create the table under forced row-level security."""
    op.create_table(
        "series_queue",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        Column("source", Text, nullable=False),
        Column("as_of_at", DateTime(timezone=True), nullable=False),
        Column("points", LargeBinary, nullable=False),
        *(Column(name, BigInteger, nullable=False) for name in ("rows", "bytes")),
        Column("queued_at", DateTime(timezone=True), nullable=False),
        Column("attempts", BigInteger, nullable=False, server_default="0"),
        Column("retry_at", DateTime(timezone=True), nullable=False),
        Column("reason", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("tenant_id", "id"),
    )
    # Compressed before it comes: to try again would only cost.
    op.execute("ALTER TABLE series_queue ALTER COLUMN points SET STORAGE EXTERNAL")
    fence("series_queue")


def downgrade() -> None:
    """Drop it; what still waits in it can be mapped again from the raw archive."""
    op.drop_table("series_queue")
