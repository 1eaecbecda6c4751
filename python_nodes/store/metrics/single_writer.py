"""One writer of a tenant's metrics at a time, in whichever process it runs."""

from __future__ import annotations

from sqlalchemy import Connection, text

_KIND = 1


def wait(conn: Connection, tenant_id: int) -> None:
    """Wait until no other transaction writes this tenant's metrics; the end of ``conn``'s transaction lets go."""
    conn.execute(text("SELECT pg_advisory_xact_lock(:kind, :tenant)"), {"kind": _KIND, "tenant": tenant_id})
