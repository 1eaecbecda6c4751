"""Ctrl-C stops all of it; the last of a store's tests, since nothing runs afterwards."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil

from python_nodes.local import processes
from tests.e2e.conftest import STOPPED_S, Live


def test_interrupting_stops_everything(live: Live) -> None:
    family = psutil.Process(live.process.pid).children(recursive=True)
    running = {word for child in family for word in _words(child)}
    assert {"sandbox", "n8n"} <= running
    assert ("influxd" in running) == (live.store == "influx")
    live.process.send_signal(signal.SIGINT)
    assert live.process.wait(STOPPED_S) == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
    assert not (live.folder.root / "postgres" / "postmaster.pid").exists()
    assert processes.is_free(live.saved.ports.worker)


def _words(child: psutil.Process) -> set[str]:
    return {Path(word).name for word in child.cmdline()}
