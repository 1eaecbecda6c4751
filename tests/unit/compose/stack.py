"""The compose files as a machine without Docker can read them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = ROOT / "compose"
BASE = COMPOSE / "compose.yaml"
OVERLAYS = ("dev", "scale")
ONE_SHOT = frozenset({"setup", "tools"})
"""What runs to its end, and so has no health: others wait until it is done, or nobody waits."""
OURS = ("worker", "jobs", "jobs-critical", "setup", "tools")
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
CACHE = Path(os.environ.get("NIGHTPORTER_CACHE") or Path.home() / ".cache" / "nightporter")

Service = dict[str, Any]


@lru_cache
def read(path: Path) -> dict[str, Any]:
    """One file, its anchors resolved."""
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def services() -> dict[str, Service]:
    """The services of the file that every overlay stands on."""
    found: dict[str, Service] = read(BASE)["services"]
    return found


@lru_cache
def example() -> dict[str, str]:
    """The settings that compose/.env.example tells."""
    lines = (COMPOSE / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled(text: str) -> str:
    """A value as compose fills it in from the example."""
    told = example()
    return VARIABLE.sub(lambda found: told.get(found[1]) or (found[3] if found[2] == "-" else ""), text)


def tool(path: str, make: str) -> Path:
    """A program that `make compose-tools` gets; where there is none, skip and say so."""
    if not os.access(CACHE / path, os.X_OK):
        pytest.skip(f"{path} is not on this machine: run `{make}`")
    return CACHE / path


def merged(overlay: str) -> dict[str, Any]:
    """The base under one overlay, as the loader that Docker Compose uses merges them."""
    loader = tool("compose-go-2.16.2/compose-spec", "make compose-tools")
    command = [loader, "-format", "json", "-no-interpolation", BASE, COMPOSE / f"{overlay}.yaml"]
    done = subprocess.run(command, cwd=COMPOSE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
