"""What being watched costs: requests a second of the same worker without metrics, with them, and traced besides.

One gunicorn process each on one database, asked in turn in short rounds of kept connections, so that whatever else
the machine does meets all alike. The request is a small one, which is the hardest on whoever counts: authenticated,
one read, nothing found. Traces go to a receiver that throws them away, in a process of its own.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench import _stack
from python_nodes.local.processes import answers, free_port
from python_nodes.store import apikeys, migrate
from python_nodes.store.session import Database

ROUNDS, REQUESTS, WARM_UP, READY_S, GOAL = 40, 100, 200, 120.0, 0.97
PATH = "/v1/alerts"
_RECEIVER = """
import http.server, sys
class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
"""


@contextmanager
def _started(command: list[str], env: dict[str, str], log: Path) -> Iterator[psutil.Process]:
    with log.open("w") as out:
        child = subprocess.Popen(command, cwd=_stack.CHECKOUT, env=env, stdout=out, stderr=out)
        try:
            yield psutil.Process(child.pid)
        finally:
            child.terminate()
            child.wait(timeout=60)


@dataclass(frozen=True)
class Measured:
    """Seconds of each round and CPU milliseconds of a request by kind of worker, milliseconds of each scrape."""

    taken: dict[str, list[float]]
    cpu_ms: dict[str, float]
    scrapes_ms: list[float]


class Asker:
    """Asks one worker, each round on a connection of its own: gunicorn ends one that is idle for five seconds."""

    def __init__(self, port: int, key: str, process: psutil.Process) -> None:
        self._port = port
        self._process = process
        self._headers = {"Authorization": f"Bearer {key}", "X-Run-Id": "42"}

    def ask(self, times: int, path: str = PATH) -> float:
        """Seconds that so many requests take, one after the other."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        self._once(connection, path)
        began = time.perf_counter()
        for _ in range(times):
            self._once(connection, path)
        taken_s = time.perf_counter() - began
        connection.close()
        return taken_s

    def cpu_s(self) -> float:
        """CPU seconds that the serving process has used."""
        (serving,) = self._process.children()
        used = serving.cpu_times()
        return float(used.user + used.system)

    def _once(self, connection: http.client.HTTPConnection, path: str) -> None:
        connection.request("GET", path, headers=self._headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            raise SystemExit(f"{path} answered {answer.status}")


def measure() -> Measured:
    """Start the three and ask them in turn."""
    with ExitStack() as stack:
        directory = stack.enter_context(_stack.scratch())
        urls = stack.enter_context(_stack.postgres(directory))
        redis_url = stack.enter_context(_stack.valkey(directory))
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        database = Database(urls.app)
        stack.callback(database.dispose)
        with database.tenant(tenant_id) as conn:
            key = apikeys.create(conn, "bench", ["admin"], created_at=datetime.now(UTC))
        receiver = free_port()
        stack.enter_context(
            _started([sys.executable, "-c", _RECEIVER, str(receiver)], dict(os.environ), directory / "receiver.log")
        )
        common = _stack.environment(urls.app, redis_url, directory, tenant_id) | {"GUNICORN_WORKERS": "1"}
        kinds = {
            "unwatched": {"NIGHTPORTER_METRICS": "false"},
            "metrics": {},
            "traced": {"NIGHTPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver}"},
        }
        ports = {kind: free_port() for kind in kinds}
        gunicorn = [str(Path(sys.executable).parent / "gunicorn"), "-c", "compose/gunicorn.conf.py", "-b"]
        running = {}
        for kind, more in kinds.items():
            command = [*gunicorn, f"127.0.0.1:{ports[kind]}", "python_nodes.app:create_app()"]
            running[kind] = stack.enter_context(_started(command, {**common, **more}, directory / f"{kind}.log"))
        until = time.monotonic() + READY_S
        while not all(answers(f"http://127.0.0.1:{port}/readyz") for port in ports.values()):
            if time.monotonic() > until:
                raise SystemExit(f"the workers did not start within {READY_S:.0f} s")
            time.sleep(0.2)
        return _rounds({kind: Asker(port, key, running[kind]) for kind, port in ports.items()})


def _rounds(askers: dict[str, Asker]) -> Measured:
    for asker in askers.values():
        asker.ask(WARM_UP)
    taken: dict[str, list[float]] = {kind: [] for kind in askers}
    used_s = {kind: asker.cpu_s() for kind, asker in askers.items()}
    order = list(askers)
    for turn in range(ROUNDS):
        # Nobody is always first.
        for kind in order[turn % len(order) :] + order[: turn % len(order)]:
            taken[kind].append(askers[kind].ask(REQUESTS))
    asked = ROUNDS * (REQUESTS + 1)
    cpu_ms = {kind: (asker.cpu_s() - used_s[kind]) / asked * 1000 for kind, asker in askers.items()}
    return Measured(taken, cpu_ms, [askers["metrics"].ask(1, "/metrics") * 1000 for _ in range(20)])


def _row(name: str, value: float, unit: str, **more: Any) -> dict[str, Any]:
    empty = {"peer": None, "peer_value": None, "ratio": None, "goal": None, "holds": None}
    return {"name": name, "value": value, "unit": unit, **empty, **more}


def run() -> list[dict[str, Any]]:
    """Rows: rates beside the unwatched worker's; the ratio is of each round's own pair, its median.

    The CPU of a request is the steadier figure where the machine does other things: its ratio is turned the same way.
    """
    found = measure()
    base, base_cpu = np.array(found.taken["unwatched"]), found.cpu_ms["unwatched"]
    rows = []
    for kind, goal in (("metrics", GOAL), ("traced", None)):
        own = np.array(found.taken[kind])
        ratio, low, high = (float(told) for told in np.percentile(base / own, (50, 25, 75)))
        print(f"{kind}: quarters of the rounds {low:.3f} to {high:.3f}", file=sys.stderr)
        judged = {"goal": f">= {goal}", "holds": ratio >= goal} if goal is not None else {}
        rate, peer_rate = REQUESTS / float(np.median(own)), REQUESTS / float(np.median(base))
        rows.append(
            _row(f"requests, {kind}", rate, "1/s", peer="unwatched", peer_value=peer_rate, ratio=ratio, **judged)
        )
        cpu = found.cpu_ms[kind]
        rows.append(
            _row(f"CPU of one, {kind}", cpu, "ms", peer="unwatched", peer_value=base_cpu, ratio=base_cpu / cpu)
        )  # fmt: skip
    rows.append(_row("scrape of /metrics, median", float(np.median(found.scrapes_ms)), "ms"))
    return rows


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
