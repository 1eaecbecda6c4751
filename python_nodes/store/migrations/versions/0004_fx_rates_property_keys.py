"""Exchange rates by day, and API keys for some properties only."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, BigInteger, Column, Date, DateTime, Double, Integer, PrimaryKeyConstraint, Text, text

from python_nodes.store.migrations.fence import TENANT, app_role, fence

revision = "0004"
down_revision = "0003"

AUTHENTICATE = """
CREATE FUNCTION authenticate_api_key(wanted bytea, at timestamptz)
RETURNS TABLE (tenant_id int, key_id bigint, scopes text[]{more})
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE api_keys k SET last_used_at = at
  WHERE k.key_hash = wanted AND (k.expires_at IS NULL OR k.expires_at > at)
  RETURNING k.tenant_id, k.id, k.scopes{returned}
$$
"""


def _authenticate(more: str, returned: str) -> None:
    """Make the function anew: what one returns cannot be changed in place, and privileges go with the old one."""
    bind = op.get_bind()
    bind.exec_driver_sql("DROP FUNCTION authenticate_api_key(bytea, timestamptz)")
    bind.exec_driver_sql(AUTHENTICATE.format(more=more, returned=returned))
    bind.exec_driver_sql("REVOKE ALL ON FUNCTION authenticate_api_key(bytea, timestamptz) FROM PUBLIC")
    bind.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION authenticate_api_key(bytea, timestamptz) TO {app_role()}")


def upgrade() -> None:
    """Create the table under forced row-level security; a key without properties is for all of them, as before."""
    op.create_table(
        "fx_rates",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("rate_date", Date, nullable=False),
        Column("currency", Text, nullable=False),
        Column("per_eur", Double, nullable=False),
        Column("source", Text, nullable=False),
        Column("as_of_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("tenant_id", "rate_date", "currency"),
    )
    fence("fx_rates")
    op.add_column("api_keys", Column("property_ids", ARRAY(BigInteger)))
    _authenticate(", property_ids bigint[]", ", k.property_ids")


def downgrade() -> None:
    """Drop both; a key for some properties must not become one for all, so it expires."""
    op.get_bind().exec_driver_sql("UPDATE api_keys SET expires_at = created_at WHERE property_ids IS NOT NULL")
    _authenticate("", "")
    op.drop_column("api_keys", "property_ids")
    op.drop_table("fx_rates")
