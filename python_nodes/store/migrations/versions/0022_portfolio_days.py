"""What a day of each market and channel came to, for the panels of the whole portfolio."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Date, Double, Integer, PrimaryKeyConstraint, Text, text

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0022"
down_revision = "0021"
SUMS = ("bookings", "comparable", "expected", "half_square", "sold_rooms", "rooms", "revenue", "expected_revenue")


def upgrade() -> None:
    """Create the table under forced row-level security."""
    op.create_table(
        "portfolio_days",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("day", Date, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("market", "channel", "currency")),
        Column("listings", BigInteger, nullable=False),
        *(Column(name, Double) for name in SUMS),
        PrimaryKeyConstraint("tenant_id", "day", "market", "channel", "currency"),
    )
    fence("portfolio_days")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("portfolio_days")
