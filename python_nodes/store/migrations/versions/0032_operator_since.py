"""Since when the operator's calendar says of a night what it says: channels asked before could not know it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Add the moment; what stands is older than any poll to come."""
    op.add_column("operator_nights", Column("changed_at", DateTime(timezone=True)))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("operator_nights", "changed_at")
