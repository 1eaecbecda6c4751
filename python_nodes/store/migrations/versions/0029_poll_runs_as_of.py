"""The newest poll's moment, which each card of the console asks for, by an index."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Create the index."""
    op.create_index("poll_runs_as_of", "poll_runs", ["tenant_id", "as_of_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("poll_runs_as_of", "poll_runs")
