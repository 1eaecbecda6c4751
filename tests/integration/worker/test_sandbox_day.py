"""Real processes as `nightporter up` starts them: sandbox, gunicorn, Celery; the driver's days through the worker."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from flask import Flask, request
from werkzeug.serving import make_server

from python_nodes.config import Settings
from python_nodes.local import demo, downloads
from python_nodes.local.worker_client import WorkerClient
from python_nodes.store import apikeys
from python_nodes.store.session import Database

CHECKOUT = Path(__file__).resolve().parents[3]
HISTORY_DAYS = 120
LIVE_DAYS = 3
T0 = datetime(2026, 3, 2, tzinfo=UTC).date()
SCENARIO = """
title = "Three days"
description = "One closed calendar and one listing down, both on the second day."
[[incident]]
id = "closed"
kind = "calendar_closed"
select = { third = "high" }
start_day = 1
days = 2
nights = [0, 89]
[[incident]]
id = "down"
kind = "listing_down"
select = { third = "mid" }
start_day = 1
days = 2
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, ready: Callable[[], bool], within_s: float = 90.0) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if ready():
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen within {within_s} s")


@dataclass
class Stack:
    """Everything that runs."""

    worker: httpx2.Client
    worker_url: str
    public_url: str
    control: httpx2.Client
    out_dir: Path
    database: Database
    tenant_id: int
    api_key: str
    connections: dict[str, int] = field(default_factory=dict)

    def post(self, path: str, body: Any, key: str) -> Any:
        answer = self.worker.post(path, json=body, headers={"Idempotency-Key": key})
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def number(self, query: str) -> int:
        with self.database.tenant(self.tenant_id) as conn:
            return int(conn.exec_driver_sql(query).scalar_one())


