"""How much memory a worker takes: the backfill of a Celery worker, and a day's polls, guards and scoring."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import httpx2

from bench import _stack
from python_nodes.store import migrate

N_LISTINGS, N_DAYS = 200, 400
GOAL_MB = 500


def _worker(what: str, order: dict[str, Any], env: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench._worker", what]
    done = subprocess.run(
        command, input=json.dumps(order), env=env, cwd=_stack.CHECKOUT, text=True, stdout=subprocess.PIPE, check=True
    )
    # Logs go to standard output, too; the answer is the last line.
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(what, {name: round(seconds, 2) for name, seconds in answer["seconds"].items()}, file=sys.stderr)
    return answer


def measure(listings: int = N_LISTINGS, days: int = N_DAYS) -> dict[str, dict[str, Any]]:
    """Backfill and then one day's cycle, each in a process of its own."""
    with (
        _stack.scratch() as directory,
        _stack.postgres(directory) as urls,
        _stack.valkey(directory) as redis_url,
        _stack.sandbox(directory, listings, days) as sandbox,
    ):
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        env = _stack.environment(urls.app, redis_url, directory, tenant_id)
        order = {
            "portfolio": str(directory / "portfolio.json"), "base_url": f"{sandbox['public_url']}/booking_com",
            "start": str(_stack.T0 - timedelta(days=days)), "end": str(_stack.T0 - timedelta(days=1)),
            "as_of": f"{_stack.T0}T11:00:00+00:00",
        }  # fmt: skip
        backfill = _worker("backfill", order, env)
        noon = f"{_stack.T0 + timedelta(days=1)}T12:00:00+00:00"
        clock = f"{sandbox['control_url']}/control/clock"
        headers = {"Authorization": "Bearer bench"}
        httpx2.post(clock, json={"now": noon}, headers=headers, trust_env=False).raise_for_status()
        return {"backfill": backfill, "cycle": _worker("cycle", {"connection_id": 1, "as_of": noon}, env)}


def rows() -> list[dict[str, Any]]:
    """The peaks, in the bench's shape; no peer does the same."""
    named = {"backfill": "backfill", "cycle": "a day's polls, guards and scoring"}
    found = measure()
    return [
        {
            "name": f"worker's peak memory, {what}, {N_LISTINGS} listings x {N_DAYS} days",
            "value": found[key]["peak_mb"], "unit": "MB", "peer": None, "peer_value": None, "ratio": None,
            "goal": GOAL_MB, "holds": found[key]["peak_mb"] <= GOAL_MB,
        }
        for key, what in named.items()
    ]  # fmt: skip
