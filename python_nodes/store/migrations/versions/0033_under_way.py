"""Until when a message that was sent may still arrive: whoever sends it again waits for that moment."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Add the moment; nothing is on its way."""
    for table in ("deliveries", "outbox"):
        op.add_column(table, Column("arrives_by_at", DateTime(timezone=True)))


def downgrade() -> None:
    """Drop it."""
    for table in ("deliveries", "outbox"):
        op.drop_column(table, "arrives_by_at")