@pytest.fixture(scope="module")
def stack(worker_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start the processes, import and backfill; stop them by their own handles."""
    out = tmp_path_factory.mktemp("sandbox")
    (out / "scenario.toml").write_text(SCENARIO)
    command = [
        sys.executable, "-m", "sandbox", "--control-token", "control", "--seed", "1", "--listings", "30",
        "--days", str(HISTORY_DAYS), "--live-days", str(LIVE_DAYS), "--out-dir", str(out),
        "--scenario", str(out / "scenario.toml"), "--t0", str(T0),
    ]  # fmt: skip
    children = [subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)]
    database = Database(worker_settings.database_url.get_secret_value())
    try:
        assert children[0].stdout is not None
        urls = json.loads(children[0].stdout.readline())
        port = free_port()
        env = environment(worker_settings, urls, port, out)
        bin_dir = Path(sys.executable).parent
        gunicorn = [bin_dir / "gunicorn", "-c", "compose/gunicorn.conf.py", "-b", f"127.0.0.1:{port}"]
        celery = [bin_dir / "celery", "-A", "python_nodes.jobs", "worker", "--concurrency", "1"]
        log = (out / "processes.log").open("w")
        children += [
            subprocess.Popen([*one], cwd=CHECKOUT, env=env, stdout=log, stderr=log)
            for one in ([*gunicorn, "python_nodes.app:create_app()"], celery)
        ]
        tenant_id = worker_settings.tenant_id
        with database.tenant(tenant_id) as conn:
            key = apikeys.create(conn, "all", ["admin"], created_at=datetime.now(UTC))
        url = f"http://127.0.0.1:{port}"
        with (
            httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120) as worker,
            httpx2.Client(
                base_url=urls["control_url"], headers={"Authorization": "Bearer control"}, timeout=30
            ) as control,
        ):
            wait_for("the worker", lambda: worker.get("/readyz").status_code == 200)
            running = Stack(worker, url, urls["public_url"], control, out, database, tenant_id, key)
            set_up(running)
            yield running
    finally:
        for child in reversed(children):
            child.terminate()
        for child in children:
            child.wait(timeout=30)
        database.dispose()


def environment(settings: Settings, urls: dict[str, Any], port: int, out: Path) -> dict[str, str]:
    own = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "RAW_ROOT": str(settings.raw_root),
        "TENANT_ID": str(settings.tenant_id),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "SLACK_TOKEN": "xoxb-sandbox",
        "SLACK_BASE_URL": f"{urls['public_url']}/slack/api/",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(urls["smtp_port"]),
        "EMAIL_TO": "ops@example.com",
        "IMPORT_FOLDER": str(downloads.folder(out)),
    }
    return {**os.environ, **{f"NIGHTPORTER_{name}": value for name, value in own.items()}}


def set_up(stack: Stack) -> None:
    portfolio = json.loads((stack.out_dir / "portfolio.json").read_text())
    counts = stack.post("/v1/portfolio", portfolio, "portfolio")
    assert counts["listings"] == 30
    with WorkerClient(stack.worker_url, stack.api_key) as client:
        channels = demo.channels_of(portfolio)
        stack.connections = demo.connect(client, stack.public_url, stack.out_dir, channels)
    assert set(stack.connections) == set(demo.CHANNELS)


def backfill(stack: Stack, key: str) -> dict[str, dict[str, Any]]:
    """Backfill every channel as `up` does; returns what each job told in the end, by channel."""
    span = {"start": str(T0 - timedelta(days=HISTORY_DAYS)), "end": str(T0 - timedelta(days=1))}
    bodies = {f"{key}:{channel}": {"connection_id": one, **span} for channel, one in stack.connections.items()}
    told: list[tuple[int, int]] = []
    with WorkerClient(stack.worker_url, stack.api_key) as client:
        client.run_jobs("/v1/backfill", bodies, progress=lambda done, total: told.append((done, total)))
        # Asked again with the same keys, the worker tells the same jobs.
        ids = {name: client.post("/v1/backfill", body, key=name)["job_id"] for name, body in bodies.items()}
        jobs = {name.partition(":")[2]: client.get(f"/v1/jobs/{job_id}") for name, job_id in ids.items()}
    total = sum(job["total"] for job in jobs.values())
    assert told[-1] == (total, total)
    return jobs


def test_backfill_reads_every_channels_history_once_however_often_it_runs(stack: Stack) -> None:
    first = backfill(stack, "backfill-1")
    for channel, job in first.items():
        assert job["done"] == job["total"] >= HISTORY_DAYS // 31, channel
        assert job["result"]["rejected"] == 0, channel
    points = stack.worker.get("/v1/summary").json()["points_stored"]
    # The simulated clock goes on, and with it bookings; what was told of the days before t0 must not change.
    told = f"SELECT count(*) FROM booking_revisions WHERE source_updated_at < '{T0}T00:00:00Z'"
    bookings = stack.number(told)
    query = "SELECT count(DISTINCT l.channel) FROM bookings b JOIN listings l ON l.id = b.listing_id"
    assert stack.number(query) == len(demo.CHANNELS)
    own = "SELECT count(*) FROM listings WHERE channel = 'booking_com'"
    # Impressions, views and bookings; what the others download comes by import.
    assert points >= 3 * stack.number(own) * HISTORY_DAYS
    assert bookings > 100
    backfill(stack, "backfill-2")
    assert stack.worker.get("/v1/summary").json()["points_stored"] == points
    assert stack.number(told) == bookings


def test_what_people_download_is_imported_from_the_watched_folder(stack: Stack) -> None:
    before = stack.worker.get("/v1/summary").json()["points_stored"]
    with WorkerClient(stack.worker_url, stack.api_key) as client:
        told = downloads.import_history(client, stack.out_dir, f"{T0}T11:00:00Z")
    assert (told["failed"], told["imported"]) == (0, 2 * len(downloads.sources())), told
    assert sum(one["rejected"] for one in told["files"]) == 0, told
    others = stack.number("SELECT count(*) FROM listings WHERE channel <> 'booking_com'")
    # Three counts of the funnel on every channel that has no API for them.
    assert stack.worker.get("/v1/summary").json()["points_stored"] - before >= 3 * others * HISTORY_DAYS
    assert not list(downloads.folder(stack.out_dir).glob("*.csv"))


def test_the_drivers_days_become_alerts_and_messages(stack: Stack) -> None:
    flows = Flask("flows")
    told: list[Any] = []

    @flows.post("/poll")
    def poll() -> dict[str, Any]:
        as_of = request.get_json()["as_of"]
        for connection in stack.worker.get("/v1/connections").json()["connections"]:
            for operation in connection["operations"]:
                body = {"connection_id": connection["id"], "as_of": as_of}
                told.append(stack.post(f"/v1/poll/{operation}", body, f"poll:{connection['id']}:{as_of}"))
        return {"status": "success"}

    @flows.post("/score")
    def score() -> dict[str, Any]:
        body = {"as_of": request.get_json()["as_of"]}
        key = body["as_of"]
        stack.post("/v1/guards/check", body, key)
        stack.post("/v1/metrics/score", body, key)
        for one in stack.post("/v1/alerts/raise", body, key)["notify"]:
            routed = stack.post(f"/v1/alerts/{one['alert_id']}/route", body, key)
            for delivery in routed["send"]:
                sent = stack.post(f"/v1/deliveries/{delivery['delivery_id']}/send", body, key)
                assert sent["status"] == "sent", sent
        return {"status": "success"}

    server = make_server("127.0.0.1", 0, flows, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{server.server_port}"
    order = {"poll_url": f"{at}/poll", "score_url": f"{at}/score", "webhook_secret": "s" * 40, "days": LIVE_DAYS}
    try:
        answer = stack.control.post("/control/drive", json=order)
        assert answer.is_success, answer.text
        wait_for("the drive", lambda: stack.control.get("/control/status").json()["state"] != "running", 300)
    finally:
        server.shutdown()
    status = stack.control.get("/control/status").json()
    assert (status["state"], status["steps_failed"]) == ("done", 0), status
    truth = stack.control.get("/truth").json()
    alerts = stack.worker.get("/v1/alerts").json()["alerts"]
    by_listing = {(alert["listing"], alert["cause"]): alert for alert in alerts}
    for incident in truth["incidents"]:
        found = by_listing.get((incident["listing"], incident["kind"]))
        assert found is not None, (incident, [(one["listing"], one["cause"], one["kind"]) for one in alerts])
        # Alerted on its first day, with its money.
        assert found["raised_at"][:10] == incident["start"][:10], (found, incident)
        assert found["impact_minor"] > 0
    assert sum(one["rejected"] for one in told) == 0
    deliveries = stack.worker.get("/v1/summary").json()["deliveries"]
    assert deliveries["slack"] >= 1, deliveries


def test_a_delivery_is_never_sent_twice(stack: Stack) -> None:
    sent = stack.number("SELECT id FROM deliveries WHERE status = 'sent' ORDER BY id LIMIT 1")
    before = stack.worker.get("/v1/summary").json()["deliveries"]
    again = stack.post(f"/v1/deliveries/{sent}/send", {}, "again")
    assert again["status"] == "sent"
    assert stack.worker.get("/v1/summary").json()["deliveries"] == before


def test_a_send_that_died_asks_the_provider_before_it_sends_again(stack: Stack) -> None:
    query = "SELECT id FROM deliveries WHERE status = 'sent' AND sender = 'slack' ORDER BY id LIMIT 1"
    delivery_id = stack.number(query)
    with stack.database.tenant(stack.tenant_id) as conn:
        reference = conn.exec_driver_sql(f"SELECT provider_ref FROM deliveries WHERE id = {delivery_id}").scalar_one()
        # As a crash between sending and noting it leaves it.
        conn.exec_driver_sql(f"UPDATE deliveries SET status = 'sending', provider_ref = NULL WHERE id = {delivery_id}")
    again = stack.post(f"/v1/deliveries/{delivery_id}/send", {}, "after the crash")
    assert again == {"status": "sent", "provider_ref": reference}


def test_the_console_shows_each_alert_with_its_deliveries(stack: Stack) -> None:
    page = stack.worker.get("/console/alerts").text
    for alert in stack.worker.get("/v1/alerts").json()["alerts"]:
        assert f'id="alert-{alert["id"]}"' in page
    assert "slack" in page
    explained = stack.worker.get(f"/v1/alerts/{alert['id']}/explain").json()
    assert explained["history"][0]["event"] == "raised"


def test_a_vendor_that_refuses_leaves_a_poll_run_with_its_error_and_nothing_stored(stack: Stack) -> None:
    body = {
        "vendor": "booking_com", "name": "broken", "base_url": "http://127.0.0.1:9",
        "credentials": {"client_id": "a", "client_secret": "b"},
    }  # fmt: skip
    connection_id = stack.post("/v1/connections", body, "broken")["id"]
    revisions = stack.number("SELECT count(*) FROM booking_revisions")
    answer = stack.worker.post("/v1/poll/reservations", json={"connection_id": connection_id})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    failed = f"SELECT count(*) FROM poll_runs WHERE connection_id = {connection_id} AND error IS NOT NULL"
    assert stack.number(failed) == 1
    assert stack.number("SELECT count(*) FROM booking_revisions") == revisions


def test_logs_are_json_with_a_run_id_and_without_secrets(stack: Stack) -> None:
    text = (stack.out_dir / "processes.log").read_text()
    assert "sandbox-secret" not in text
    assert "xoxb-" not in text
    polls = [json.loads(line) for line in text.splitlines() if '"event": "poll"' in line]
    assert polls
    assert all(one["run_id"] for one in polls)
