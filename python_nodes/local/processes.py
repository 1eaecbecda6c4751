"""Child processes in groups of their own, so that stopping one stops what it started."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

from python_nodes.errors import RetryableError
from python_nodes.local import loopback

STOP_GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Child:
    """A started process and the file its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


@dataclass(frozen=True, slots=True)
class Server:
    """A process that a library started and stops; its number alone may be another's by now."""

    name: str
    pid: int
    began_at: float | None

    @classmethod
    def of(cls, name: str, pid: int) -> Server:
        """Note which process runs under that number now."""
        return cls(name, pid, _began_at(pid))

    @property
    def runs(self) -> bool:
        """Whether it is still that process; one that ended and was not waited for is none."""
        return self.began_at is not None and _began_at(self.pid) == self.began_at


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could bind the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without settings meant for other processes, plus ``extra``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTPORTER_", "N8N_"))}
    return {**inherited, **extra}


def start(name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path) -> Child:
    """Start a command in its own process group with its output in ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command), env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    return Child(name, process, log)


def note(children: Iterable[Child], servers: Iterable[Server], file: Path) -> None:
    """Write which processes run, for whoever asks later how they are."""
    running = [*(Server.of(child.name, child.process.pid) for child in children), *servers]
    file.write_text(json.dumps({one.name: (one.pid, one.began_at) for one in running}, indent=2))


def ended(file: Path) -> list[str]:
    """The noted processes that are no more; a number that another process got since counts as gone."""
    if not file.exists():
        return []
    noted: dict[str, tuple[int, float | None]] = json.loads(file.read_text())
    return [name for name, (pid, began_at) in noted.items() if not Server(name, pid, began_at).runs]


def _began_at(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def wait_until(child: Child, ready: Callable[[], bool], *, within_s: float) -> None:
    """Return once ``ready`` holds; a child that ended or is too slow raises with the end of its log."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if child.process.poll() is not None:
            raise RetryableError(f"{child.name} ended with status {child.process.returncode}:\n{log_tail(child.log)}")
        if ready():
            return
        time.sleep(0.1)
    raise RetryableError(f"{child.name} was not ready within {within_s:.0f} s:\n{log_tail(child.log)}")


def answers(url: str) -> bool:
    """Whether a GET of the address gives a 200 now."""
    try:
        return loopback.client().get(url, timeout=2.0).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False


def log_tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def stop(children: Iterable[Child]) -> None:
    """Ask each group to end, wait, and kill what is left of them."""
    families: list[psutil.Process] = []
    groups: list[int] = []
    for child in children:
        if child.process.poll() is None:
            families.extend(_family(child.process.pid))
            groups.append(child.process.pid)
    for group in groups:
        _signal(group, signal.SIGTERM)
    _, alive = psutil.wait_procs(families, timeout=STOP_GRACE_S)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=STOP_GRACE_S)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
