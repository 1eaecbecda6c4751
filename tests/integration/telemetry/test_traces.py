"""From n8n's execution to the store: one trace, over processes, and nothing in it that must not leave."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from python_nodes.telemetry import execution
from tests.integration.telemetry.conftest import Receiver, Stack
from tests.integration.telemetry.received import Received

PORTFOLIO = {
    "currency": "EUR",
    "properties": [
        {"external_id": "1001", "name": "Quayside", "market": "lisbon", "country": "PT", "subdivision": None,
         "timezone": "Europe/Lisbon", "currency": "EUR", "priority": 0.5},
    ],
    "units": [
        {"external_id": "unit-1", "property_external_id": "1001", "name": "Room", "unit_count": 4,
         "base_price_minor": 12000, "floor_price_minor": 8000}
    ],
    "listings": [
        {"external_id": "100101", "unit_external_id": "unit-1", "channel": "booking_com",
         "title": "Quayside room", "rate_plan_external_id": "standard"}
    ],
}  # fmt: skip
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5


def of_execution(stack: Stack, number: str) -> str:
    """The trace that an execution's id gives."""
    context = execution.span_context(stack.url, number, TraceIdRatioBased(1.0))
    return f"{context.trace_id:032x}"


def ancestors(span: Received, spans: list[Received]) -> list[str]:
    """Names from a span's parent up to its trace's first."""
    by_id = {one.span_id: one for one in spans}
    found = []
    while span.parent_id in by_id:
        span = by_id[span.parent_id]
        found.append(span.name)
    return found


def test_an_execution_is_one_trace_down_to_the_store(stack: Stack, receiver: Receiver) -> None:
    """A flow's call, the job that it starts and the statements of both bear the trace of the execution's id."""
    answer = stack.client.post("/v1/forecasts/refresh", json={}, headers={"X-Run-Id": "4711"})
    assert answer.status_code == 202, answer.text
    trace_id = of_execution(stack, "4711")
    # Two processes export, each in its own time; the last span of either is what took in all others.
    spans = receiver.wait(lambda all_: {SERVER, CONSUMER} <= {one.kind for one in all_ if one.trace_id == trace_id})
    own = [one for one in spans if one.trace_id == trace_id]
    (request,) = [one for one in own if one.kind == SERVER]
    assert request.attributes["http.route"] == "/v1/forecasts/refresh"
    assert request.attributes["n8n.execution_id"] == "4711"
    assert request.service == "nightporter-worker"
    (job,) = [one for one in own if one.kind == CONSUMER]
    assert job.service == "nightporter-jobs"
    assert ancestors(job, own)[-1] == request.name
    stored = [one for one in own if one.attributes.get("db.system") == "postgresql" and one.service == job.service]
    assert stored
    assert all(job.name in ancestors(one, own) for one in stored)
    assert {one.attributes.get("n8n.execution_id") for one in own if one.name == "forecasts_refresh"} == {"4711"}


def test_a_traceparent_is_followed(stack: Stack, receiver: Receiver) -> None:
    """Where n8n traces itself, its own span is the parent."""
    trace_id, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    stack.client.get("/v1/portfolio", headers={"traceparent": f"00-{trace_id}-{parent}-01", "X-Run-Id": "5"})
    spans = receiver.wait(lambda all_: any(one.trace_id == trace_id and one.kind == SERVER for one in all_))
    (request,) = [one for one in spans if one.trace_id == trace_id and one.kind == SERVER]
    assert request.parent_id == parent


def test_a_vendors_call_is_part_of_it(stack: Stack, receiver: Receiver) -> None:
    """The poll's stage holds the call; neither its query nor its credentials are told."""
    body: dict[str, Any] = {
        "vendor": "booking_com", "name": "traced", "base_url": f"{receiver.url}/vendor", "settings": {},
        "credentials": {"client_id": "c", "client_secret": "very-secret-word"},
    }  # fmt: skip
    assert stack.client.post("/v1/portfolio", json=PORTFOLIO).status_code == 200
    connection = stack.client.post("/v1/connections", json=body).json()["id"]
    stack.client.post("/v1/poll/health", json={"connection_id": connection}, headers={"X-Run-Id": "4712"})
    trace_id = of_execution(stack, "4712")
    spans = receiver.wait(lambda all_: any(one.trace_id == trace_id and one.name == "poll" for one in all_))
    own = [one for one in spans if one.trace_id == trace_id]
    (poll,) = [one for one in own if one.name == "poll"]
    assert poll.attributes["nightporter.vendor"] == "booking_com"
    assert poll.attributes["nightporter.connection_id"] == connection
    calls = [one for one in own if one.kind == CLIENT and "http.url" in one.attributes]
    assert calls
    assert all("poll" in ancestors(one, own) for one in calls)


def test_nothing_leaves_that_must_not(stack: Stack, receiver: Receiver) -> None:
    """No link's token, no key, no credential, no guest and no name is in what was exported."""
    stack.client.get("/login", params={"token": "token-of-a-link"})
    stack.client.get("/v1/alerts/4713", headers={"X-Run-Id": "4713"})
    trace_id = of_execution(stack, "4713")
    receiver.wait(lambda all_: any(one.attributes.get("http.target") == "/login" for one in all_))
    spans = receiver.wait(lambda all_: any(one.trace_id == trace_id for one in all_))
    exported = b"".join(receiver.raw)
    for secret in (
        b"token-of-a-link",
        b"very-secret-word",
        b"app-secret",
        b"np_",
        b"Harbour Rentals",
        b"Quayside",
        b"open-sesame",
    ):
        assert secret not in exported
    assert receiver.headers[0]["x-collector-key"] == "open-sesame"
    assert not [one for one in spans if one.attributes.get("http.route") in {"/metrics", "/healthz", "/readyz"}]


def test_logs_bear_the_same_numbers(stack: Stack, receiver: Receiver) -> None:
    """A line tells the trace, the execution, and in a job the job."""
    answer = stack.client.post("/v1/forecasts/refresh", json={}, headers={"X-Run-Id": "4714"})
    job_id = answer.json()["job_id"]
    trace_id = of_execution(stack, "4714")
    receiver.wait(lambda all_: any(one.trace_id == trace_id and one.kind == CONSUMER for one in all_))
    lines = [json.loads(line) for line in (stack.logs / "jobs.log").read_text().splitlines() if line.startswith("{")]
    (line,) = [one for one in lines if one.get("event") == "forecasts_refresh" and one.get("run_id") == "4714"]
    assert line["trace_id"] == trace_id
    assert line["execution_id"] == "4714"
    assert (line["job_id"], line["job"]) == (job_id, "forecasts")
    (span,) = [one for one in receiver.spans if one.trace_id == trace_id and one.name == "forecasts_refresh"]
    assert line["span_id"] == span.span_id
