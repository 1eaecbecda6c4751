from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from python_nodes.errors import ConfigError
from python_nodes.local import doctor, n8n
from python_nodes.local.state import StateDir


def wrong(folder: StateDir) -> dict[str, str]:
    return {finding.name: f"{finding.told} {finding.mend}" for finding in doctor.examine(folder) if not finding.ok}


def test_an_empty_folder_is_told_what_to_run(tmp_path: Path) -> None:
    assert "`make run`" in wrong(StateDir(tmp_path))["state"]


def test_without_n8n_the_target_that_installs_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTPORTER_CACHE", str(tmp_path))
    assert "make install" in wrong(StateDir(tmp_path))["n8n"]
    with pytest.raises(ConfigError, match="make install"):
        n8n.command_line()


def test_what_does_not_run_is_named_with_where_to_look(tmp_path: Path) -> None:
    folder = StateDir(tmp_path)
    folder.load_or_create()
    found = wrong(folder)
    assert {"postgresql", "worker", "n8n server", "sandbox"} <= found.keys()
    assert str(tmp_path / "logs") in found["worker"]


def test_a_port_that_somebody_else_has_is_named(tmp_path: Path) -> None:
    folder = StateDir(tmp_path)
    saved = folder.load_or_create()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", saved.ports.worker))
        taken.listen()
        assert f"port {saved.ports.worker}" in wrong(folder)["worker"]


def test_a_process_that_ended_by_itself_is_told_with_its_log(tmp_path: Path) -> None:
    folder = StateDir(tmp_path)
    folder.load_or_create()
    folder.processes.write_text(json.dumps({"celery": [sys.maxsize // 2**33, 1.0]}))
    assert "celery.log" in wrong(folder)["process celery"]
