"""GET /metrics: whom it answers, and that what it tells is what happened."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import Connection, text
from werkzeug.serving import make_server

from python_nodes.app import create_app
from python_nodes.config import Settings
from python_nodes.domain.gauges import GAUGES
from python_nodes.local import processes
from tests.integration.worker.conftest import Worker

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def told(answer: httpx2.Response) -> Samples:
    """Every sample by name and labels."""
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """The one sample of that name that has these labels among its own, 0 without any."""
    found = [v for (n, own), v in samples.items() if n == name and set(labels.items()) <= own]
    assert len(found) <= 1, found
    return found[0] if found else 0.0


def test_needs_a_key_with_the_right(worker: Worker) -> None:
    """Neither nobody nor a key for other things reads metrics; one for metrics reads nothing else."""
    assert httpx2.get(f"{worker.url}/metrics").status_code == 401
    reader, scraper = worker.key("read"), worker.key("metrics")
    assert httpx2.get(f"{worker.url}/metrics", headers={"Authorization": f"Bearer {reader}"}).status_code == 403
    answer = httpx2.get(f"{worker.url}/metrics", headers={"Authorization": f"Bearer {scraper}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert httpx2.get(f"{worker.url}/v1/alerts", headers={"Authorization": f"Bearer {scraper}"}).status_code == 403


def test_counts_requests_by_template(worker: Worker) -> None:
    """An address is told by its template; one that is none of ours is not told at all."""
    before = told(worker.client.get("/metrics"))
    for number in (11, 12, 13):
        assert worker.client.get(f"/v1/alerts/{number}").status_code == 404
    worker.client.get("/no/such/place")
    after = told(worker.client.get("/metrics"))
    labels = {"method": "GET", "route": "/v1/alerts/<int:id>", "status": "404"}
    name = "nightporter_http_requests_total"
    assert value(after, name, **labels) - value(before, name, **labels) == 3
    lost = {"method": "GET", "route": "none", "status": "404"}
    assert value(after, name, **lost) - value(before, name, **lost) == 1
    seconds = "nightporter_http_request_duration_seconds_count"
    assert value(after, seconds, **{k: labels[k] for k in ("method", "route")}) >= 3
    assert not [key for key in after if "/no/such/place" in str(key) or "/v1/alerts/11" in str(key)]


def test_tells_the_state_of_the_stores(worker: Worker, owner: Connection) -> None:
    """What waits and since when comes from the stores, as the key's tenant."""
    tenant = str(worker.settings.tenant_id)
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        conn.execute(
            text(
                "INSERT INTO outbox (type, entity, version, payload, created_at)"
                " VALUES ('job.hand_over', 'late', 1, '{}', now() - interval '10 minutes')"
            )
        )
        conn.execute(
            text(
                "INSERT INTO jobs (job_id, kind, state, done, total, result, created_at, updated_at)"
                " VALUES ('j-1', 'backfill', 'queued', 0, 0, '{}', now() - interval '20 minutes', now())"
            )
        )
    samples = told(worker.client.get("/metrics"))
    assert value(samples, "nightporter_outbox_pending", tenant_id=tenant, type="job.hand_over") == 1
    assert 600 <= value(samples, "nightporter_outbox_oldest_seconds", tenant_id=tenant, type="job.hand_over") < 700
    assert 1200 <= value(samples, "nightporter_jobs_oldest_queued_seconds", tenant_id=tenant, kind="backfill") < 1300
    for store in ("postgresql", "valkey"):
        assert value(samples, "nightporter_store_up", store=store) == 1
    assert value(samples, "nightporter_build_info", version="0.1.0") == 1
    assert value(samples, "nightporter_queue_length", queue="default.bulk") >= 0


ALERT = """
INSERT INTO alerts (fingerprint, scope, market, metric, kind, cause, title, category, score, currency, impact_minor,
  loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at)
VALUES ('waits', 'market', 'm', 'availability', 'not_bookable', 'calendar_closed', 'Closed', 'high', 80, 'EUR', 1, 1, 1,
  '2026-03-01', now(), now()) RETURNING id
"""
DELIVERY = """
INSERT INTO deliveries (alert_id, step, sender, recipient, status, attempts, planned_at, finished_at)
VALUES (:alert, 'raised-high', :sender, 'someone', :status, :attempts, now() - cast(:planned AS interval), now())
"""
NEWS = """
INSERT INTO outbox (type, entity, version, payload, created_at, dispatched_at)
VALUES ('alert.notify', :alert, 1, '{}', now() - interval '20 minutes', now())
"""


