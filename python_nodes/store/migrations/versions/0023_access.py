"""Access: keys with roles, rotation and an end; sessions that were ended; the audit log and its chain of hashes."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)

from python_nodes.store.migrations.fence import TENANT, app_role, fence

revision = "0023"
down_revision = "0022"

AUTHENTICATE = """
CREATE FUNCTION authenticate_api_key(wanted bytea, at timestamptz)
RETURNS TABLE ({returned})
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH known AS (
    SELECT k.* FROM api_keys k
    WHERE {holds} AND (k.expires_at IS NULL OR k.expires_at > at)
  ), used AS (
    UPDATE api_keys k SET last_used_at = at FROM known WHERE (k.tenant_id, k.id) = (known.tenant_id, known.id)
    AND (known.last_used_at IS NULL OR known.last_used_at < at - interval '1 minute')
  )
  SELECT {columns} FROM known
$$
"""
NOW = {
    "returned": "tenant_id int, key_id bigint, scopes text[], property_ids bigint[], role text, name text",
    "columns": "tenant_id, id, scopes, property_ids, role, name",
    # What was rotated away opens the door until the overlap ends.
    "holds": "(k.key_hash = wanted OR (k.previous_hash = wanted AND k.previous_until_at > at))"
    " AND k.revoked_at IS NULL",
}
BEFORE = {
    "returned": "tenant_id int, key_id bigint, scopes text[], property_ids bigint[]",
    "columns": "tenant_id, id, scopes, property_ids",
    "holds": "k.key_hash = wanted",
}
# Deferred: the lock that puts a tenant's entries in line is held from the commit's beginning to its end, not for as
# long as the work takes. Made by the owner: the application's role may append, and may not write the chain.
LINK = """
CREATE FUNCTION audit_link() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  last_position bigint;
  last_hash bytea;
  told text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('nightporter.audit'), NEW.tenant_id);
  SELECT c.position, c.hash INTO last_position, last_hash FROM audit_chain c
  WHERE c.tenant_id = NEW.tenant_id ORDER BY c.position DESC LIMIT 1;
  last_position := coalesce(last_position, 0) + 1;
  told := json_build_array(
    NEW.tenant_id, last_position, NEW.id, (extract(epoch FROM NEW.at) * 1000000)::bigint, NEW.via, NEW.actor,
    NEW.action, NEW.objects, NEW.outcome, NEW.run_id, session_user::text
  )::text;
  INSERT INTO audit_chain (tenant_id, position, entry_id, written_by, hash)
  VALUES (NEW.tenant_id, last_position, NEW.id, session_user,
          sha256(coalesce(last_hash, ''::bytea) || convert_to(told, 'UTF8')));
  RETURN NULL;
END
$$
"""
TRIGGER = """
CREATE CONSTRAINT TRIGGER audit_log_linked AFTER INSERT ON audit_log
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_link()
"""


def _authenticate(parts: dict[str, str]) -> None:
    bind = op.get_bind()
    bind.exec_driver_sql("DROP FUNCTION authenticate_api_key(bytea, timestamptz)")
    bind.exec_driver_sql(AUTHENTICATE.format(**parts))
    bind.exec_driver_sql("REVOKE ALL ON FUNCTION authenticate_api_key(bytea, timestamptz) FROM PUBLIC")
    bind.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION authenticate_api_key(bytea, timestamptz) TO {app_role()}")


def _tenant() -> Column[int]:
    return Column("tenant_id", Integer, server_default=text(TENANT), nullable=False)


def _audit() -> None:
    bind, role = op.get_bind(), app_role()
    op.create_table(
        "audit_log",
        _tenant(),
        Column("id", BigInteger, Identity(), nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        *(Column(name, Text, nullable=False) for name in ("via", "actor", "action", "objects", "outcome", "run_id")),
        PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_table(
        "audit_chain",
        _tenant(),
        Column("position", BigInteger, nullable=False),
        Column("entry_id", BigInteger, nullable=False),
        Column("written_by", Text, nullable=False),
        Column("hash", LargeBinary, nullable=False),
        PrimaryKeyConstraint("tenant_id", "position"),
        UniqueConstraint("tenant_id", "entry_id"),
    )
    for table in ("audit_log", "audit_chain"):
        fence(table)
    bind.exec_driver_sql(f"REVOKE UPDATE, DELETE ON audit_log FROM {role}")
    bind.exec_driver_sql(f"REVOKE INSERT, UPDATE, DELETE ON audit_chain FROM {role}")
    bind.exec_driver_sql(LINK)
    bind.exec_driver_sql("REVOKE ALL ON FUNCTION audit_link() FROM PUBLIC")
    bind.exec_driver_sql(TRIGGER)


def upgrade() -> None:
    """Add what keys lacked, and the tables of sessions and of the audit log."""
    op.add_column("api_keys", Column("role", Text))
    op.add_column("api_keys", Column("revoked_at", DateTime(timezone=True)))
    op.add_column("api_keys", Column("previous_hash", LargeBinary))
    op.add_column("api_keys", Column("previous_until_at", DateTime(timezone=True)))
    op.create_unique_constraint("api_keys_previous_hash_key", "api_keys", ["previous_hash"])
    _authenticate(NOW)
    op.create_table(
        "ended_sessions",
        _tenant(),
        Column("session_id", Text, nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("tenant_id", "session_id"),
    )
    fence("ended_sessions")
    _audit()


def downgrade() -> None:
    """Drop it all, the audit log too; what was revoked must not open the door again, so it expires."""
    bind = op.get_bind()
    bind.exec_driver_sql("UPDATE api_keys SET expires_at = revoked_at WHERE revoked_at IS NOT NULL")
    _authenticate(BEFORE)
    for table in ("audit_log", "audit_chain", "ended_sessions"):
        op.drop_table(table)
    bind.exec_driver_sql("DROP FUNCTION audit_link()")
    op.drop_constraint("api_keys_previous_hash_key", "api_keys")
    for column in ("previous_until_at", "previous_hash", "revoked_at", "role"):
        op.drop_column("api_keys", column)
