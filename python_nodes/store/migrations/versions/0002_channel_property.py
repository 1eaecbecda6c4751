"""What a channel calls the property of a listing, where that differs from the operator's own id."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; without a value the property's own external id holds."""
    op.add_column("listings", Column("channel_property_id", Text))


def downgrade() -> None:
    """Take the column away."""
    op.drop_column("listings", "channel_property_id")
