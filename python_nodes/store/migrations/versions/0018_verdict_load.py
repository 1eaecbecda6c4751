"""What a verdict's way needs to be found fast: of all mutes ever set, the snoozes of one problem that hold."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0018"
down_revision = "0017"

NAME, HOLDS = "mutes_snoozed", "origin = 'snooze' AND ended_at IS NULL"


def upgrade() -> None:
    """Index them."""
    op.create_index(NAME, "mutes", ["tenant_id", "fingerprint"], postgresql_where=text(HOLDS))


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(NAME, "mutes")
