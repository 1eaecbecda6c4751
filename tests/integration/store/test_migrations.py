"""What a migration does to the rows that are there."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from python_nodes.store import migrate
from python_nodes.store.session import engine_for

OLD = (
    "INSERT INTO {} (tenant_id, source, external_id, source_version, source_updated_at, listing_id, check_in_date,"
    " check_out_date, booked_at, total_amount_minor, currency, status, channel) VALUES (:tenant, 'ota', :name,"
    " :version, '2026-03-01', 1, '2026-04-01', '2026-04-02', '2026-03-01', 100, 'EUR', 'confirmed', 'ota')"
)
EVERY = "SELECT tenant_id, external_id, source_version FROM booking_revisions ORDER BY 1, 2, 3"


@pytest.fixture
def urls(pg_admin_url: str) -> tuple[str, str]:
    """An empty database, as its superuser and as its owner."""
    name = f"np_{uuid4().hex[:12]}"
    owner_url, _ = migrate.provision(pg_admin_url, name, "app-secret", "owner-secret")
    return engine_for(pg_admin_url).url.set(database=name).render_as_string(hide_password=False), owner_url


def _go(conn: Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.attributes.update(connection=conn, app_role=migrate.APP_ROLE)
    current = conn.execute(text("SELECT to_regclass('alembic_version')")).scalar_one()
    told = conn.execute(text("SELECT version_num FROM alembic_version")).scalar() if current else None
    (command.downgrade if told and told > to else command.upgrade)(config, to)


def test_revisions_are_parted_and_put_together_without_losing_one(urls: tuple[str, str]) -> None:
    admin, owner = (engine_for(url) for url in urls)
    with owner.begin() as conn:
        _go(conn, "0006")
    wanted = [(1, "a", 1), (1, "a", 2), (1, "b", 5), (2, "a", 2)]
    with admin.begin() as conn:
        for tenant, name, version in wanted:
            told = {"tenant": tenant, "name": name, "version": version}
            conn.execute(text(OLD.format("booking_revisions")), told)
            if (tenant, name, version) != (1, "a", 1):
                conn.execute(text(OLD.format("bookings")), told)
    with owner.begin() as conn:
        _go(conn, "0008")
    with admin.begin() as conn:
        assert [tuple(row) for row in conn.execute(text(EVERY))] == wanted
        superseded = conn.execute(text("SELECT tenant_id, external_id, source_version FROM superseded_bookings"))
        assert [tuple(row) for row in superseded] == [(1, "a", 1)]
    with owner.begin() as conn:
        _go(conn, "0006")
    with admin.begin() as conn:
        assert [tuple(row) for row in conn.execute(text(EVERY))] == wanted
        assert conn.execute(text("SELECT count(*), count(DISTINCT id) FROM bookings")).one() == (3, 3)
        forced = "SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE relname IN ('bookings', 'booking_revisions')"
        assert conn.execute(text(forced)).scalar_one() is True
    admin.dispose()
    owner.dispose()
