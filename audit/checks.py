"""The checks of `make audit`: each runs a tool that others keep, and says what came of it.

A tool that could not look (no network, no answer) has not found us clean: that is said, with its reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from audit import lock_file

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
N8N = ROOT / "python_nodes" / "local" / "n8n"
BASELINE = ".secrets.baseline"
LONGEST_S = 300
NAMED = "Secret Keyword"
"""A text beside a word such as password: in tests they are made up, and each new test would bring some."""
State = Literal["clean", "found", "not checked", "written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a check came to; ``lines`` names each finding."""

    check: str
    state: State
    said: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a tool wrote; ``status`` None where it could not be run or took too long."""

    status: int | None
    out: str
    err: str

    @property
    def why(self) -> str:
        """The last line that tells anything."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        return lines[-1][:200] if lines else "it said nothing"


def run(command: Sequence[str | Path], cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Ran:
    """Run a tool to its end."""
    try:
        done = subprocess.run(
            list(map(str, command)), cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True,
            timeout=LONGEST_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Ran(status=None, out="", err=f"{type(error).__name__}: {error}")
    return Ran(status=done.returncode, out=done.stdout, err=done.stderr)


def python_packages(accepted: Mapping[str, str]) -> Outcome:
    """Look up the locked Python packages in the Open Source Vulnerabilities database."""
    command: list[str | Path] = [
        BIN / "pip-audit", "--requirement", "requirements/dev.txt", "--require-hashes", "--disable-pip",
        "--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off", "--timeout", "10",
    ]  # fmt: skip
    return read_pip_audit(run(command), accepted)


def read_pip_audit(ran: Ran, accepted: Mapping[str, str]) -> Outcome:
    """Judge what pip-audit wrote: its status is 1 both where it found something and where it could not look."""
    told = _json(ran.out)
    packages = told.get("dependencies") if isinstance(told, dict) else None
    if not isinstance(packages, list) or not packages:
        return Outcome(check="pip-audit", state="not checked", said=ran.why)
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    if skipped:
        return Outcome(check="pip-audit", state="not checked", said=f"no answer on {', '.join(skipped)}")
    found = {
        f"{one['name']} {one['version']}: {known['id']}": {known["id"], *known.get("aliases", ())}
        for one in packages for known in one["vulns"]
    }  # fmt: skip
    lines = tuple(line for line, names in found.items() if not names & accepted.keys())
    said = f"{len(packages)} packages, {len(lines)} known faults, {len(found) - len(lines)} accepted"
    return Outcome(check="pip-audit", state="found" if lines else "clean", said=said, lines=lines)


def node_packages(accepted: Mapping[str, str]) -> Outcome:
    """Look up what n8n is made of, by its lock file alone."""
    npm = _npm()
    if npm is None:
        return Outcome(check="npm audit", state="not checked", said="npm is not here: `make install` gets it")
    command: list[str | Path] = [npm, "audit", "--package-lock-only", "--omit=dev", "--json"]
    return read_npm_audit(run(command, N8N, _path_to(npm)), accepted)


def read_npm_audit(ran: Ran, accepted: Mapping[str, str]) -> Outcome:
    """Judge what npm wrote; what it cannot look up it reports as JSON too."""
    told = _json(ran.out)
    if not isinstance(told, dict) or "vulnerabilities" not in told or "auditReportVersion" not in told:
        error = told.get("error") if isinstance(told, dict) else None
        said = (error or {}).get("summary") or (told or {}).get("message") if isinstance(told, dict) else None
        return Outcome(check="npm audit", state="not checked", said=str(said or ran.why)[:200])
    count = told.get("metadata", {}).get("dependencies", {}).get("total", 0)
    if not count:
        return Outcome(check="npm audit", state="not checked", said="it looked at no package")
    found = {
        f"{name} ({via['severity']}): {via['title']} {via['url']}": via["url"].rpartition("/")[2]
        for name, one in told["vulnerabilities"].items() for via in one["via"] if isinstance(via, dict)
    }  # fmt: skip
    lines = tuple(sorted(line for line, name in found.items() if name not in accepted))
    said = f"{count} packages, {len(lines)} known faults, {len(found) - len(lines)} accepted"
    return Outcome(check="npm audit", state="found" if lines else "clean", said=said, lines=lines)


def bill_of_materials(folder: Path) -> list[Outcome]:
    """Write what we and n8n are made of, CycloneDX."""
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "sbom-python.cdx.json"
    command: list[str | Path] = [
        BIN / "cyclonedx-py", "requirements", "requirements/run.txt", "--pyproject", "pyproject.toml",
        "--output-reproducible", "--output-format", "JSON", "--output-file", python,
    ]  # fmt: skip
    python.unlink(missing_ok=True)
    outcomes = [_written("SBOM of Python", python, run(command))]
    node = folder / "sbom-n8n.cdx.json"
    node.write_text(lock_file.as_cyclonedx(N8N / "package-lock.json"), encoding="utf-8")
    return [*outcomes, _written("SBOM of n8n", node, Ran(status=0, out="", err=""))]


def _written(check: str, file: Path, ran: Ran) -> Outcome:
    told = _json(file.read_text(encoding="utf-8")) if file.exists() else None
    count = len(told.get("components", ())) if isinstance(told, dict) else 0
    if not count:
        return Outcome(check=check, state="not checked", said=ran.why)
    return Outcome(check=check, state="written", said=f"{count} components in {_shown(file)}")


def _shown(file: Path) -> str:
    return file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else str(file)


def sources() -> Outcome:
    """Look through our own sources for what is known to go wrong."""
    command: list[str | Path] = [
        BIN / "bandit",
        "--quiet",
        "--recursive",
        "--configfile",
        "pyproject.toml",
        "--format",
        "json",
    ]
    return read_bandit(run([*command, "python_nodes", "detectors", "sandbox", "audit", "fuzz", "compose"]))


def read_bandit(ran: Ran) -> Outcome:
    """Judge what bandit wrote; a file that it could not read is a finding too."""
    told = _json(ran.out)
    if not isinstance(told, dict) or not told.get("metrics", {}).get("_totals", {}).get("loc"):
        return Outcome(check="bandit", state="not checked", said=ran.why)
    lines = [f"{one['filename']}:{one['line_number']} {one['test_id']} {one['issue_text']}" for one in told["results"]]
    lines += [f"{one['filename']}: {one['reason']}" for one in told["errors"]]
    said = f"{told['metrics']['_totals']['loc']} lines, {len(lines)} findings"
    return Outcome(check="bandit", state="found" if lines else "clean", said=said, lines=tuple(lines))


def secrets(root: Path = ROOT, baseline: str = BASELINE) -> Outcome:
    """Look for secrets in whatever git keeps, but for those that the baseline names as none."""
    listed = run(["git", "ls-files", "-z"], root)
    files = [one for one in listed.out.split("\0") if one and one != baseline]
    if listed.status != 0 or not files:
        return Outcome(check="secrets", state="not checked", said=listed.why)
    command: list[str | Path] = [BIN / "detect-secrets-hook", "--json", "--baseline", baseline, *files]
    ran = run(command, root)
    if ran.status == 0:
        return Outcome(check="secrets", state="clean", said=f"{len(files)} files, none that is not in {baseline}")
    told = _json(ran.out)
    if not isinstance(told, dict) or "results" not in told:
        return Outcome(check="secrets", state="not checked", said=ran.why)
    lines = tuple(
        f"{name}:{one['line_number']} {one['type']}" for name, each in told["results"].items() for one in each
        if one["type"] != NAMED or not name.startswith("tests/")
    )  # fmt: skip
    said = f"{len(files)} files, {len(lines)} findings"
    return Outcome(check="secrets", state="found" if lines else "clean", said=said, lines=lines)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _npm() -> Path | None:
    """npm of the pinned Node, else whatever is on the path."""
    cache = Path(os.environ.get("NIGHTPORTER_CACHE") or Path.home() / ".cache" / "nightporter")
    own = sorted(cache.glob("node-*/bin/npm"))
    found = own[-1] if own else shutil.which("npm")
    return Path(found) if found else None


def _path_to(npm: Path) -> dict[str, str]:
    return {"PATH": f"{npm.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
