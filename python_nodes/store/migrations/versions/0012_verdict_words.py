"""What people say an alert was, in a word; which failures of a message pass; indices for answers among many alerts."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Text, text

revision = "0012"
down_revision = "0011"

INDICES: tuple[tuple[str, str, list[str], str | None], ...] = (
    ("actions_alert", "actions", ["alert_id", "id"], None),
    ("verdicts_alert", "verdicts", ["alert_id", "id"], None),
    ("alert_events_alert", "alert_events", ["alert_id", "id"], None),
    ("alert_events_silence", "alert_events", ["alert_id", "id"], "event IN ('silenced', 'silence ended')"),
    ("alerts_place", "alerts", ["kind", "listing_id", "raised_at"], None),
    ("alerts_raised", "alerts", ["raised_at"], None),
    ("deliveries_due", "deliveries", ["alert_id"], "status IN ('planned', 'failed')"),
    ("deliveries_sending", "deliveries", ["planned_at"], "status = 'sending'"),
    ("deliveries_ref", "deliveries", ["sender", "provider_ref"], "provider_ref IS NOT NULL"),
)
"""Name, table, columns after the tenant, and the rows that it holds."""


def upgrade() -> None:
    """Word what was said by now, and index what each answer reads."""
    op.add_column("verdicts", Column("verdict", Text))
    # The owner, too, is fenced by FORCE: without it the rows of every tenant can be worded.
    op.execute("ALTER TABLE verdicts NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE verdicts SET verdict = CASE WHEN is_real THEN 'real' ELSE 'false_alarm' END")
    op.execute("ALTER TABLE verdicts FORCE ROW LEVEL SECURITY")
    op.alter_column("verdicts", "verdict", nullable=False)
    op.add_column("deliveries", Column("is_passing", Boolean, nullable=False, server_default=text("false")))
    for name, table, columns, holds in INDICES:
        op.create_index(
            name, table, ["tenant_id", *columns], postgresql_where=None if holds is None else text(holds)
        )  # fmt: skip


def downgrade() -> None:
    """Drop the words and the indices; whether it was real stays."""
    for name, *_ in reversed(INDICES):
        op.drop_index(name)
    op.drop_column("deliveries", "is_passing")
    op.drop_column("verdicts", "verdict")
