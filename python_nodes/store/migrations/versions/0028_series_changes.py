"""Which days of which listings' series were written, so that what was read before need not be read again."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, BigInteger, Column, Date, Identity, Integer, PrimaryKeyConstraint, Uuid, text

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Create the table under forced row-level security."""
    op.create_table(
        "series_changes",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        Column("token", Uuid, server_default=text("gen_random_uuid()"), nullable=False),
        Column("start_date", Date, nullable=False),
        Column("end_date", Date, nullable=False),
        Column("listing_ids", ARRAY(BigInteger)),
        PrimaryKeyConstraint("tenant_id", "id"),
    )
    fence("series_changes")


def downgrade() -> None:
    """Drop it; what was kept of series is read anew once."""
    op.drop_table("series_changes")
