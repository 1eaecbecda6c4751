"""What the tools of `make audit` wrote is judged rightly: above all, not having looked is never clean."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from audit import checks, lock_file
from audit.checks import Ran

FAULT = {"id": "GHSA-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2"]}
ADVISORY = {"title": "bad", "severity": "high", "url": "https://github.com/advisories/GHSA-2"}


def ran(told: Any, status: int = 0, err: str = "") -> Ran:
    return Ran(status=status, out=told if isinstance(told, str) else json.dumps(told), err=err)


def python(*vulns: Any, **more: Any) -> dict[str, Any]:
    return {"dependencies": [{"name": "a", "version": "1", "vulns": list(vulns), **more}]}


@pytest.mark.parametrize(
    ("told", "accepted", "state"),
    [
        (ran(python()), {}, "clean"), (ran(python(FAULT), 1), {}, "found"),
        (ran(python(FAULT), 1), {"GHSA-1": "x"}, "clean"),
        (ran(python(FAULT), 1), {"CVE-2026-1": "x"}, "clean"), (ran(python(FAULT), 1), {"GHSA-9": "x"}, "found"),
        (ran("", 1, "ConnectionError: no network"), {}, "not checked"), (ran("{}", 0), {}, "not checked"),
        (ran({"dependencies": []}), {}, "not checked"), (ran(python(skip_reason="timed out")), {}, "not checked"),
        (Ran(status=None, out="", err="FileNotFoundError"), {}, "not checked"),
    ],
)  # fmt: skip
def test_pip_audit(told: Ran, accepted: dict[str, str], state: str) -> None:
    assert checks.read_pip_audit(told, accepted).state == state


def node(**vulnerabilities: Any) -> dict[str, Any]:
    total = {"dependencies": {"total": 3}}
    return {"auditReportVersion": 2, "vulnerabilities": vulnerabilities, "metadata": total}


@pytest.mark.parametrize(
    ("told", "accepted", "state"),
    [
        (ran(node()), {}, "clean"), (ran(node(a={"via": [ADVISORY, "b"]}), 1), {}, "found"),
        (ran(node(a={"via": [ADVISORY]}), 1), {"GHSA-2": "x"}, "clean"),
        (ran({"message": "405 Method Not Allowed", "error": {"summary": ""}}, 1), {}, "not checked"),
        (ran({"error": {"summary": "offline"}}, 1), {}, "not checked"), (ran("npm error", 1), {}, "not checked"),
        (ran(node() | {"metadata": {}}), {}, "not checked"), (ran("[]"), {}, "not checked"),
    ],
)  # fmt: skip
def test_npm_audit(told: Ran, accepted: dict[str, str], state: str) -> None:
    found = checks.read_npm_audit(told, accepted)
    assert found.state == state
    assert found.said


def test_bandit() -> None:
    finding = {"filename": "a.py", "line_number": 1, "test_id": "B307", "issue_text": "eval"}
    totals = {"_totals": {"loc": 10}}
    assert checks.read_bandit(ran({"results": [], "errors": [], "metrics": totals})).state == "clean"
    assert checks.read_bandit(ran({"results": [finding], "errors": [], "metrics": totals}, 1)).state == "found"
    unread = {"filename": "b.py", "reason": "syntax error"}
    assert checks.read_bandit(ran({"results": [], "errors": [unread], "metrics": totals})).state == "found"
    assert (
        checks.read_bandit(ran({"results": [], "errors": [], "metrics": {"_totals": {"loc": 0}}})).state
        == "not checked"
    )
    assert checks.read_bandit(ran("", 2, "no such file")).state == "not checked"


def test_a_secret_that_git_keeps_is_found(tmp_path: Path) -> None:
    for command in (["git", "init", "-q"], ["git", "add", "."]):
        if command[1] == "add":
            (tmp_path / "settings.py").write_text('AWS = "AKIA' + "IOSFODNN7EXAMPLQ" + '"\n')
            (tmp_path / ".secrets.baseline").write_text((checks.ROOT / checks.BASELINE).read_text())
        subprocess.run(command, cwd=tmp_path, check=True)
    found = checks.secrets(tmp_path)
    assert (found.state, len(found.lines)) == ("found", 1)
    assert found.lines[0].startswith("settings.py:1 AWS")
    (tmp_path / "settings.py").write_text("AWS = None\n")
    assert checks.secrets(tmp_path).state == "clean"


def test_what_tests_call_a_password_is_none_and_a_key_among_them_is_found(tmp_path: Path) -> None:
    for name in ("tests/test_a.py", "a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('PASSWORD = "made up for this"\nAWS = "AKIA' + "IOSFODNN7EXAMPLQ" + '"\n')
    (tmp_path / ".secrets.baseline").write_text((checks.ROOT / checks.BASELINE).read_text())
    for command in (["git", "init", "-q"], ["git", "add", "."]):
        subprocess.run(command, cwd=tmp_path, check=True)
    found = checks.secrets(tmp_path)
    assert sorted(found.lines) == ["a.py:1 Secret Keyword", "a.py:2 AWS Access Key", "tests/test_a.py:2 AWS Access Key"]


def test_where_nothing_is_kept_nothing_was_looked_at(tmp_path: Path) -> None:
    assert checks.secrets(tmp_path).state == "not checked"


def test_a_lock_file_is_told_with_its_checksums(tmp_path: Path) -> None:
    packages = {
        "": {"version": "0"}, "node_modules/a": {"version": "1.0.0", "integrity": "sha512-AAAA"},
        "node_modules/a/node_modules/@b/c": {"version": "2.0.0"}, "node_modules/d": {"version": "3.0.0", "dev": True},
    }  # fmt: skip
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": packages}))
    told = json.loads(lock_file.as_cyclonedx(tmp_path / "package-lock.json"))
    assert told["bomFormat"] == "CycloneDX"
    assert sorted(one["purl"] for one in told["components"]) == ["pkg:npm/%40b/c@2.0.0", "pkg:npm/a@1.0.0"]
    (one,) = [one for one in told["components"] if one["name"] == "a"]
    assert one["hashes"] == [{"alg": "SHA-512", "content": "000000"}]
