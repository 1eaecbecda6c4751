"""What was expected of each metric and day, for the panels that show it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Date, Double, Integer, PrimaryKeyConstraint, Text, text

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the table under forced row-level security."""
    op.create_table(
        "metric_bands",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("listing_id", BigInteger, nullable=False),
        Column("metric", Text, nullable=False),
        Column("day", Date, nullable=False),
        *(Column(name, Double, nullable=False) for name in ("expected", "lower", "upper")),
        PrimaryKeyConstraint("tenant_id", "listing_id", "metric", "day"),
    )
    fence("metric_bands")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("metric_bands")
