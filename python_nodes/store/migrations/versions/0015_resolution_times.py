"""What problems of each cause took to be mended, and what each repair brought back."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Text,
    text,
)

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create both tables under forced row-level security."""
    op.create_table(
        "resolution_times",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("cause", Text, nullable=False),
        *(Column(name, Double, nullable=False) for name in ("low_days", "mid_days", "high_days")),
        *(Column(name, BigInteger, nullable=False) for name in ("learned_from", "still_open")),
        Column("as_of_date", Date, nullable=False),
        PrimaryKeyConstraint("tenant_id", "cause"),
    )
    fence("resolution_times")
    op.create_table(
        "repairs",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("alert_id", BigInteger, nullable=False),
        Column("cause", Text, nullable=False),
        *(Column(name, Date, nullable=False) for name in ("first_date", "last_date")),
        Column("bookings", BigInteger, nullable=False),
        Column("expected_bookings", Double, nullable=False),
        *(Column(name, BigInteger, nullable=False) for name in ("low_minor", "mid_minor", "high_minor")),
        Column("measured_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("tenant_id", "alert_id"),
        ForeignKeyConstraint(["tenant_id", "alert_id"], ["alerts.tenant_id", "alerts.id"]),
    )
    fence("repairs")


def downgrade() -> None:
    """Drop them."""
    op.drop_table("repairs")
    op.drop_table("resolution_times")
