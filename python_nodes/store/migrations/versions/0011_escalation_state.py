"""Where each alert stands in each of its escalations, and at which version it was last held against them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
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

revision = "0011"
down_revision = "0010"


def _tenant() -> Column[int]:
    return Column("tenant_id", Integer, server_default=text(TENANT), nullable=False)


def _of_alert() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", "alert_id"], ["alerts.tenant_id", "alerts.id"])


def upgrade() -> None:
    """Create both tables under forced row-level security."""
    op.create_table(
        "escalations",
        _tenant(),
        Column("alert_id", BigInteger, nullable=False),
        Column("escalation", Text, nullable=False),
        Column("chain", Text, nullable=False),
        Column("step", BigInteger, nullable=False),
        Column("began_at", DateTime(timezone=True), nullable=False),
        Column("step_at", DateTime(timezone=True)),
        Column("due_at", DateTime(timezone=True)),
        Column("waited_s", BigInteger, nullable=False),
        Column("told", BigInteger, nullable=False),
        Column("repeats", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
        Column("held", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
        Column("is_parked", Boolean, nullable=False),
        Column("ended_at", DateTime(timezone=True)),
        Column("ended_because", Text),
        PrimaryKeyConstraint("tenant_id", "alert_id", "escalation"),
        _of_alert(),
    )
    op.create_index(
        "escalations_due", "escalations", ["tenant_id", "due_at"], postgresql_where=text("due_at IS NOT NULL")
    )  # fmt: skip
    op.create_table(
        "escalation_looks",
        _tenant(),
        Column("alert_id", BigInteger, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("edition", Text, nullable=False),
        PrimaryKeyConstraint("tenant_id", "alert_id"),
        _of_alert(),
    )
    fence("escalations")
    fence("escalation_looks")


def downgrade() -> None:
    """Drop both."""
    op.drop_table("escalation_looks")
    op.drop_table("escalations")
