"""Since when a connection's credentials are being renewed: whoever dies over it is gone, the note is not."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Add the note; none stands."""
    op.add_column("connections", Column("renewing_since_at", DateTime(timezone=True)))


def downgrade() -> None:
    """Drop it: a renewal that is under way then is asked for again by the next poll only."""
    op.drop_column("connections", "renewing_since_at")
