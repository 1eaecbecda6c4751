"""One poll-and-score cycle of 1,000 units on three channels: through n8n as in production, and by the worker alone.

Everything is real and on this machine, so the simulated vendors take their share of the same cores. What the processes
computed stands beside the time that passed, for a machine on which others compute, too.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import psutil
from rich.console import Console

from bench import _stack
from python_nodes.domain import flow_proof
from python_nodes.local import start
from python_nodes.local.servers import WorldArguments
from python_nodes.local.state import StateDir
from python_nodes.local.worker_client import WorkerClient

ROOT = _stack.BASE / "cycle"
N_LISTINGS, N_DAYS = 3_000, 400
CHANNELS = ("booking_com", "expedia", "vrbo")
SCORED = ("/v1/guards/check", "/v1/metrics/score", "/v1/alerts/raise")
GOAL_S, PATIENCE_S = 60.0, 1_800.0


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds that passed, and seconds that all processes computed meanwhile."""

    wall_s: float
    cpu_s: float


def _cpu_s() -> float:
    """Of our children and of PostgreSQL, which is nobody's child; what ended meanwhile is not counted."""
    found = psutil.Process().children(recursive=True)
    for process in psutil.process_iter(["cmdline"]):
        if any(str(ROOT) in part for part in process.info["cmdline"] or ()):
            found += [process, *process.children(recursive=True)]
    total = 0.0
    for process in set(found):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _taken(work: Callable[[], object]) -> Taken:
    began, computed = time.perf_counter(), _cpu_s()
    work()
    return Taken(time.perf_counter() - began, _cpu_s() - computed)


@contextmanager
def _system(listings: int, days: int) -> Iterator[start.Running]:
    """Everything that `make run` starts, with its history."""
    folder = StateDir(ROOT)
    world = WorldArguments(seed=1, listings=listings, days=days, live_days=3, scenario=None, channels=CHANNELS)
    options = start.Options(world=world, once=True, json_file=None)
    shutil.rmtree(folder.root, ignore_errors=True)
    folder.root.mkdir(parents=True)
    try:
        with ExitStack() as stack:
            watch = start.Stopwatch(folder.log("up"))
            running = start.Running(folder, folder.load_or_create(), options, Console(stderr=True), watch)
            start.start(running, stack)
            yield running
    finally:
        shutil.rmtree(folder.root, ignore_errors=True)


def _through_n8n(running: start.Running, *, days: int) -> list[Taken]:
    """Let the sandbox's driver play some days: both webhooks each day, each answered when its flow is done."""
    saved, until = running.saved, time.monotonic() + PATIENCE_S
    hooks = f"http://127.0.0.1:{saved.ports.n8n}/webhook"
    order = {
        "poll_url": f"{hooks}/poll-listings", "score_url": f"{hooks}/score-metrics",
        "webhook_secret": saved.webhook_secret, "days": days,
    }  # fmt: skip
    start.control(saved, "POST", "/control/drive", order)
    taken = [_taken(lambda done=done: _followed(running, done, until)) for done in range(1, days + 1)]
    status = start.control(saved, "GET", "/control/status")
    if status["steps_failed"]:
        raise SystemExit(f"the cycle failed: {status['errors']}")
    return taken


def _an_hour_later(running: start.Running, noon: datetime) -> Taken:
    """The cycle that comes 23 times a day: an hour's bookings, and nothing that is asked for once a day."""
    saved, moment = running.saved, (noon + timedelta(hours=1)).isoformat()
    start.control(saved, "POST", "/control/clock", {"now": moment})

    def cycle() -> None:
        for flow in ("poll-listings", "score-metrics"):
            httpx2.post(
                f"http://127.0.0.1:{saved.ports.n8n}/webhook/{flow}", json={"as_of": moment}, timeout=PATIENCE_S,
                headers=flow_proof.headers(saved.webhook_secret, datetime.now(UTC)),
            ).raise_for_status()  # fmt: skip

    return _taken(cycle)


def _followed(running: start.Running, days_done: int, until: float) -> None:
    """Return when so many days are played."""
    while (status := start.control(running.saved, "GET", "/control/status"))["days_done"] < days_done:
        running.check()
        if status["state"] == "failed":
            raise SystemExit(f"the drive failed: {status['errors']}")
        if time.monotonic() > until:
            raise SystemExit(f"the cycle did not end within {PATIENCE_S:.0f} s")
        time.sleep(0.1)


def _by_worker(running: start.Running, day: date) -> dict[str, Taken]:
    """Call what the flows call, one after the other, on the day after."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).isoformat()
    start.control(running.saved, "POST", "/control/clock", {"now": noon})
    taken: dict[str, Taken] = {}
    with WorkerClient(running.saved.worker_url, running.saved.operator_api_key) as worker:

        def call(path: str, body: dict[str, Any]) -> Callable[[], object]:
            return lambda: worker.post(path, {**body, "as_of": noon}, key=f"{path}:{noon}:{body}")

        for connection in worker.get("/v1/connections")["connections"]:
            for operation in connection["operations"]:
                ask = call(f"/v1/poll/{operation}", {"connection_id": connection["id"]})
                taken[f"poll {connection['name']}: {operation}"] = _taken(ask)
        for path in SCORED:
            taken[path] = _taken(call(path, {}))
    return taken


def run(listings: int = N_LISTINGS, days: int = N_DAYS) -> list[dict[str, Any]]:
    """Two days and an hour through n8n, the next day by the worker alone, stage by stage on standard error."""
    with _system(listings, days) as running:
        t0 = date.fromisoformat(start.control(running.saved, "GET", "/truth")["t0"])
        # The first cycle brings every night of the coming year; all later ones bring what changed.
        first, flows = _through_n8n(running, days=2)
        hour = _an_hour_later(running, datetime(t0.year, t0.month, t0.day, 12, tzinfo=UTC) + timedelta(days=1))
        stages = _by_worker(running, t0 + timedelta(days=2))
    for name, one in stages.items():
        print(f"{name:60} {one.wall_s:7.2f} s {one.cpu_s:7.2f} CPU s", file=sys.stderr)
    worker = Taken(sum(one.wall_s for one in stages.values()), sum(one.cpu_s for one in stages.values()))
    what = f"{listings:,} listings on {len(CHANNELS)} channels, {days} days of history"
    return [
        _row(f"a cycle through n8n an hour after the last, {what}", hour.wall_s, "s", worker.wall_s, GOAL_S),
        _row(f"a cycle through n8n a day after the last, {what}", flows.wall_s, "s", worker.wall_s, GOAL_S),
        _row(f"the same, computed by all processes, {what}", flows.cpu_s, "CPU s", worker.cpu_s, None),
        _row(f"the first cycle after a backfill, {what}", first.wall_s, "s", worker.wall_s, None),
    ]


def _row(name: str, value: float, unit: str, peer_value: float, goal: float | None) -> dict[str, Any]:
    return {
        "name": name, "value": value, "unit": unit, "peer": "the worker's calls alone", "peer_value": peer_value,
        "ratio": value / peer_value, "goal": goal, "holds": None if goal is None else value <= goal,
    }  # fmt: skip
