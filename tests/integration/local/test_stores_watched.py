"""A store that ends by itself ends the run with a reason; doctor names it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from python_nodes.errors import ConfigError
from python_nodes.local import processes, valkey
from python_nodes.local.servers import WorldArguments
from python_nodes.local.start import Options, Running, Stopwatch
from python_nodes.local.state import StateDir


def test_a_store_that_dies_is_noticed_and_named(tmp_path: Path) -> None:
    folder = StateDir(tmp_path)
    world = WorldArguments(seed=1, listings=20, days=60, live_days=1, scenario=None, channels=("booking_com",))
    options = Options(world=world, once=True, json_file=None)
    running = Running(folder, folder.load_or_create(), options, Console(quiet=True), Stopwatch(tmp_path / "up.log"))
    with valkey.run(tmp_path / "valkey") as cache:
        running.stores.append(processes.Server.of("valkey", cache.pid))
        running.add()
        running.check()
        assert processes.ended(folder.processes) == []
        os.kill(cache.pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(cache.pid)], timeout=10)
        with pytest.raises(ConfigError, match=r"valkey ended by itself; its log is under .*/valkey\. Nothing"):
            running.check()
        assert processes.ended(folder.processes) == ["valkey"]
