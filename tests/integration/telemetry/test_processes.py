"""Counts of several processes are told as one, on the worker and on the jobs' own port."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.telemetry.conftest import Stack


def sample(url: str, name: str, client: httpx2.Client | None = None, **labels: str) -> float:
    """Sum the samples of that name with these labels."""
    answer = (client or httpx2.Client()).get(url)
    assert answer.status_code == 200, answer.text
    return sum(
        one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
        if one.name == name and labels.items() <= one.labels.items()
    )


def test_both_processes_counts_are_one(stack: Stack) -> None:
    """Whichever process answers tells the requests of both, each once."""
    url = f"{stack.url}/metrics"
    labels = {"route": "/v1/portfolio", "status": "200", "method": "GET"}
    before = sample(url, "nightporter_http_requests_total", stack.client, **labels)
    headers = {"Authorization": stack.client.headers["Authorization"]}
    with ThreadPoolExecutor(8) as pool:
        # Each on a connection of its own, so that both processes get some.
        answers = list(pool.map(lambda _: httpx2.get(f"{stack.url}/v1/portfolio", headers=headers), range(40)))
    assert {one.status_code for one in answers} == {200}
    told = {sample(url, "nightporter_http_requests_total", stack.client, **labels) for _ in range(6)}
    assert told == {before + 40}
    assert len(list((stack.logs / "counts-worker").glob("counter_*.db"))) >= 2


def test_pools_are_counted(stack: Stack) -> None:
    """Connections of all processes, of which none is in use but the one that answers."""
    stack.client.get("/v1/portfolio")
    name = "nightporter_database_connections"
    assert sample(stack.metrics_url, name, state="limit") == 2 * 16
    assert 1 <= sample(stack.metrics_url, name, state="open") <= 32
    assert 0 <= sample(stack.metrics_url, name, state="in_use") <= 1


def test_gunicorns_own_port_tells_metrics_only(stack: Stack) -> None:
    """A Host header that names the own port does not open the other one."""
    own = stack.metrics_url.removesuffix("/metrics")
    assert httpx2.get(f"{own}/metrics").status_code == 200
    assert httpx2.get(f"{own}/v1/portfolio", headers=dict(stack.client.headers)).status_code == 404
    assert httpx2.get(f"{stack.url}/metrics", headers={"Host": own.removeprefix("http://")}).status_code == 401


def test_jobs_are_counted_on_their_own_port(stack: Stack) -> None:
    """A task's end, its seconds and its wait are told by the jobs' service."""
    before = sample(stack.jobs_metrics_url, "nightporter_jobs_total", task="forecasts", state="success")
    assert stack.client.post("/v1/forecasts/refresh", json={}).status_code == 202
    deadline = time.monotonic() + 120
    while sample(stack.jobs_metrics_url, "nightporter_jobs_total", task="forecasts", state="success") == before:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for name in ("nightporter_job_duration_seconds_count", "nightporter_job_wait_seconds_count"):
        assert sample(stack.jobs_metrics_url, name, task="forecasts") == before + 1
    waited = sample(stack.jobs_metrics_url, "nightporter_job_wait_seconds_sum", task="forecasts")
    assert 0 < waited < 60
    assert sample(stack.jobs_metrics_url, "nightporter_stages_total", stage="forecasts_refresh", outcome="ok") >= 1
