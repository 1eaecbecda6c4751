"""Indices by which a digest reads its span: alerts by their end, messages and verdicts by their time."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0014"
down_revision = "0013"

INDICES: tuple[tuple[str, str, str, str | None], ...] = (
    ("alerts_ended", "alerts", "resolved_at", "resolved_at IS NOT NULL"),
    ("deliveries_sent", "deliveries", "finished_at", "status = 'sent'"),
    ("verdicts_given", "verdicts", "given_at", None),
)
"""Name, table, column after the tenant, and the rows that it holds."""


def upgrade() -> None:
    """Create them."""
    for name, table, column, holds in INDICES:
        where = None if holds is None else text(holds)
        op.create_index(name, table, ["tenant_id", column], postgresql_where=where)


def downgrade() -> None:
    """Drop them."""
    for name, *_ in reversed(INDICES):
        op.drop_index(name)
