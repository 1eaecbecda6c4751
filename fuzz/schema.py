"""Schemathesis over the worker's OpenAPI, as somebody with a key, with the wrong one, and with none."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fuzz.again import Anew, Send
from fuzz.parsers import ROOT
from fuzz.stack import Running

CONFIG = Path(__file__).parent / "schemathesis.toml"
GRACE_S = 60
PATIENCE_S = 600
"""The machine may be held up meanwhile; what was slow is asked again by itself."""
EVERY_PHASE, DRAWN = "examples,coverage,fuzzing", "fuzzing"
"""All of them; the one whose requests are drawn anew by each seed, while the others ask the same each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run of Schemathesis came to; ``failed`` are its own checks' findings, as it words them."""

    who: str
    statuses: dict[str, int]
    faults: tuple[str, ...]
    failed: tuple[str, ...]
    slowest_s: float
    slow: tuple[Anew, ...]
    """What took too long among others, to be asked again by itself."""
    taken_s: dict[str, float]
    """Seconds by operation."""

    @property
    def requests(self) -> int:
        """How many were sent and answered."""
        return sum(self.statuses.values())


def ask(
    running: Running, who: str, directory: Path, *, seconds: int, examples: int, seed: int, phases: str = EVERY_PHASE
) -> Asked:  # fmt: skip
    """Let Schemathesis ask so long, with every check, as ``who``; in one thread, since two break Python's ``ast``."""
    name = f"{who}-{seed}"
    counts, report = directory / f"{name}.counts.json", directory / f"{name}.report.json"
    counts.unlink(missing_ok=True)
    command: list[str | Path] = [
        Path(sys.executable).parent / "schemathesis", "--config-file", CONFIG, "run", running.schema, "--url",
        running.url, "--checks", "all", "--max-examples", str(examples), "--workers", "1", "--max-time",
        str(seconds), "--seed", str(seed), "--continue-on-failure", "--no-shrink", "--no-color", "--phases",
        phases, "--request-timeout", str(PATIENCE_S), "--generation-database", "none",
        "--report", "json", "--report-json-path", report,
    ]  # fmt: skip
    if who in running.keys:
        command += ["--header", f"Authorization: Bearer {running.keys[who]}"]
    env = {
        **os.environ, "SCHEMATHESIS_HOOKS": "fuzz.hooks", "FUZZ_COUNTS": str(counts), "PYTHONPATH": str(ROOT),
        "FUZZ_KEY_IDS": ",".join(map(str, running.key_ids)),
    }  # fmt: skip
    done = subprocess.run(
        list(map(str, command)), cwd=directory, env=env, capture_output=True, text=True,
        timeout=seconds + PATIENCE_S + GRACE_S * 3, check=False,
    )  # fmt: skip
    (directory / f"{name}.out").write_text(done.stdout + done.stderr, encoding="utf-8")
    if not counts.exists():
        raise SystemExit(f"Schemathesis did not run: {(done.stdout + done.stderr)[-2_000:]}")
    told = json.loads(counts.read_text(encoding="utf-8"))
    return Asked(
        who=who, statuses=told["statuses"], faults=tuple(told["faults"]), failed=_failed(report, done.returncode),
        slowest_s=told["slowest_s"], taken_s=told["taken_s"],
        slow=tuple(partial(_as_sent, one, running.keys.get(who)) for one in told["slow"]),
    )  # fmt: skip


def _as_sent(told: dict[str, Any], key: str | None) -> Send:
    headers = dict(told["headers"]) | ({"Authorization": f"Bearer {key}"} if key else {})
    # They are counted anew for the body as it is sent.
    unsent = {"content-length", "transfer-encoding", "host", "connection"}
    kept = {name: value for name, value in headers.items() if name.lower() not in unsent}
    return told["method"], told["url"], kept, base64.b64decode(told["body"])


def _failed(report: Path, status: int) -> tuple[str, ...]:
    """Its findings by check and operation; an exit that no finding explains is one."""
    told = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    lines = [f"{one['code']} {one['title']}: {name}" for one in told.get("failures", ()) for name in one["operations"]]
    lines += [f"error: {str(one)[:300]}" for one in told.get("errors", ())]
    if status not in (0, 1) or (status == 1 and not lines):
        lines.append(f"Schemathesis ended with {status} and names nothing")
    return tuple(lines)
