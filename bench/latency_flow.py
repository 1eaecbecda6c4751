"""From a point that is stored to the message in Slack, with n8n in the way.

The whole of what `make run` starts, on one channel, swept once through its flows. A flow as an ops user would build
it (the shipped *import-files*, its scan replaced by ``POST /v1/observe``) is put into n8n; then listing after listing
is told to be suspended. A trial runs from the commit of that point over the flow's webhook, the observation, *notify*
and the delivery until Slack's counterpart has taken the message with its chart and n8n has answered. One seed, on
which nothing is tuned: what is measured is time. The trials before the first that counts warm the processes up.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import numpy as np
from rich.console import Console
from sqlalchemy import text
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from bench import _stack
from bench.latency import SUSPEND
from python_nodes.domain import flow_proof
from python_nodes.local import flows, start
from python_nodes.local.n8n_rest import Rest
from python_nodes.local.prepare import DATABASE
from python_nodes.local.servers import WorldArguments
from python_nodes.local.state import StateDir
from python_nodes.store.migrate import APP_ROLE
from python_nodes.store.session import Database

ROOT = _stack.BASE / "latency_flow"
N_LISTINGS, N_DAYS, N_TRIALS, WARM_UP, GOAL_S = 300, 200, 40, 5, 3.0
SHIPPED, OWN = "import-files", "observe-point"
SCAN = "Import the watched folder"
NOT_FOUND = 404


@contextmanager
def _system(listings: int, days: int) -> Iterator[tuple[start.Running, Database]]:
    folder = StateDir(ROOT)
    world = WorldArguments(
        seed=1, listings=listings, days=days, live_days=1, scenario=None, channels=("booking_com",)
    )  # fmt: skip
    shutil.rmtree(folder.root, ignore_errors=True)
    folder.root.mkdir(parents=True)
    try:
        with ExitStack() as stack:
            options = start.Options(world=world, once=True, json_file=None)
            running = start.Running(
                folder, folder.load_or_create(), options, Console(stderr=True), start.Stopwatch(folder.log("up"))
            )
            server = start.start(running, stack).postgres
            database = Database(server.url(APP_ROLE, running.saved.app_password, DATABASE))
            stack.callback(database.dispose)
            yield running, database
    finally:
        shutil.rmtree(folder.root, ignore_errors=True)


def _deploy(running: start.Running) -> None:
    """Put the flow into n8n, as its visual builder would have made it of the shipped one."""
    shipped = (_stack.CHECKOUT / "workflows" / f"{SHIPPED}.json").read_text(encoding="utf-8")
    flow = json.loads(shipped.replace("/v1/imports/scan", "/v1/observe"))
    flow.update(id=OWN, name="Observe a point")
    for node in flow["nodes"]:
        if node["parameters"].get("path") == SHIPPED:
            node["parameters"]["path"] = node["webhookId"] = OWN
        if node["name"] == SCAN:
            node["parameters"]["jsonBody"] = (
                "={{ JSON.stringify({ as_of: $json.as_of, listing_ids: [Number($json.about)], looks: ['guards'] }) }}"
            )
    folder = running.folder.root / "own-flows"
    folder.mkdir()
    (folder / f"{OWN}.json").write_text(json.dumps(flow), encoding="utf-8")
    saved = running.saved
    with Rest(saved.ports.n8n, saved.n8n_owner_password) as rest:
        done = flows.import_flows(
            rest, folder, folder.with_suffix(".hashes"), worker_url=saved.worker_url, rest_schedules=True, force=True
        )
        flows.publish(rest, folder, done.written)
    # n8n says that it is published before its webhook answers.
    until = Retrying(
        stop=stop_after_delay(60), wait=wait_fixed(0.5), retry=retry_if_result(lambda status: status == NOT_FOUND)
    )  # fmt: skip
    until(lambda: _call(running, OWN, {"as_of": "none", "about": "0"}).status_code)


def _call(running: start.Running, name: str, body: dict[str, Any]) -> httpx2.Response:
    saved = running.saved
    return httpx2.post(
        f"http://127.0.0.1:{saved.ports.n8n}/webhook/{name}", json=body, timeout=600,
        headers=flow_proof.headers(saved.webhook_secret, datetime.now(UTC)),
    )  # fmt: skip


def _hook(running: start.Running, name: str, body: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = _call(running, name, body).raise_for_status().json()
    return told


def measure(listings: int = N_LISTINGS, days: int = N_DAYS, trials: int = N_TRIALS) -> list[float]:
    """Return the seconds of each trial."""
    taken = []
    with _system(listings, days) as (running, database):
        tenant_id = running.saved.tenant_id
        t0 = date.fromisoformat(start.control(running.saved, "GET", "/truth")["t0"])
        noon = datetime(t0.year, t0.month, t0.day, 12, tzinfo=UTC)
        start.control(running.saved, "POST", "/control/clock", {"now": noon.isoformat()})
        for flow in ("refresh-baselines", "poll-listings", "score-metrics"):
            _hook(running, flow, {"as_of": noon.isoformat()})
        _deploy(running)
        with database.tenant(tenant_id) as conn:
            ids = [int(one) for one in conn.execute(text("SELECT id FROM listings ORDER BY id")).scalars()]
        for turn, listing_id in enumerate(ids[: WARM_UP + trials]):
            at = noon + timedelta(seconds=turn + 1)
            with database.tenant(tenant_id) as conn:
                conn.execute(SUSPEND, {"listing_id": listing_id, "at": at})
            began = time.perf_counter()
            told = _hook(running, OWN, {"as_of": at.isoformat(), "about": str(listing_id)})
            taken.append(time.perf_counter() - began)
            if told["notified"] < 1:
                raise SystemExit(f"nobody was told that listing {listing_id} is suspended: {told}")
    return taken[WARM_UP:]


def run() -> list[dict[str, Any]]:
    """One row: the 95th percentile."""
    middle, p95, most = np.percentile(measure(), (50, 95, 100))
    print(f"median {middle:.2f} s, slowest {most:.2f} s, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    return [{
        "name": f"a point to its Slack message with n8n in the way, guards, {N_LISTINGS} listings: p95",
        "value": float(p95), "unit": "s", "peer": "the median", "peer_value": float(middle),
        "ratio": float(p95 / middle), "goal": GOAL_S, "holds": bool(p95 <= GOAL_S),
    }]  # fmt: skip