def test_tells_who_waits_for_word(worker: Worker) -> None:
    """Since when: the plan, or the news where the plan is dated back; what is given up is told apart."""
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        alert = conn.execute(text(ALERT)).scalar_one()
        conn.execute(text(NEWS), {"alert": str(alert)})
        for sender, status, attempts, planned in (
            ("email", "planned", 0, "90 days"), ("slack", "planned", 0, "5 minutes"), ("sms", "failed", 1, "1 hour"),
            ("sms", "failed", 5, "2 hours"), ("email", "sent", 1, "9 hours"),
        ):  # fmt: skip
            told_ = {"alert": alert, "sender": sender, "status": status, "attempts": attempts, "planned": planned}
            step = text(DELIVERY.replace("raised-high", f"{status}-{attempts}"))
            conn.execute(step, told_)
    samples = told(worker.client.get("/metrics"))
    oldest = "nightporter_deliveries_oldest_waiting_seconds"
    assert 1200 <= value(samples, oldest, sender="email") < 1260
    assert 300 <= value(samples, oldest, sender="slack") < 360
    waiting = "nightporter_deliveries_waiting"
    assert value(samples, waiting, sender="sms", status="failed") == 1
    assert value(samples, waiting, sender="sms", status="given_up") == 1
    assert value(samples, waiting, sender="email", status="planned") == 1
    assert value(samples, "nightporter_alerts_open", severity="high") == 1


def test_counts_a_poll_and_its_freshness(worker: Worker, portfolio: dict[str, Any]) -> None:
    """A poll that fails is counted, with what the vendor's side answered, and its connection tells so."""
    assert worker.post("/v1/portfolio", portfolio).status_code == 200
    port = processes.free_port()
    body = {
        "vendor": "booking_com", "name": "nobody", "base_url": f"http://127.0.0.1:{port}", "settings": {},
        "credentials": {"client_id": "a", "client_secret": "b"},
    }  # fmt: skip
    connection = worker.post("/v1/connections", body).json()["id"]
    before = told(worker.client.get("/metrics"))
    assert worker.post("/v1/poll/health", {"connection_id": connection}).status_code >= 500
    after = told(worker.client.get("/metrics"))
    labels = {"channel_type": "booking_com", "sync_type": "health", "status": "failure"}
    assert value(after, "channel_sync_total", **labels) - value(before, "channel_sync_total", **labels) == 1
    lost = {"channel_type": "booking_com", "error_code": "connection"}
    assert value(after, "channel_api_errors_total", **lost) > value(before, "channel_api_errors_total", **lost)
    failing = {"connection_id": str(connection), "channel_type": "booking_com", "sync_type": "health"}
    assert value(after, "nightporter_connection_failures", **failing) == 1
    assert value(after, "circuit_breaker_state", connection_id=str(connection)) == 0
    names = {name for name, _ in after}
    assert "nightporter_connection_last_success_timestamp_seconds" not in names


def test_no_label_names_anybody(worker: Worker, portfolio: dict[str, Any]) -> None:
    """Neither a listing, a property nor the tenant is named."""
    worker.post("/v1/portfolio", portfolio)
    body = worker.client.get("/metrics").text
    for name in ("Harbour", "tenant-a", "100101", "lisbon"):
        assert name not in body


def test_every_gauge_that_is_read_is_described() -> None:
    """A described gauge ends in no suffix that Prometheus keeps for counters."""
    assert all(not name.endswith(("_total", "_count", "_bucket")) for name in GAUGES)


@pytest.fixture
def own_port(worker_settings: Settings) -> Iterator[int]:
    """A worker that tells its metrics on a port of their own, which here is its only one."""
    port = processes.free_port()
    app = create_app(worker_settings.model_copy(update={"metrics_bind": f"127.0.0.1:{port}"}))
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield port
    server.shutdown()
    thread.join(timeout=10)
    app.extensions["nightporter"].database.dispose()


def test_the_own_port_tells_metrics_and_nothing_else(worker: Worker, own_port: int) -> None:
    """There no key is asked for; all else is not there, and no header makes another port the own one."""
    url = f"http://127.0.0.1:{own_port}"
    assert told(httpx2.get(f"{url}/metrics"))
    assert httpx2.get(f"{url}/v1/alerts").status_code == 404
    assert httpx2.get(f"{url}/healthz").status_code == 404
    key = {"Authorization": f"Bearer {worker.key('admin')}"}
    assert httpx2.get(f"{url}/v1/alerts", headers=key).status_code == 404
    forged = {"Host": f"127.0.0.1:{own_port}", "X-Forwarded-Port": str(own_port)}
    assert httpx2.get(f"{worker.url}/metrics", headers=forged).status_code == 401


def test_a_store_that_is_down_is_told_as_down(worker_settings: Settings) -> None:
    """The answer comes all the same, with what the other stores tell."""
    port = processes.free_port()
    nowhere = SecretStr(f"redis://127.0.0.1:{processes.free_port()}")
    settings = worker_settings.model_copy(update={"metrics_bind": f"127.0.0.1:{port}", "redis_url": nowhere})
    app = create_app(settings)
    client = app.test_client()
    answer = client.get("/metrics", environ_overrides={"SERVER_PORT": str(port)})
    assert answer.status_code == 200
    assert 'nightporter_store_up{store="valkey"} 0.0' in answer.text
    assert 'nightporter_store_up{store="postgresql"} 1.0' in answer.text
    app.extensions["nightporter"].database.dispose()
