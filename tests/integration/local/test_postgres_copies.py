from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from python_nodes.errors import PermanentError
from python_nodes.local import postgres


@pytest.fixture
def scratch() -> Iterator[Path]:
    # The server runs as another user where tests run as root, so its directory must be reachable by all.
    base = Path("/var/tmp/nightporter-tests")
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="copies-", dir=base))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run(server: postgres.Postgres, database: str, statement: str) -> None:
    with create_engine(server.url("postgres", "", database)).begin() as conn:
        conn.execute(text(statement))


def test_a_dump_makes_the_same_database_again_or_none(scratch: Path) -> None:
    file = scratch / "made.sql"
    with postgres.run(scratch / "data") as server:
        assert postgres.major_version(server) == 18
        postgres.create(server, "first")
        run(server, "first", "CREATE TABLE nights AS SELECT 7 AS open")
        postgres.dump(server, "first", file)
        postgres.create(server, "second")
        postgres.load(server, "second", file)
        with create_engine(server.url("postgres", "", "second")).connect() as conn:
            assert conn.execute(text("SELECT open FROM nights")).scalar_one() == 7
        file.write_text(file.read_text() + "\nSELECT no_such_column;\n")
        postgres.create(server, "third")
        with pytest.raises(PermanentError, match="no_such_column"):
            postgres.load(server, "third", file)
        with create_engine(server.url("postgres", "", "third")).connect() as conn:
            assert conn.execute(text("SELECT to_regclass('nights')")).scalar_one() is None
    assert [path.name for path in scratch.iterdir() if path.suffix == ".part"] == []


def test_what_a_backfill_needs_holds_from_the_first_start_and_after_the_next(scratch: Path) -> None:
    asked = text("SELECT name, current_setting(name), pending_restart FROM pg_settings WHERE name = ANY(:names)")
    for _ in range(2):
        with postgres.run(scratch / "data") as server, create_engine(server.admin_url).connect() as conn:
            told = conn.execute(asked, {"names": list(postgres.SETTINGS)}).all()
            safe = [conn.execute(text(f"SHOW {name}")).scalar_one() for name in ("fsync", "full_page_writes")]
        assert {row[0]: row[1] for row in told} == postgres.SETTINGS
        assert not any(row[2] for row in told)
        assert safe == ["on", "on"]
