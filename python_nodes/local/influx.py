"""A real InfluxDB from what `make influx` put into the cache."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import httpx2
import psutil

from python_nodes.errors import ConfigError
from python_nodes.local import loopback, processes

if TYPE_CHECKING:
    from python_nodes.store.metrics.influx_http import InfluxAddress

READY_S = 60.0
ORG = "nightporter"
"""The organization that a 2.x server is set up with; 1.x has none."""
OPENED_BY = "operator-token"
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

    @property
    def is_2(self) -> bool:
        """Whether it has organizations, buckets and tokens, and lets nobody in without one."""
        return self.version.startswith("2.")


BUILDS = (
    Build("1.8.10", "v2", "bin/influxd"),
    Build("1.6.7", "v1", "usr/bin/influxd"),
    Build("2.7.12", "v2", "bin/influxd"),
)
"""In the order in which `up` prefers them; 2.7 takes long to build, so that few machines have it."""


@dataclass(frozen=True, slots=True)
class Influx:
    """A running server: where it listens, and the folder it keeps everything in."""

    url: str
    build: Build
    root: Path
    child: processes.Child
    token: str = field(default="", repr=False)

    @property
    def settings(self) -> dict[str, str]:
        """What makes a worker keep its metrics there."""
        known_by = {"NIGHTPORTER_INFLUX_ORG": ORG, "NIGHTPORTER_INFLUX_TOKEN": self.token} if self.token else {}
        return {
            "NIGHTPORTER_METRIC_STORE": "influx",
            "NIGHTPORTER_INFLUX_URL": self.url,
            "NIGHTPORTER_INFLUX_API": self.build.api,
            **known_by,
        }

    def address(self, **own: Any) -> InfluxAddress:
        """Return its address as whoever may do everything there, but for what is given."""
        # The client takes long to import, and most runs of `up` need none.
        from python_nodes.store.metrics.influx_http import InfluxAddress

        known_by: Mapping[str, str] = {"org": ORG, "token": self.token} if self.token else {}
        return InfluxAddress(**{"url": self.url, "api": self.build.api, **known_by, **own})

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
    command = _command_2(root, build, chosen) if build.is_2 else _command_1(root, build, chosen, auth=auth)
    env = processes.clean_environment({})
    child = processes.start("influxdb", command, env=env, log=root / "influxd.log", cwd=root)
    url = f"http://127.0.0.1:{chosen}"
    try:
        processes.wait_until(child, lambda: _answers(url), within_s=READY_S)
        yield Influx(url, build, root, child, _token(url, root) if build.is_2 else "")
    finally:
        processes.stop([child])


def _command_1(root: Path, build: Build, port: int, *, auth: bool) -> list[str]:
    config = root / "influxdb.conf"
    config.write_text(CONFIG.format(root=root, port=port, auth=str(auth).lower()))
    return [str(build.path), "run", "-config", str(config)]


def _command_2(root: Path, build: Build, port: int) -> list[str]:
    return [
        str(build.path), "run", "--http-bind-address", f"127.0.0.1:{port}", "--reporting-disabled", "--no-tasks",
        "--bolt-path", str(root / "influxd.bolt"), "--sqlite-path", str(root / "influxd.sqlite"),
        "--engine-path", str(root / "engine"),
    ]  # fmt: skip


def _token(url: str, root: Path) -> str:
    """Set a 2.x server up unless it is, and tell what opens it."""
    kept, http = root / OPENED_BY, loopback.client()
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(48))
    token = kept.read_text()
    if http.get(f"{url}/api/v2/setup").json()["allowed"]:
        told = {
            "username": "operator", "password": secrets.token_urlsafe(24), "org": ORG, "bucket": "unused",
            "token": token,
        }  # fmt: skip
        http.post(f"{url}/api/v2/setup", json=told).raise_for_status()
    return token


def _answers(url: str) -> bool:
    try:
        return loopback.client().get(f"{url}/ping", timeout=2.0).status_code == httpx2.codes.NO_CONTENT
    except httpx2.HTTPError:
        return False
