"""Roles for whoever draws dashboards: one a tenant, which may read what panels need and nothing else."""

from __future__ import annotations

from sqlalchemy import Connection, create_engine, make_url, text

from python_nodes.errors import ConfigError

GROUP = "nightporter_viewers"
"""Who has the rights; each tenant's role is a member of it."""
_ALL = ""
_READ = {
    "tenants": _ALL, "properties": _ALL, "units": _ALL, "rate_plans": _ALL, "listings": _ALL, "metrics_daily": _ALL,
    "metric_bands": _ALL, "portfolio_days": _ALL, "ari_current": _ALL, "ari_polls": _ALL, "operator_nights": _ALL,
    "listing_health": _ALL, "listing_changes": _ALL, "profiles": _ALL, "alerts": _ALL, "escalations": _ALL,
    "decisions": _ALL, "repairs": _ALL, "poll_runs": _ALL, "feed_marks": _ALL, "import_runs": _ALL, "flow_errors": _ALL,
    # Neither guests, nor secrets, nor what people wrote, nor where they are reached.
    "bookings": "tenant_id, listing_id, source, booked_at, cancelled_at, check_in_date, check_out_date,"
                " total_amount_minor, currency, status, channel",
    "connections": "tenant_id, id, vendor, name, is_active",
    "actions": "tenant_id, id, alert_id, kind, actor, taken_at",
    "verdicts": "tenant_id, id, alert_id, is_real, verdict, cause, given_at",
    "deliveries": "tenant_id, id, alert_id, step, sender, status, reason, attempts, planned_at, finished_at",
    "rejected": "tenant_id, id, connection_id, source, operation, reason, field, rejected_at, replayed_at",
    "outbox": "tenant_id, id, type, created_at, dispatched_at",
}  # fmt: skip
# A session may set app.tenant_id to what it likes; who it is, it may not.
_OWN = "tenant_id = (SELECT substring(current_user from '_([0-9]+)$')::int)"


def role_of(tenant_id: int) -> str:
    """Return the name of a tenant's role."""
    return f"nightporter_viewer_{tenant_id}"


def create(admin_url: str, owner_url: str, tenant: str, password: str, console_url: str) -> str:
    """Create a tenant's role, or bring it and its rights to this release; returns its name."""
    database = make_url(owner_url).database or ""
    engine = create_engine(make_url(admin_url).set(drivername="postgresql+psycopg2", database=database))
    try:
        with engine.begin() as conn:
            found = conn.execute(text("SELECT tenant_id FROM tenants WHERE name = :name"), {"name": tenant}).scalar()
            if found is None:
                raise ConfigError(f"there is no tenant {tenant!r} in the database {database}")
            _let_read(conn)
            _role(conn, role_of(int(found)), int(found), database, password, console_url)
        return role_of(int(found))
    finally:
        engine.dispose()


def make_group(conn: Connection) -> None:
    """Create the group unless it is there; two that do so at once get along."""
    conn.exec_driver_sql(
        f"DO $$ BEGIN CREATE ROLE {GROUP} NOLOGIN;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )


def _let_read(conn: Connection) -> None:
    """Give the group its rights, and fence it by its members' names."""
    make_group(conn)
    there = set(conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars())
    for table, columns in _READ.items():
        if table in there:
            conn.exec_driver_sql(f"REVOKE ALL ON {table} FROM {GROUP}")
            conn.exec_driver_sql(f"GRANT SELECT {f'({columns})' if columns else ''} ON {table} TO {GROUP}")
            conn.exec_driver_sql(f"DROP POLICY IF EXISTS viewer_only ON {table}")
            conn.exec_driver_sql(
                f"CREATE POLICY viewer_only ON {table} AS RESTRICTIVE FOR SELECT TO {GROUP} USING ({_OWN})"
            )


def _role(conn: Connection, name: str, tenant_id: int, database: str, password: str, console_url: str) -> None:
    def quoted(what: str) -> str:
        return str(conn.execute(text("SELECT quote_literal(:what)"), {"what": what}).scalar_one()).replace("%", "%%")

    verb = (
        "ALTER"
        if conn.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}).first()
        else ("CREATE")
    )
    conn.exec_driver_sql(
        f"{verb} ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE CONNECTION LIMIT 20"
        f" PASSWORD {quoted(password)}"
    )
    conn.exec_driver_sql(f"GRANT {GROUP} TO {name}")
    within = conn.dialect.identifier_preparer.quote(database)
    conn.exec_driver_sql(f"GRANT CONNECT ON DATABASE {within} TO {name}")
    for setting, value in {
        "app.tenant_id": str(tenant_id), "app.console_url": console_url, "default_transaction_read_only": "on",
        "statement_timeout": "30s", "work_mem": "32MB",
    }.items():  # fmt: skip
        conn.exec_driver_sql(f"ALTER ROLE {name} IN DATABASE {within} SET {setting} = {quoted(value)}")
