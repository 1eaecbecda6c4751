"""Backup and restore: what comes back is what was there, and what is not whole, old or in the way is refused."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from python_nodes.backup import databases, manifest
from python_nodes.errors import NightporterError, PermanentError
from python_nodes.steps import backup
from python_nodes.store import migrate, schema
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.session import Database, engine_for
from tests.integration.backup.conftest import AT, READER, SPAN, Place, build, moved


def quiet(name: str, done: int, total: int) -> None:
    """Tell nobody."""
    assert 0 <= done <= total, name


def rows(place: Place, name: str) -> dict[str, list[str]]:
    """Every row of every table of a database, as text; read here by itself, not by what the backup reads with."""
    engine = engine_for(make_url(place.system.admin_url).set(database=name).render_as_string(hide_password=False))
    listed = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    with engine.begin() as conn:
        names = conn.execute(text(listed)).scalars().all()
        found = {
            one: sorted(conn.exec_driver_sql(f"SELECT t::text FROM {one} t".replace("%", "%%")).scalars())
            for one in names
        }
    engine.dispose()
    return found


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def restore(place: Place, folder: Path, *, may_migrate: bool = False) -> backup.Restored:
    return backup.restore(place.system, folder, place.prepare, quiet, may_migrate=may_migrate)


def untouched(place: Place) -> bool:
    with databases.connected(place.system.admin_url) as conn:
        there = [name for name in (place.system.database, *place.system.beside) if databases.exists(conn, name)]
    return not there and not place.system.raw_root.exists()


def test_every_table_every_file_and_every_metric_comes_back(
    place: Place, elsewhere: Place, stores: tuple[InfluxMetricStore, InfluxMetricStore], tmp_path: Path
) -> None:
    full, empty = stores
    here, there = (
        replace(one, system=replace(one.system, series=store))
        for one, store in zip((place, elsewhere), stores, strict=True)
    )
    told: list[tuple[str, int, int]] = []
    made = backup.write(here.system, tmp_path / "kept", AT, lambda *what: told.append(what))
    assert {"databases", "raw.tar.zst", "metrics of tenant 1"} <= {name for name, _, _ in told}
    assert made.series["1"].rows == 2 * 3 * 90 - 2 * 39
    restore(there, tmp_path / "kept")
    for name in (here.system.database, *here.system.beside):
        before, after = rows(here, name), rows(there, name)
        # To write the series back is a change of them of its own, which whoever holds some in files must hear of.
        for told_changes in (before, after):
            told_changes.pop("series_changes", None)
        assert before == after
        assert sum(map(len, before.values())) > 25, "there was something to compare"
    raw = contents(here.system.raw_root)
    # A write that was cut off and what is made again stay behind.
    assert contents(there.system.raw_root) == {
        name: raw[name] for name in raw if re.fullmatch(r"1/.*/[0-9a-f]{64}[.][0-9a-f]{16}", name)
    }
    assert len(contents(there.system.raw_root)) == 20
    assert contents(there.system.archive_root) == contents(here.system.archive_root)
    for listing_id in (1, 2, 3):
        for one, other in zip(full.told_by(1, listing_id, *SPAN), empty.told_by(1, listing_id, *SPAN), strict=True):
            assert (one.source, one.as_of_at, one.values.keys()) == (other.source, other.as_of_at, other.values.keys())
            assert all(np.array_equal(one.values[name], other.values[name], equal_nan=True) for name in one.values)
    served = Database(there.app_url())
    assert schema.check(served) == schema.needed()
    served.dispose()


def test_a_readers_role_is_there_without_a_password_and_keeps_to_its_tenant(kept: Path, elsewhere: Place) -> None:
    assert restore(elsewhere, kept).roles == (READER,)
    with databases.connected(elsewhere.system.admin_url, elsewhere.system.database) as conn:
        found = conn.execute(
            text("SELECT rolcanlogin, rolconfig FROM pg_roles WHERE rolname = :name"), {"name": READER}
        ).one()
        assert tuple(found) == (False, ["app.tenant_id=1"])
        may = text("SELECT has_table_privilege(:name, 'public.listings', 'SELECT')")
        assert conn.execute(may, {"name": READER}).scalar_one() is True


def _flip(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_flip, "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged"),
        (lambda path: path.write_bytes(b""), "is damaged"),
        (Path.unlink, "lacks|is no backup"),
    ],
)
@pytest.mark.parametrize("which", ["*_flows.dump.zst", "raw.tar.zst", "archive.tar.zst", "manifest.json"])
def test_a_damaged_backup_is_refused_before_anything_is_written(
    kept: Path, elsewhere: Place, which: str, harm: Callable[[Path], None], said: str
) -> None:
    harm(next(kept.glob(which)))
    with pytest.raises(PermanentError, match=said):
        backup.verify(kept, quiet)
    with pytest.raises(PermanentError, match=said):
        restore(elsewhere, kept)
    assert untouched(elsewhere)


@pytest.fixture
def kept(written: Path, tmp_path: Path) -> Path:
    """A copy of a whole backup."""
    return Path(shutil.copytree(written, tmp_path / "kept"))


def test_no_key_is_in_a_backup_and_another_key_is_refused(kept: Path, place: Place, elsewhere: Place) -> None:
    key = place.system.keys["secret_key"]
    assert not any(key.encode() in content for content in contents(kept).values())
    other = replace(elsewhere, system=replace(elsewhere.system, keys={"secret_key": Fernet.generate_key().decode()}))
    with pytest.raises(PermanentError, match="encrypted with another secret_key"):
        restore(other, kept)
    assert untouched(elsewhere)


def test_what_holds_something_is_not_restored_over(kept: Path, place: Place, elsewhere: Place) -> None:
    with pytest.raises(PermanentError, match=f"the database {place.system.database} holds .* tables"):
        restore(place, kept)
    restore(elsewhere, kept)
    again = rows(elsewhere, elsewhere.system.database)
    with pytest.raises(PermanentError, match="into an empty system"):
        restore(elsewhere, kept)
    assert rows(elsewhere, elsewhere.system.database) == again


def test_raw_payloads_that_are_there_are_not_mixed_with_others(kept: Path, elsewhere: Place) -> None:
    (elsewhere.system.raw_root / "1" / "2026-01-01").mkdir(parents=True)
    (elsewhere.system.raw_root / "1" / "2026-01-01" / ("a" * 64)).write_text("another's")
    with pytest.raises(PermanentError, match="holds files: restore into an empty folder"):
        restore(elsewhere, kept)


def test_a_newer_schema_is_refused(kept: Path, elsewhere: Place) -> None:
    manifest.save(kept, replace(manifest.load(kept), schema="9999", release="7.0"))
    with pytest.raises(PermanentError, match=r"schema 9999 and this release knows \d{4}: restore it with 7\.0"):
        restore(elsewhere, kept)


def test_an_older_schema_is_refused_unless_it_may_be_migrated(
    pg_admin_url: str, other_postgres: str, tmp_path: Path
) -> None:
    place = build(pg_admin_url, tmp_path)
    elsewhere = moved(place, other_postgres, tmp_path)
    before = _at_schema(place, "0026")
    backup.write(place.system, tmp_path / "kept", AT, quiet)
    with pytest.raises(
        PermanentError, match=rf"older schema 0026 and this release needs {schema.needed()}: give --migrate"
    ):
        restore(elsewhere, tmp_path / "kept")
    assert untouched(elsewhere)
    assert restore(elsewhere, tmp_path / "kept", may_migrate=True).schema == schema.needed()
    served = Database(elsewhere.app_url())
    assert schema.check(served) == schema.needed()
    served.dispose()
    assert rows(elsewhere, elsewhere.system.database)["listings"] == before["listings"]


def _at_schema(place: Place, revision: str) -> dict[str, list[str]]:
    """Take the database back to an older schema, and give what it holds then."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.attributes["app_role"] = migrate.APP_ROLE
    engine = engine_for(place.prepare())
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        command.downgrade(config, revision)
    engine.dispose()
    return rows(place, place.system.database)


