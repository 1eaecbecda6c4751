"""10,000 open alerts, 100 verdicts a second: how long each takes to be recorded, by a real worker on a real PostgreSQL.

Requests start when they are due, whether or not those before them were answered (open loop), and a request's time runs
from when it was due. What follows a verdict, the update of a message in Slack, is handed to Celery, which computes on
the same machine here as in `make run`. There is nothing to tune and no seed: alerts are drawn alike, verdicts in turn.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from sqlalchemy import Connection, text

from bench import _stack
from python_nodes.local.processes import free_port
from python_nodes.store import apikeys, migrate
from python_nodes.store.session import Database

N_ALERTS, RATE, SECONDS, GOAL_MS = 10_000, 100, 30, 200.0
WARM_UP, WORKERS, CONNECTIONS, KEPT_S, TRIES = 100, 2, 64, 2.0, 3
SAID = ("real", "false_alarm", "expected_event", "new_normal", "data_problem")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
_CHART = {name: list(range(60)) for name in ("observed", "expected", "lower", "upper")}
_EVIDENCE = {"nights": 12, "listing_ids": [1], "chart": {"days": ["2026-03-01"] * 60, **_CHART}}
_ALERTS = text(
    "INSERT INTO alerts (fingerprint, scope, market, metric, kind, cause, title, category, score, currency,"
    " impact_minor, loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, evidence)"
    " SELECT 'bench-' || n, 'market', 'm' || n, 'availability', 'not_bookable', 'calendar_closed', 'Calendar closed',"
    " 'high', 80, 'EUR', 100000, 42000, 84000, '2026-03-01', :noon, :noon, cast(:evidence AS jsonb)"
    " FROM generate_series(1, :count) AS n RETURNING id"
)
_SENT = text(
    "INSERT INTO deliveries (alert_id, step, sender, recipient, status, provider_ref, attempts, planned_at)"
    " SELECT id, 'raised-high', 'slack', 'C1', 'sent', 'C1:' || id, 1, raised_at FROM alerts"
)
_RAISED = text(
    "INSERT INTO alert_events (alert_id, version, event, reason, at)"
    " SELECT id, 1, 'raised', 'new', raised_at FROM alerts"
)


@dataclass(frozen=True, slots=True)
class Run:
    """What a load came to: milliseconds of each answer, statuses, and verdicts that the database holds."""

    taken_ms: list[float]
    statuses: Counter[int]
    stored: int


def _fill(conn: Connection, count: int) -> list[int]:
    told = {"noon": NOON, "evidence": json.dumps(_EVIDENCE), "count": count}
    ids = [int(found) for found in conn.execute(_ALERTS, told).scalars()]
    conn.execute(_SENT)
    conn.execute(_RAISED)
    return ids


@contextmanager
def _worker(env: dict[str, str], port: int, log: Path) -> Iterator[None]:
    """Gunicorn and Celery as `make run` starts them."""
    bin_dir = Path(sys.executable).parent
    bound = ["-c", "compose/gunicorn.conf.py", "-b", f"127.0.0.1:{port}"]
    web = [bin_dir / "gunicorn", *bound, "python_nodes.app:create_app()"]
    tell = [bin_dir / "celery", "-A", "python_nodes.jobs", "worker", "--concurrency", "1"]
    with log.open("w") as out, ExitStack() as stack:
        for command in (web, tell):
            child = subprocess.Popen(command, cwd=_stack.CHECKOUT, env=env, stdout=out, stderr=out)
            stack.callback(child.wait, timeout=60)
            stack.callback(child.terminate)
        yield


async def _load(client: httpx2.AsyncClient, alert_ids: list[int], rate: float) -> tuple[list[float], Counter[int]]:
    """Send one verdict an alert, each at its moment."""
    began, taken, statuses = time.perf_counter() + 0.1, [0.0] * len(alert_ids), Counter[int]()

    async def one(at: int, alert_id: int) -> None:
        due = began + at / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        body = {"kind": "verdict", "verdict": SAID[at % len(SAID)], "actor": "bench", "as_of": NOON.isoformat()}
        answer = await _post(client, f"/v1/alerts/{alert_id}/actions", body, key=f"bench:{alert_id}")
        taken[at] = 1000 * (time.perf_counter() - due)
        statuses[answer.status_code] += 1

    await asyncio.gather(*(one(at, alert_id) for at, alert_id in enumerate(alert_ids)))
    return taken, statuses


async def _post(client: httpx2.AsyncClient, path: str, body: dict[str, Any], key: str) -> httpx2.Response:
    """Ask again where a kept connection was closed as it was used: the key makes it the same verdict."""
    for _ in range(TRIES - 1):
        try:
            return await client.post(path, json=body, headers={"Idempotency-Key": key})
        except (httpx2.ReadError, httpx2.RemoteProtocolError):
            continue
    return await client.post(path, json=body, headers={"Idempotency-Key": key})


async def _ready(client: httpx2.AsyncClient) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if (await client.get("/readyz")).is_success:
                return
        except httpx2.TransportError:
            pass
        await asyncio.sleep(0.2)
    raise SystemExit("the worker did not start within 120 s")


async def _measure(
    url: str, key: str, alert_ids: list[int], rate: float, count: int
) -> tuple[list[float], Counter[int]]:
    # The worker closes what is idle for five seconds; a connection kept as long could close under a request.
    limits = httpx2.Limits(
        max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEPT_S
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits) as client:
        await _ready(client)
        await _load(client, alert_ids[:WARM_UP], rate / 2)
        return await _load(client, alert_ids[WARM_UP : WARM_UP + count], rate)


def measure(alerts: int = N_ALERTS, rate: float = RATE, seconds: int = SECONDS) -> Run:
    """Fill the database, start the worker, and judge alerts at a fixed rate."""
    with ExitStack() as stack:
        directory = stack.enter_context(_stack.scratch())
        urls = stack.enter_context(_stack.postgres(directory))
        redis_url = stack.enter_context(_stack.valkey(directory))
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        database = Database(urls.app)
        stack.callback(database.dispose)
        with database.tenant(tenant_id) as conn:
            ids = _fill(conn, alerts)
            key = apikeys.create(conn, "bench", ["admin"], created_at=datetime.now(UTC))
        env = _stack.environment(urls.app, redis_url, directory, tenant_id) | {"GUNICORN_WORKERS": str(WORKERS)}
        port = free_port()
        stack.enter_context(_worker(env, port, directory / "worker.log"))
        wanted = round(rate * seconds)
        taken, statuses = asyncio.run(_measure(f"http://127.0.0.1:{port}", key, ids, rate, wanted))
        with database.tenant(tenant_id) as conn:
            stored = int(conn.execute(text("SELECT count(*) FROM verdicts")).scalar_one())
        return Run(taken, statuses, stored - WARM_UP)


def run() -> list[dict[str, Any]]:
    """One row: the 95th percentile; medians and the machine's load on standard error."""
    found = measure()
    if set(found.statuses) != {200} or found.stored != len(found.taken_ms):
        raise SystemExit(f"not every verdict was recorded once: {dict(found.statuses)}, {found.stored} stored")
    middle, p95, most = np.percentile(found.taken_ms, (50, 95, 100))
    print(f"median {middle:.0f} ms, slowest {most:.0f} ms, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    name = f"{N_ALERTS:,} open alerts, {RATE} verdicts a second for {SECONDS} s: 95th percentile"
    return [{
        "name": name, "value": float(p95), "unit": "ms", "peer": "the median", "peer_value": float(middle),
        "ratio": float(p95 / middle), "goal": GOAL_MS, "holds": bool(p95 <= GOAL_MS),
    }]  # fmt: skip
