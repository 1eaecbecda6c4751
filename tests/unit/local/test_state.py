from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from python_nodes.errors import ConfigError
from python_nodes.local.state import StateDir, state_dir


def test_secrets_are_made_once_and_kept_for_the_owner_only(tmp_path: Path) -> None:
    folder = StateDir(tmp_path / "state")
    first = folder.load_or_create()
    assert folder.load_or_create() == first
    assert stat.S_IMODE(folder.file.stat().st_mode) == 0o600


def test_a_taken_port_gives_new_ports_and_a_fresh_history(tmp_path: Path) -> None:
    folder = StateDir(tmp_path)
    first = folder.load_or_create()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first.ports.worker))
        taken.listen()
        second = folder.load_or_create()
    assert second.ports != first.ports
    assert second.prepared == ""
    assert second.secret_key == first.secret_key


def test_without_state_the_message_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make run"):
        StateDir(tmp_path).load()


def test_the_default_folder_is_outside_every_home() -> None:
    assert state_dir().root.is_relative_to("/var/tmp/nightporter")
