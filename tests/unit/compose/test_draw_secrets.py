"""Drawing the secrets: each anew, none over another, none for others to read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import make_url

from tests.unit.compose.stack import COMPOSE


def draw(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(COMPOSE / "draw_secrets.py"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_what_is_drawn_is_for_its_owner_only_and_never_printed(tmp_path: Path) -> None:
    done = draw(tmp_path)
    assert done.returncode == 0, done.stderr
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 20
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert not any(word and word in done.stdout for word in contents(tmp_path).values())
    assert "worker/slack_token" in done.stdout


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    draw(tmp_path)
    (tmp_path / "worker" / "slack_token").write_text("xoxb-given")
    before = contents(tmp_path)
    again = draw(tmp_path)
    assert (again.returncode, contents(tmp_path)) == (0, before)


def test_no_two_places_share_a_secret(tmp_path: Path) -> None:
    draw(tmp_path / "a")
    draw(tmp_path / "b")
    one, other = contents(tmp_path / "a"), contents(tmp_path / "b")
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] and one[name] == other[name]] == []


def test_a_lost_secret_is_not_drawn_anew_beside_the_others(tmp_path: Path) -> None:
    draw(tmp_path)
    (tmp_path / "worker" / "secret_key").unlink()
    refused = draw(tmp_path)
    assert refused.returncode != 0
    assert "worker/secret_key" in refused.stderr
    assert not (tmp_path / "worker" / "secret_key").exists()


def test_those_who_must_know_the_same_know_the_same(tmp_path: Path) -> None:
    draw(tmp_path)
    told = contents(tmp_path)
    assert make_url(told["tools/admin_url"]).password == told["postgres/password"]
    assert make_url(told["tools/n8n_database_url"]).password == told["n8n/database_password"]
    assert told["tools/n8n_encryption_key"] == told["n8n/encryption_key"]
    assert f">{make_url(told['worker/redis_url']).password} " in told["valkey/users.acl"]
    assert f">{told['n8n/redis_password']} " in told["valkey/users.acl"]
    Fernet(told["worker/secret_key"])
