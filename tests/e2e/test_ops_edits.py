"""What docs/flows.md says an operator may edit, edited in a real n8n and run on the real worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from pytest_httpserver import HTTPServer

from docs import flow_edits
from python_nodes.domain import flow_proof
from python_nodes.local import flows
from python_nodes.local.state import CHECKOUT
from tests.e2e import copies
from tests.e2e.conftest import Live

FLOWS = flows.load_folder(CHECKOUT / "workflows")
AT = "2026-04-20T13:30:00+00:00"
"""After all that other tests ask for."""
KIND = "suspended"
THEIRS, STEP = "/health.json", "/messages"


@pytest.fixture
def theirs() -> Iterator[HTTPServer]:
    """What the operator has besides: where a vendor's answer is fetched, and who is told of messages, which fails."""
    with HTTPServer() as server:
        server.expect_request(STEP, method="POST").respond_with_json({"error": "no room"}, status=507)
        yield server


@pytest.mark.only_on("postgres")
def test_an_own_request_takes_a_polls_place_and_an_own_step_stands_before_each_message(
    live: Live, theirs: HTTPServer
) -> None:
    connection_id, property_id, rooms = a_property(live)
    theirs.expect_request(THEIRS, method="GET").respond_with_json(health(property_id, rooms))
    polling = flow_edits.own_request(FLOWS["poll-listings"], theirs.url_for(THEIRS), connection_id=connection_id)
    polled = called(live, polling)
    assert polled.status_code == 200, polled.text
    ((request, _),) = theirs.log
    assert request.path == THEIRS
    runs = (
        "SELECT fetched, rejected FROM poll_runs"
        f" WHERE connection_id = {connection_id} AND operation = 'health' AND as_of_at = '{AT}'"
    )
    assert live.rows(runs) == [(len(rooms), 0)], "our own poll did not ask beside it"
    theirs.clear_log()
    scored = called(live, telling_by(live, flow_edits.own_step(FLOWS["notify"], theirs.url_for(STEP))))
    assert scored.status_code == 200, scored.text
    told = live.rows(
        "SELECT d.id, d.status FROM deliveries d JOIN alerts a ON a.id = d.alert_id"
        f" WHERE a.kind = '{KIND}' AND a.resolved_at IS NULL AND d.planned_at = '{AT}' AND d.status <> 'suppressed'"
    )
    assert {status for _, status in told} == {"sent"}, "a step that fails holds no message up"
    messages = [json.loads(request.get_data())["delivery_id"] for request, _ in theirs.log]
    assert len(messages) == len(set(messages)), "each message once"
    assert {delivery_id for delivery_id, _ in told} <= set(messages)


def called(live: Live, flow: flows.Flow) -> httpx2.Response:
    """Publish a copy of an edited flow and call its webhook, as the schedule would start it."""
    (path,) = copies.publish(live, flow, live.saved.worker_url).hooks
    proof = flow_proof.headers(live.saved.webhook_secret, datetime.now(UTC))
    body = json.dumps({"as_of": AT}).encode()
    return copies.post(live, path, body, {"Content-Type": "application/json", **proof})


def telling_by(live: Live, notify: flows.Flow) -> flows.Flow:
    """Return `score-metrics` as it tells people by another `notify`."""
    told_by = copies.publish(live, notify, live.saved.worker_url).flow_id
    scoring: flows.Flow = json.loads(json.dumps(FLOWS["score-metrics"]))
    (call,) = [node for node in scoring["nodes"] if node["type"] == "n8n-nodes-base.executeWorkflow"]
    call["parameters"]["workflowId"]["value"] = told_by
    return scoring


def a_property(live: Live) -> tuple[int, str, list[str]]:
    """Return Booking.com's connection, and a property of it that nothing is wrong with but its age, with its rooms."""
    ((name, rooms),) = live.rows(
        "SELECT l.channel_property_id, array_agg(l.external_id ORDER BY l.id) FROM listings l"
        " JOIN units u ON u.id = l.unit_id WHERE l.channel = 'booking_com' AND NOT EXISTS ("
        "SELECT FROM alerts a WHERE a.resolved_at IS NULL AND a.kind <> 'feed_stale'"
        " AND (a.property_id = u.property_id OR a.listing_id = l.id))"
        " GROUP BY l.channel_property_id ORDER BY 1 LIMIT 1"
    )
    ((connection_id,),) = live.rows("SELECT id FROM connections WHERE vendor = 'booking_com'")
    return int(connection_id), str(name), [str(room) for room in rooms]


def health(property_id: str, rooms: list[str]) -> dict[str, Any]:
    """Say of a property, in Booking.com's words, that it is suspended."""
    since = {"status": KIND, "status_changed_at": AT}
    told = [{"room_id": room, "detail": "", **since} for room in rooms]
    return {"data": {"properties": [{"property_id": property_id, "rooms": told, **since}]}}
