"""From a point that is stored to the message in Slack, on the observe path in a real worker.

A portfolio of one channel is backfilled from the sandbox, swept once, and its baselines kept; then listing after
listing is told to be suspended. A trial runs from the commit of that point over ``POST /v1/observe`` (guards and
watches of the property, alerts, routing) until Slack's counterpart has taken the message with its chart. A status
changes no figure, so what the watches found by the same figures holds (the trials before the first that counts, which
warm the process up, leave that behind); the last trials therefore correct one of yesterday's figures of the listing as
well, and have the watches judge anew. One seed, on which nothing is tuned: what is measured is time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from sqlalchemy import text

from bench import _stack
from python_nodes.domain.metrics import METRICS, MetricPoints
from python_nodes.local import servers
from python_nodes.local.processes import free_port
from python_nodes.store import apikeys, migrate
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.session import Database

N_LISTINGS, N_DAYS, N_TRIALS, WARM_UP, GOAL_S = 300, 200, 40, 3, 1.0
GUARDS, BOTH, FIGURE = "guards", "guards and watches", "guards and watches, a figure corrected too"
LOOKS: dict[str, tuple[str, ...]] = {GUARDS: ("guards",), BOTH: ("guards", "watches"), FIGURE: ("guards", "watches")}
REPORTED = ("search_impressions", "listing_views", "booking_velocity")
SLACK_TOKEN = "xoxb-sandbox"
ROUTING = """
[teams.operations.recipients]
slack = ["C0BENCH0001"]

