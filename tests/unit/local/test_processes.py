from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from python_nodes.errors import RetryableError
from python_nodes.local import processes

PARENT = (
    "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "print(p.pid, flush=True); time.sleep(60)"
)


def start(script: str, folder: Path) -> processes.Child:
    env = processes.clean_environment({})
    return processes.start("trial", [sys.executable, "-c", script], env=env, log=folder / "log", cwd=folder)


def test_stopping_a_process_stops_what_it_started(tmp_path: Path) -> None:
    child = start(PARENT, tmp_path)
    processes.wait_until(child, lambda: child.log.read_text().strip().isdigit(), within_s=20)
    grandchild = int(child.log.read_text())
    processes.stop([child])
    assert child.process.poll() is not None
    assert not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE


def test_a_process_that_ends_is_reported_with_its_log(tmp_path: Path) -> None:
    child = start("import sys; sys.exit('the reason')", tmp_path)
    with pytest.raises(RetryableError, match="the reason"):
        processes.wait_until(child, lambda: False, within_s=20)


def test_settings_of_other_processes_are_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTPORTER_CACHE", "/somewhere")
    monkeypatch.setenv("N8N_PORT", "1")
    assert processes.clean_environment({"A": "b"}).keys() & {"NIGHTPORTER_CACHE", "N8N_PORT", "A"} == {"A"}


def test_doctor_can_tell_which_processes_ended(tmp_path: Path) -> None:
    note = tmp_path / "processes.json"
    assert processes.ended(note) == []
    child = start(PARENT, tmp_path)
    processes.note([child], [], note)
    assert processes.ended(note) == []
    processes.stop([child])
    assert processes.ended(note) == ["trial"]


def test_another_process_with_the_same_number_is_not_the_noted_one(tmp_path: Path) -> None:
    child = start(PARENT, tmp_path)
    note = tmp_path / "processes.json"
    processes.note([child], [], note)
    pid = child.process.pid
    note.write_text(json.dumps({"trial": [pid, psutil.Process(pid).create_time() - 60]}))
    assert processes.ended(note) == ["trial"]
    processes.stop([child])
