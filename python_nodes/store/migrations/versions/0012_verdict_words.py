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

AUTHENTICATE = """
CREATE OR REPLACE FUNCTION authenticate_api_key(wanted bytea, at timestamptz)
RETURNS TABLE (tenant_id int, key_id bigint, scopes text[], property_ids bigint[])
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  {body}
$$
"""
# Written at each request, one row makes everybody who uses a key wait for whoever used it before.
ONCE_A_MINUTE = """
  WITH known AS (
    SELECT k.tenant_id, k.id, k.scopes, k.property_ids, k.last_used_at FROM api_keys k
    WHERE k.key_hash = wanted AND (k.expires_at IS NULL OR k.expires_at > at)
  ), used AS (
    UPDATE api_keys k SET last_used_at = at FROM known WHERE (k.tenant_id, k.id) = (known.tenant_id, known.id)
    AND (known.last_used_at IS NULL OR known.last_used_at < at - interval '1 minute')
  )
  SELECT tenant_id, id, scopes, property_ids FROM known
"""
EACH_TIME = """
  UPDATE api_keys k SET last_used_at = at
  WHERE k.key_hash = wanted AND (k.expires_at IS NULL OR k.expires_at > at)
  RETURNING k.tenant_id, k.id, k.scopes, k.property_ids
"""


def upgrade() -> None:
    """Word what was said by now, and index what each answer reads."""
    op.add_column("verdicts", Column("verdict", Text))
    # The owner, too, is fenced by FORCE: without it the rows of every tenant can be worded.
    op.execute("ALTER TABLE verdicts NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE verdicts SET verdict = CASE WHEN is_real THEN 'real' ELSE 'false_alarm' END")
    op.execute("ALTER TABLE verdicts FORCE ROW LEVEL SECURITY")
    op.alter_column("verdicts", "verdict", nullable=False)
    op.add_column("deliveries", Column("is_passing", Boolean, nullable=False, server_default=text("false")))
    op.get_bind().exec_driver_sql(AUTHENTICATE.format(body=ONCE_A_MINUTE))
    for name, table, columns, holds in INDICES:
        op.create_index(
            name, table, ["tenant_id", *columns], postgresql_where=None if holds is None else text(holds)
        )  # fmt: skip


def downgrade() -> None:
    """Drop the words and the indices; whether it was real stays."""
    for name, *_ in reversed(INDICES):
        op.drop_index(name)
    op.get_bind().exec_driver_sql(AUTHENTICATE.format(body=EACH_TIME))
    op.drop_column("deliveries", "is_passing")
    op.drop_column("verdicts", "verdict")
