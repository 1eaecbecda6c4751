"""A small sandbox as its own process, on free ports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[3]
CONTROL_TOKEN = "control-of-the-test"
SCENARIO = """
title = "Small"
description = "One listing goes down."

[[incident]]
id = "down-1"
kind = "listing_down"
select = { third = "high" }
start_day = 2
days = 5
"""
PAGE_TOKEN = "page-of-the-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox and clients for its two ports."""

    public: httpx2.Client
    control: httpx2.Client
    smtp_port: int
    out_dir: Path

    def token(self) -> str:
        """A fresh Booking.com token."""
        body = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
        response = self.public.post("/booking_com/token-based-authentication/exchange", json=body)
        assert response.status_code == 200, response.text
        return str(response.json()["jwt"])

    def step(self, now: str) -> None:
        """Set the sandbox's clock."""
        assert self.control.post("/control/clock", json={"now": now}).status_code == 200

    def fault(self, **setting: object) -> None:
        """Set a fault."""
        response = self.control.post("/control/faults", json=setting)
        assert response.status_code == 200, response.text


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    out_dir = tmp_path_factory.mktemp("sandbox")
    scenario = tmp_path_factory.mktemp("scenario") / "small.toml"
    scenario.write_text(SCENARIO)
    command = [
        sys.executable, "-m", "sandbox", "--control-token", CONTROL_TOKEN, "--page-token", PAGE_TOKEN, "--seed", "7",
        "--listings", "24", "--days", "60", "--live-days", "14", "--out-dir", str(out_dir),
        "--scenario", str(scenario),
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        control = {"Authorization": f"Bearer {CONTROL_TOKEN}"}
        with (
            httpx2.Client(base_url=urls["public_url"], trust_env=False, timeout=30) as public,
            httpx2.Client(base_url=urls["control_url"], headers=control, trust_env=False, timeout=30) as client,
        ):
            yield Sandbox(public=public, control=client, smtp_port=urls["smtp_port"], out_dir=out_dir)
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0


@pytest.fixture
def t0(sandbox: Sandbox) -> str:
    """The first live day, with the clock at its noon and no fault set."""
    day = str(sandbox.control.get("/truth").json()["t0"])
    sandbox.fault(name="none")
    sandbox.step(f"{day}T12:00:00+00:00")
    return day
