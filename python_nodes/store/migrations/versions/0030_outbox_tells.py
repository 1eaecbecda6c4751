"""The outbox without rows that nobody dispatches: an alert's quiet changes stand in its events."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Drop what was written for nobody; the table's owner sees all tenants' rows only without the fence."""
    op.execute("ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM outbox WHERE type = 'alert.changed'")
    op.execute("ALTER TABLE outbox FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    """Leave it: no release reads those rows."""
