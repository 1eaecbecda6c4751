"""The schema: two migrations at once, and what an older one is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, make_url, text

from python_nodes.errors import ConfigError, RetryableError
from python_nodes.store import migrate, schema
from python_nodes.store.session import Database, engine_for
from tests.conftest import MigratedDatabase

MIGRATE = "import sys; from python_nodes.store import migrate; migrate.upgrade(sys.argv[1])"
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def empty(pg_admin_url: str) -> tuple[str, str]:
    """A database with roles and no schema: the owner's and the application's address."""
    return migrate.provision(pg_admin_url, f"np_{uuid4().hex[:12]}", "app-secret", "owner-secret")


@pytest.fixture
def owner(database: MigratedDatabase) -> Iterator[Engine]:
    engine = engine_for(database.owner_url)
    yield engine
    engine.dispose()


def _command(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("nightporter")
    env = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTPORTER_")}
    told = {f"NIGHTPORTER_{name.upper()}": value for name, value in settings.items()}
    common = {"NIGHTPORTER_REDIS_URL": "redis://127.0.0.1", "NIGHTPORTER_SECRET_KEY": "A" * 43 + "="}
    whole = {**env, **common, "NIGHTPORTER_RAW_ROOT": "/var/tmp", **told}
    return subprocess.run([program, *arguments], env=whole, capture_output=True, text=True, timeout=120, check=False)


def test_two_migrations_started_at_once_both_end_well(empty: tuple[str, str]) -> None:
    owner_url, app_url = empty
    engine = engine_for(owner_url)
    with engine.connect() as gate:
        # Both wait at the gate, so that they truly set off at the same moment.
        gate.execute(text("SELECT pg_advisory_lock(:key)"), {"key": migrate.LOCK})
        started = [
            subprocess.Popen([sys.executable, "-c", MIGRATE, owner_url], stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        deadline = time.monotonic() + 60
        while gate.execute(text(WAITING)).scalar_one() < 2:
            assert time.monotonic() < deadline, "they do not wait for one another"
            time.sleep(0.05)
        gate.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": migrate.LOCK})
        ended = [(child.communicate(timeout=120)[1], child.returncode) for child in started]
    engine.dispose()
    assert [status for _, status in ended] == [0, 0], ended
    database = Database(app_url)
    assert schema.check(database) == schema.needed()
    database.dispose()


def test_a_migration_that_waits_too_long_says_for_whom(empty: tuple[str, str]) -> None:
    engine = engine_for(empty[0])
    with engine.connect() as gate:
        gate.execute(text("SELECT pg_advisory_lock(:key)"), {"key": migrate.LOCK})
        with pytest.raises(RetryableError, match="another migration has been running for 200ms"):
            migrate.upgrade(empty[0], patience="200ms")
    engine.dispose()


def test_the_newest_migration_is_known_without_the_migration_tool() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    assert schema.needed() == ScriptDirectory.from_config(config).get_current_head()


def test_an_older_schema_is_refused_with_what_to_do(app_database: Database, owner: Engine) -> None:
    assert schema.check(app_database) == schema.needed()
    with owner.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    with pytest.raises(ConfigError, match=f"schema is 0003 and this release needs {schema.needed()}: run `nightporter"):
        schema.check(app_database)
    with owner.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    # An upgrade that goes on beside us: what is newer still serves.
    assert schema.check(app_database) == "9999"


def test_a_database_without_a_schema_is_refused(empty: tuple[str, str]) -> None:
    database = Database(empty[1])
    with pytest.raises(ConfigError, match="has no schema that we may read"):
        schema.check(database)
    database.dispose()


def test_no_process_starts_on_an_older_schema(database: MigratedDatabase, owner: Engine) -> None:
    start = ("start", "--within", "0", "--", sys.executable, "-c", "print('serving')")
    served = _command(*start, database_url=database.app_url)
    assert (served.returncode, served.stdout.strip()) == (0, "serving")
    with owner.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    refused = _command(*start, database_url=database.app_url)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "nightporter database setup" in refused.stderr
    assert "secret" not in refused.stderr


def test_setup_makes_all_of_it_and_once_more_changes_nothing(pg_admin_url: str) -> None:
    base = make_url(pg_admin_url).set(drivername="postgresql")

    def url(role: str, password: str, name: str) -> str:
        return base.set(username=role, password=password, database=name).render_as_string(hide_password=False)

    name = f"np_{uuid4().hex[:12]}"
    beside = Path(f"/tmp/{name}-n8n")
    beside.write_text(url(f"{name}-n8n", "n8n-secret", f"{name}-flows"))
    told = {
        "admin_url": pg_admin_url, "owner_url": url(migrate.OWNER_ROLE, "owner-secret", name),
        "database_url": url(migrate.APP_ROLE, "app-secret", name),
    }  # fmt: skip
    try:
        for _ in range(2):
            done = _command("database", "setup", "--beside", str(beside), **told)
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip() == f"database {name}: schema {schema.needed()}, tenant default (1)"
        theirs = engine_for(beside.read_text())
        with theirs.begin() as conn:
            conn.execute(text("CREATE TABLE public.flows (id int)"))
            assert conn.execute(text("SELECT current_user")).scalar_one() == f"{name}-n8n"
        theirs.dispose()
    finally:
        beside.unlink()


def test_setup_without_the_administrators_address_is_refused(database: MigratedDatabase) -> None:
    refused = _command("database", "setup", database_url=database.app_url, owner_url=database.owner_url)
    assert refused.returncode == 2
    assert "NIGHTPORTER_ADMIN_URL is not set" in refused.stderr