[default]
teams = ["operations"]
"""
SUSPEND = text(
    "INSERT INTO listing_health (listing_id, source, status, changed_at, observed_at, detail)"
    " VALUES (:listing_id, 'booking_com', 'suspended', :at, :at, 'bench') ON CONFLICT (tenant_id, listing_id)"
    " DO UPDATE SET status = 'suspended', changed_at = :at, observed_at = :at, detail = 'bench'"
)


@dataclass(frozen=True, slots=True)
class Stack:
    """A worker with a swept portfolio, and its moment."""

    client: httpx2.Client
    database: Database
    tenant_id: int
    noon: datetime
    listing_ids: list[int]


def _backfill(directory: Path, env: dict[str, str], base_url: str, days: int) -> None:
    order = {
        "portfolio": str(directory / "portfolio.json"), "base_url": base_url,
        "start": str(_stack.T0 - timedelta(days=days)), "end": str(_stack.T0 - timedelta(days=1)),
        "as_of": f"{_stack.T0}T11:00:00+00:00",
    }  # fmt: skip
    command = [sys.executable, "-m", "bench._worker", "backfill"]
    subprocess.run(
        command, input=json.dumps(order), env=env, cwd=_stack.CHECKOUT, text=True, stdout=subprocess.PIPE, check=True
    )


@contextmanager
def _worker(env: dict[str, str], key: str) -> Iterator[httpx2.Client]:
    port, bin_dir = free_port(), Path(sys.executable).parent
    command = [bin_dir / "gunicorn", "-c", "compose/gunicorn.conf.py", "-b", f"127.0.0.1:{port}"]
    child = subprocess.Popen(
        [*command, "python_nodes.app:create_app()"], cwd=_stack.CHECKOUT, env=env, stdout=sys.stderr
    )
    try:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=300, trust_env=False
        ) as client:
            until = time.monotonic() + 120
            while time.monotonic() < until:
                try:
                    if client.get("/readyz").is_success:
                        break
                except httpx2.TransportError:
                    time.sleep(0.2)
            yield client
    finally:
        child.terminate()
        child.wait(timeout=60)


@contextmanager
def stack(listings: int, days: int) -> Iterator[Stack]:
    """Start everything and sweep once, so that each trial finds baselines and what is usual."""
    with ExitStack() as opened:
        directory = opened.enter_context(_stack.scratch())
        urls = opened.enter_context(_stack.postgres(directory))
        redis_url = opened.enter_context(_stack.valkey(directory))
        sandbox = opened.enter_context(_stack.sandbox(directory, listings, days))
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        (directory / "routing.toml").write_text(ROUTING, encoding="utf-8")
        # As `make run` and the compose stack start a worker.
        env = _stack.environment(urls.app, redis_url, directory, tenant_id) | servers.SPARING | {
            "NIGHTPORTER_SLACK_TOKEN": SLACK_TOKEN, "NIGHTPORTER_SLACK_BASE_URL": f"{sandbox['public_url']}/slack/api/",
            "NIGHTPORTER_ROUTING_FILE": str(directory / "routing.toml"),
        }  # fmt: skip
        _backfill(directory, env, f"{sandbox['public_url']}/booking_com", days)
        database = Database(urls.app)
        opened.callback(database.dispose)
        with database.tenant(tenant_id) as conn:
            key = apikeys.create(conn, "bench", ["admin"], created_at=datetime.now(UTC))
            ids = [int(one) for one in conn.execute(text("SELECT id FROM listings ORDER BY id")).scalars()]
        noon = datetime(_stack.T0.year, _stack.T0.month, _stack.T0.day, 12, tzinfo=UTC)
        client = opened.enter_context(_worker(env, key))
        for path in ("/v1/baselines/refresh", "/v1/guards/check", "/v1/metrics/score", "/v1/alerts/raise"):
            client.post(path, json={"as_of": noon.isoformat()}).raise_for_status()
        yield Stack(client, database, tenant_id, noon, ids)


def correct(own: Stack, listing_id: int, at: datetime) -> None:
    """Store one impression more than the last report told of yesterday."""
    metrics, yesterday = PostgresMetricStore(own.database), own.noon.date() - timedelta(days=1)
    told = metrics.read(own.tenant_id, REPORTED, [listing_id], yesterday, yesterday).values
    values = {name: np.full(1, np.nan) for name in METRICS} | {name: told[name][0] for name in REPORTED}
    values["search_impressions"] = values["search_impressions"] + 1.0
    metrics.write(own.tenant_id, MetricPoints(
        listing_id=np.array([listing_id]), day_date=np.array([yesterday], dtype="datetime64[D]"), source="booking_com",
        as_of_at=at, values=values,
    ))  # fmt: skip


def trial(own: Stack, listing_id: int, at: datetime, looks: Sequence[str]) -> float:
    """Store that a listing is suspended and have it told; returns the seconds from the commit."""
    with own.database.tenant(own.tenant_id) as conn:
        conn.execute(SUSPEND, {"listing_id": listing_id, "at": at})
    began = time.perf_counter()
    body = {"listing_ids": [listing_id], "looks": list(looks), "tell": True, "as_of": at.isoformat()}
    answer = own.client.post("/v1/observe", json=body).raise_for_status().json()
    taken = time.perf_counter() - began
    if answer["told"] < 1:
        raise SystemExit(f"nobody was told that listing {listing_id} is suspended: {answer}")
    return taken


def measure(listings: int = N_LISTINGS, days: int = N_DAYS, trials: int = N_TRIALS) -> dict[str, list[float]]:
    """Return the seconds of each trial, by what was looked at."""
    taken: dict[str, list[float]] = {}
    with stack(listings, days) as own:
        # One listing a property at most, so that each is an alert of its own.
        fresh = iter(own.listing_ids)
        for turn, (name, looks) in enumerate(LOOKS.items()):
            told = []
            for at in range(WARM_UP + trials):
                moment, listing_id = own.noon + timedelta(seconds=1000 * turn + at + 1), next(fresh)
                if name == FIGURE:
                    correct(own, listing_id, moment)
                told.append(trial(own, listing_id, moment, looks))
            taken[name] = told[WARM_UP:]
    return taken


def run() -> list[dict[str, Any]]:
    """One row for each look: the 95th percentile."""
    rows = []
    for looks, seconds in measure().items():
        middle, p95, most = np.percentile(seconds, (50, 95, 100))
        load = os.getloadavg()[0]
        print(f"{looks}: median {middle:.2f} s, slowest {most:.2f} s, load {load:.1f}", file=sys.stderr)
        name = f"a point to its Slack message in the worker, {looks}, {N_LISTINGS} listings: p95"
        rows.append({
            "name": name, "value": float(p95), "unit": "s", "peer": "the median", "peer_value": float(middle),
            "ratio": float(p95 / middle), "goal": GOAL_S, "holds": bool(p95 <= GOAL_S),
        })  # fmt: skip
    return rows
