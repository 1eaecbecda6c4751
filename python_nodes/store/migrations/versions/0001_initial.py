"""Every table of the first release, each under forced row-level security."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

from python_nodes.store.migrations.fence import app_role, fence

revision = "0001"
down_revision = None

AUTHENTICATE = """
CREATE FUNCTION authenticate_api_key(wanted bytea, at timestamptz)
RETURNS TABLE (tenant_id int, key_id bigint, scopes text[])
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE api_keys k SET last_used_at = at
  WHERE k.key_hash = wanted AND (k.expires_at IS NULL OR k.expires_at > at)
  RETURNING k.tenant_id, k.id, k.scopes
$$
"""


def upgrade() -> None:
    """Create the tables as frozen in 0001_initial.sql, then fence them."""
    role = app_role()
    bind = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            bind.exec_driver_sql(statement)
    bind.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {role}")
    tables = text(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relkind = 'r' AND a.attname = 'tenant_id' AND c.relnamespace = 'public'::regnamespace"
    )
    for table in bind.execute(tables).scalars().all():
        fence(table)
    # The owner, too, is fenced by FORCE; creating tenants and finding a key's tenant are its only ways across.
    bind.exec_driver_sql("CREATE POLICY owner_creates ON tenants TO CURRENT_USER USING (true) WITH CHECK (true)")
    bind.exec_driver_sql("CREATE POLICY owner_reads ON api_keys FOR SELECT TO CURRENT_USER USING (true)")
    bind.exec_driver_sql("CREATE POLICY owner_stamps ON api_keys FOR UPDATE TO CURRENT_USER USING (true)")
    bind.exec_driver_sql(AUTHENTICATE)
    bind.exec_driver_sql("REVOKE ALL ON FUNCTION authenticate_api_key(bytea, timestamptz) FROM PUBLIC")
    bind.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION authenticate_api_key(bytea, timestamptz) TO {role}")
