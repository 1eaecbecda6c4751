"""10,000 open alerts, 100 verdicts a second: how long each takes to be recorded, by a real worker on a real PostgreSQL.

Requests start when they are due, whether or not those before them were answered (open loop), and a request's time runs
from when it was due. What follows a verdict, the update of its message in Slack, is Celery's, which computes on the
same machine here as in `make run` and gives way; the run ends when the last message shows its verdict, each once.
There is nothing to tune and no seed: alerts are drawn alike, verdicts in turn.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from sqlalchemy import Connection, text

from bench import _slack, _stack, _wire
from python_nodes.local.processes import free_port
from python_nodes.steps import picture
from python_nodes.store import alerts, apikeys, migrate
from python_nodes.store.session import Database

N_ALERTS, RATE, SECONDS, GOAL_MS = 10_000, 100, 30, 200.0
WARM_UP, WORKERS, CONNECTIONS, TOLD_WITHIN_S = 100, 2, 16, 600
SAID = ("real", "false_alarm", "expected_event", "new_normal", "data_problem")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROUTING = f"""
[teams.operations.recipients]
slack = ["{_slack.CHANNEL}"]

[default]
teams = ["operations"]
"""
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
    " SELECT id, 'raised-high', 'slack', :channel, 'sent',"
    " :channel || ':' || :second || '.' || lpad(row_number() OVER (ORDER BY id)::text, 6, '0')"
    " || ':F0BENCH0001:' || :chart, 1, raised_at FROM alerts"
)
_LEFT = text(
    "SELECT (SELECT count(*) FROM outbox WHERE dispatched_at IS NULL AND type <> 'alert.changed')"
    " + (SELECT count(*) FROM deliveries WHERE status <> 'sent')"
)
_RAISED = text(
    "INSERT INTO alert_events (alert_id, version, event, reason, at)"
    " SELECT id, 1, 'raised', 'new', raised_at FROM alerts"
)


@dataclass(frozen=True, slots=True)
class Run:
    """What a load came to: its answers, the verdicts that the database holds, and how much later all was told."""

    load: _wire.Load
    stored: int
    told_after_s: float


def _fill(conn: Connection, count: int, second: int = 0) -> list[int]:
    told = {"noon": NOON, "evidence": json.dumps(_EVIDENCE), "count": count}
    ids = sorted(int(found) for found in conn.execute(_ALERTS, told).scalars())
    # What a raise leaves: a message with its chart, which a verdict changes nothing of.
    chart = picture.key(alerts.get(conn, ids[0]), None)
    conn.execute(_SENT, {"channel": _slack.CHANNEL, "second": str(second), "chart": chart})
    conn.execute(_RAISED)
    return ids


@contextmanager
def _started(command: Sequence[str | Path], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[str]]:
    with log.open("w") as out:
        child = subprocess.Popen(
            command, cwd=_stack.CHECKOUT, env=env, stdout=subprocess.PIPE, stderr=out, text=True
        )  # fmt: skip
        try:
            yield child
        finally:
            child.terminate()
            child.wait(timeout=60)


@contextmanager
def worker(env: dict[str, str], port: int, directory: Path) -> Iterator[None]:
    """Gunicorn and Celery as `make run` starts them."""
    bin_dir = Path(sys.executable).parent
    bound = ["-c", "compose/gunicorn.conf.py", "-b", f"127.0.0.1:{port}"]
    web: list[str | Path] = [bin_dir / "gunicorn", *bound, "python_nodes.app:create_app()"]
    tell: list[str | Path] = [bin_dir / "celery", "-A", "python_nodes.jobs", "worker", "--concurrency", "1"]
    with _started(web, env, directory / "web.log"), _started(tell, env, directory / "tell.log"):
        yield


def _judged(port: int, key: str, alert_ids: Sequence[int]) -> list[bytes]:
    """One verdict an alert, in turn."""
    return [
        _wire.post(
            port, f"/v1/alerts/{alert_id}/actions",
            {"kind": "verdict", "verdict": SAID[at % len(SAID)], "actor": "bench", "as_of": NOON.isoformat()},
            {"Authorization": f"Bearer {key}", "Idempotency-Key": f"bench:{alert_id}"},
        )
        for at, alert_id in enumerate(alert_ids)
    ]  # fmt: skip


def ready(port: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/readyz").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit("the worker did not start within 120 s")


def _told(database: Database, tenant_id: int) -> float:
    """Wait until everything was told of what was done; returns the seconds that took."""
    began = time.monotonic()
    while time.monotonic() < began + TOLD_WITHIN_S:
        with database.tenant(tenant_id) as conn:
            if conn.execute(_LEFT).scalar_one() == 0:
                return time.monotonic() - began
        time.sleep(0.5)
    raise SystemExit(f"not everything was told within {TOLD_WITHIN_S} s")


def _check_messages(port: int, judged: int) -> None:
    """Refuse a run in which not every message shows its verdict, once, with one word below it."""
    counts = httpx2.get(f"http://127.0.0.1:{port}/counts").json()
    wanted = {"changes": {"1": judged}, "words": {"1": judged}, "others": 0}
    if counts != wanted:
        raise SystemExit(f"messages are not as they should be: {counts} instead of {wanted}")


def measure(count: int = N_ALERTS, rate: float = RATE, seconds: int = SECONDS) -> Run:
    """Fill the database, start the worker, and judge alerts at a fixed rate."""
    judged = WARM_UP + round(rate * seconds)
    with ExitStack() as stack:
        directory = stack.enter_context(_stack.scratch())
        urls = stack.enter_context(_stack.postgres(directory))
        redis_url = stack.enter_context(_stack.valkey(directory))
        command = [sys.executable, "-m", "bench._slack", str(judged)]
        slack = stack.enter_context(_started(command, dict(os.environ), directory / "slack.log"))
        assert slack.stdout is not None
        heard = json.loads(slack.stdout.readline())
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        database = Database(urls.app)
        stack.callback(database.dispose)
        with database.tenant(tenant_id) as conn:
            ids = _fill(conn, count, heard["second"])
            key = apikeys.create(conn, "bench", ["admin"], created_at=datetime.now(UTC))
        (directory / "routing.toml").write_text(ROUTING, encoding="utf-8")
        env = _stack.environment(urls.app, redis_url, directory, tenant_id) | {
            "GUNICORN_WORKERS": str(WORKERS), "NIGHTPORTER_SLACK_TOKEN": _slack.TOKEN,
            "NIGHTPORTER_SLACK_BASE_URL": f"http://127.0.0.1:{heard['port']}/slack/api/",
            "NIGHTPORTER_ROUTING_FILE": str(directory / "routing.toml"),
        }  # fmt: skip
        port = free_port()
        stack.enter_context(worker(env, port, directory))
        ready(port)
        requests = _judged(port, key, ids[:judged])
        asyncio.run(_wire.send(port, requests[:WARM_UP], rate / 2, CONNECTIONS))
        load = asyncio.run(_wire.send(port, requests[WARM_UP:], rate, CONNECTIONS))
        told_after_s = _told(database, tenant_id)
        _check_messages(heard["port"], judged)
        with database.tenant(tenant_id) as conn:
            stored = int(conn.execute(text("SELECT count(*) FROM verdicts")).scalar_one())
        return Run(load, stored - WARM_UP, told_after_s)


def run() -> list[dict[str, Any]]:
    """One row: the 95th percentile; the median, the telling and the machine's load on standard error."""
    found = measure()
    taken, statuses = found.load.taken_ms, found.load.statuses
    if set(statuses) != {200} or found.stored != len(taken):
        raise SystemExit(f"not every verdict was recorded once: {dict(statuses)}, {found.stored} stored")
    middle, p95, most = np.percentile(taken, (50, 95, 100))
    print(
        f"median {middle:.0f} ms, slowest {most:.0f} ms, load {os.getloadavg()[0]:.1f};"
        f" the last message told {found.told_after_s:.0f} s after the last verdict",
        file=sys.stderr,
    )
    name = f"{N_ALERTS:,} open alerts, {RATE} verdicts a second for {SECONDS} s: 95th percentile"
    return [{
        "name": name, "value": float(p95), "unit": "ms", "peer": "the median", "peer_value": float(middle),
        "ratio": float(p95 / middle), "goal": GOAL_MS, "holds": bool(p95 <= GOAL_MS),
    }]  # fmt: skip