def test_a_backup_that_is_cut_off_leaves_none(place: Place, tmp_path: Path) -> None:
    broken = replace(place.system, beside=("there_is_none",))
    with pytest.raises((NightporterError, OperationalError)):
        backup.write(broken, tmp_path / "kept", AT, quiet)
    assert not list(tmp_path.glob("kept*"))
    backup.write(place.system, tmp_path / "kept", AT, quiet)
    with pytest.raises(PermanentError, match="is there already"):
        backup.write(place.system, tmp_path / "kept", AT, quiet)


def test_what_is_written_meanwhile_is_all_in_it_or_not_at_all(pg_admin_url: str, tmp_path: Path) -> None:
    """A dump and the counts are of one moment, whatever others write between them."""
    place = build(pg_admin_url, tmp_path)
    database = Database(place.app_url())

    def interfere(name: str, done: int, _: int) -> None:
        if (name, done) == ("databases", 1):
            with database.tenant(1) as conn:
                conn.execute(text("DELETE FROM api_keys"))

    backup.write(place.system, tmp_path / "kept", AT, interfere)
    database.dispose()
    assert manifest.load(tmp_path / "kept").databases[place.system.database].tables["public.api_keys"].rows == 1


def test_the_command_writes_verifies_and_restores(place: Place, elsewhere: Place, tmp_path: Path) -> None:
    beside = tmp_path / "n8n_url"

    def run(at: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
        url = make_url(at.system.admin_url).set(drivername="postgresql")
        beside.write_text(
            url.set(username="np_flows", password="x", database=at.system.beside[0]).render_as_string(
                hide_password=False
            )
        )
        owner = url.set(username=migrate.OWNER_ROLE, password=at.passwords[1], database=at.system.database)
        told = {
            "ADMIN_URL": url.render_as_string(hide_password=False), "DATABASE_URL": at.app_url(),
            "OWNER_URL": owner.render_as_string(hide_password=False), "REDIS_URL": "redis://127.0.0.1",
            "SECRET_KEY": at.system.keys["secret_key"], "RAW_ROOT": str(at.system.raw_root),
            "ARCHIVE_ROOT": str(at.system.archive_root),
        }  # fmt: skip
        env = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTPORTER_")}
        program = Path(sys.executable).with_name("nightporter")
        return subprocess.run(
            [program, "backup", *arguments], env={**env, **{f"NIGHTPORTER_{name}": told[name] for name in told}},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    folder = str(tmp_path / "kept")
    written = run(place, "write", folder, "--beside", str(beside))
    assert written.returncode == 0, written.stderr
    assert "20 raw files, 1 of old data" in written.stdout
    assert "is whole" in run(place, "verify", folder).stdout
    refused = run(place, "restore", folder, "--beside", str(beside))
    assert (refused.returncode, "into an empty system" in refused.stderr) == (2, True)
    done = run(elsewhere, "restore", folder, "--beside", str(beside))
    assert done.returncode == 0, done.stderr
    assert rows(place, place.system.database) == rows(elsewhere, elsewhere.system.database)
    _flip(next(Path(folder).glob("raw.tar.zst")))
    broken = run(place, "verify", folder)
    assert (broken.returncode, "is damaged" in broken.stderr) == (2, True)
