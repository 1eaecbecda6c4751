"""A real InfluxDB 1.x from what `make influx` put into the cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx2
import psutil

from python_nodes.errors import ConfigError
from python_nodes.local import loopback, processes

READY_S = 30.0
CONFIG = """reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = "{root}/meta"
logging-enabled = false
[data]
dir = "{root}/data"
wal-dir = "{root}/wal"
query-log-enabled = false
# A series a listing and source: the usual limits (a million series, 100,000 values a tag) are far too low.
max-series-per-database = 0
max-values-per-tag = 0
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
auth-enabled = {auth}
"""


@dataclass(frozen=True, slots=True)
class Build:
    """A server that could be started; ``api`` is what it understands."""

    version: str
    api: Literal["v1", "v2"]
    binary: str

    @property
    def path(self) -> Path:
        """Where `make influx` puts it."""
        root = os.environ.get("NIGHTPORTER_CACHE") or str(Path.home() / ".cache" / "nightporter")
        return Path(root) / f"influxdb-{self.version}" / self.binary


BUILDS = (Build("1.8.10", "v2", "bin/influxd"), Build("1.6.7", "v1", "usr/bin/influxd"))
"""Newest first."""


@dataclass(frozen=True, slots=True)
class Influx:
    """A running server: where it listens, and the folder it keeps everything in."""

    url: str
    build: Build
    root: Path
    child: processes.Child

    @property
    def settings(self) -> dict[str, str]:
        """What makes a worker keep its metrics there."""
        return {
            "NIGHTPORTER_METRIC_STORE": "influx",
            "NIGHTPORTER_INFLUX_URL": self.url,
            "NIGHTPORTER_INFLUX_API": self.build.api,
        }

    def keep(self, copy: Path) -> None:
        """Copy everything as it stands, so that a later server can start from there."""
        fresh = copy.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        process = psutil.Process(self.child.process.pid)
        # What a halted server has on disk is what it would find after a crash, and it loses nothing by that.
        process.suspend()
        try:
            shutil.copytree(self.root, fresh)
        finally:
            process.resume()
        shutil.rmtree(copy, ignore_errors=True)
        fresh.rename(copy)


def installed() -> list[Build]:
    """The builds that are on this machine, newest first."""
    return [build for build in BUILDS if os.access(build.path, os.X_OK)]


def newest() -> Build:
    """The build that `up` starts."""
    found = installed()
    if not found:
        raise ConfigError("no InfluxDB server on this machine: run `make influx`, which says what it needs")
    return found[0]


@contextmanager
def run(root: Path, build: Build, *, port: int | None = None, auth: bool = False) -> Iterator[Influx]:
    """Start the server on ``root`` and a loopback port and stop it at the end."""
    chosen = port or processes.free_port()
    root.mkdir(parents=True, exist_ok=True)
    config = root / "influxdb.conf"
    config.write_text(CONFIG.format(root=root, port=chosen, auth=str(auth).lower()))
    command = [str(build.path), "run", "-config", str(config)]
    env = processes.clean_environment({})
    child = processes.start("influxdb", command, env=env, log=root / "influxd.log", cwd=root)
    url = f"http://127.0.0.1:{chosen}"
    try:
        processes.wait_until(child, lambda: _answers(url), within_s=READY_S)
        yield Influx(url, build, root, child)
    finally:
        processes.stop([child])


def _answers(url: str) -> bool:
    try:
        return loopback.client().get(f"{url}/ping", timeout=2.0).status_code == httpx2.codes.NO_CONTENT
    except httpx2.HTTPError:
        return False
