"""Forces row-level security on a table: the application's role sees and writes only its own tenant's rows."""

from __future__ import annotations

import re

from alembic import context, op

TENANT = "nullif(current_setting('app.tenant_id', true), '')::int"


def app_role() -> str:
    """Return the application's role as the migration was told it; anything that is not a plain name is refused."""
    role = str(context.config.attributes["app_role"])
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", role):
        raise ValueError(f"not a role name: {role}")
    return role


def fence(table: str) -> None:
    """Fence ``table``, which has a ``tenant_id``; every migration that creates one calls this."""
    bind, rule = op.get_bind(), f"tenant_id = {TENANT}"
    # As a query of its own it is asked once a statement, not once for each row that is written.
    check = f"tenant_id = (SELECT {TENANT})"
    bind.exec_driver_sql(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    bind.exec_driver_sql(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    bind.exec_driver_sql(f"CREATE POLICY tenant_only ON {table} USING ({rule}) WITH CHECK ({check})")
    granted = "SELECT" if table == "tenants" else "SELECT, INSERT, UPDATE, DELETE"
    bind.exec_driver_sql(f"GRANT {granted} ON {table} TO {app_role()}")
