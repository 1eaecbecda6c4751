"""One real server that can be killed without warning and started again as it was."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from chaos import clocks
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.local import processes

READY_S = 240.0
GONE_S = 20.0
STARTS = 3
"""A store killed without warning may refuse its first start: its children are still going."""


@dataclass(slots=True, kw_only=True)
class Server:
    """A program, how it is started, and how it tells that it is ready."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    cwd: Path
    ready: Callable[[], bool]
    user: str | None = None
    port: int = 0
    kills: int = 0
    clock_off_s: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    is_over: bool = field(default=False, init=False)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        for attempt in range(1, STARTS + 1):
            self._start()
            try:
                self._wait()
            except RetryableError as error:
                self.kill(counted=False)
                if attempt == STARTS:
                    raise
                told = " | ".join(str(error).splitlines()[:3])
                print(f"  {self.name}: start {attempt} of {STARTS} failed: {told}", file=sys.stderr, flush=True)
            else:
                return

    def begin(self) -> None:
        """Start it without waiting."""
        self._start()

    def kill(self, *, counted: bool = True) -> None:
        """End it and all it started at once, as a power cut would."""
        if self.process is None:
            return
        family = _family(self.process.pid)
        for one in family:
            _kill(one)
        psutil.wait_procs(family, timeout=GONE_S)
        self.process.wait(GONE_S)
        self.process = None
        self.kills += counted

    def end(self) -> None:
        """Kill it for good: a fault that is still going on starts it no more."""
        self.is_over = True
        self.kill(counted=False)

    def stop(self) -> None:
        """Ask it to end, and kill what does not."""
        if self.process is not None:
            processes.stop([processes.Child(self.name, self.process, self.log)])
            self.process.wait(GONE_S)
            self.process = None

    def is_running(self) -> bool:
        """Whether it runs now."""
        return self.process is not None and self.process.poll() is None

    def wait(self) -> None:
        """Return once it is ready."""
        self._wait()

    def _start(self) -> None:
        if self.is_over:
            raise PermanentError(f"{self.name} is not started again: the run is over", status=409)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        env = {**self.env, **clocks.off_by(self.clock_off_s)}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                list(self.command), env=env, cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True, user=self.user, group=self.user,
                extra_groups=[] if self.user else None,
            )  # fmt: skip

    def _wait(self) -> None:
        if self.process is None:
            raise RetryableError(f"{self.name} was not started")
        child, deadline = processes.Child(self.name, self.process, self.log), time.monotonic() + READY_S
        processes.wait_until(child, self.ready, within_s=max(0.1, deadline - time.monotonic()))


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
