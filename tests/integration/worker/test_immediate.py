"""What arrives between two sweeps is stored and scored at once: vendors' events, payloads fetched elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from pytest_httpserver import HTTPServer

from python_nodes.steps import webhook_work

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

pytestmark = pytest.mark.usefixtures("queue_settings")
AS_OF = "2026-03-02T12:00:00Z"
SECRET = "webhook-secret"
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "vendors"


@dataclass(frozen=True)
class Expedia:
    """A worker's connection to an Expedia Group that tells what the test says."""

    worker: Worker
    server: HTTPServer
    connection_id: int

    def says(self, *, active: bool) -> None:
        """Have the API tell whether both units are live."""
        checks = [] if active else [{"name": "HasActiveImages", "lastEvaluated": "2026-03-01T04:00:00Z"}]
        state = {"active": active, "statusCheckpoint": {"lastEvaluated": "2026-03-02T06:00:00Z", "checkpoints": checks}}
        units = [{"id": f"100{n}01", "status": {"state": "ACTIVE"}, "activeStatus": state} for n in (1, 2)]
        told = {"data": {"property": {"activeStatus": state, "units": units}}}
        self.server.clear()
        self.server.expect_request("/identity/oauth2/v3/token").respond_with_json(
            {"access_token": "t", "expires_in": 1800, "token_type": "Bearer"}
        )
        self.server.expect_request("/supply/lodging/graphql").respond_with_json(told)

    def event(self, event_id: str, *, secret: str = SECRET, age_s: int = 0, **changes: Any) -> httpx2.Response:
        """Send an event as Expedia Group would, signed over the very bytes."""
        told = {
            "eventId": event_id, "eventType": "PropertyStatusChanged", "payload": {"propertyId": "1001"}, **changes,
        }  # fmt: skip
        raw = json.dumps(told, indent=3).encode() + b"\r\n"
        sent_at = str(int(time.time()) - age_s)
        signature = hmac.new(secret.encode(), sent_at.encode() + b"." + raw, hashlib.sha256).hexdigest()
        headers = {
            "X-EG-Notification-Signature": signature, "X-EG-Notification-Timestamp": sent_at,
            "Content-Type": "application/octet-stream", "X-Original-Content-Type": "application/json",
        }  # fmt: skip
        return httpx2.post(
            f"{self.worker.url}/v1/webhooks/{self.connection_id}", content=raw, headers=headers, timeout=60
        )  # fmt: skip

    def looked_into(self) -> dict[str, Any]:
        """Do as the job does."""
        return webhook_work.run(self.worker.services, self.worker.settings.tenant_id, datetime.now(UTC))

    def calls(self) -> int:
        """Count what the API was asked."""
        return len(self.server.log)

    def suspended(self) -> list[dict[str, Any]]:
        """Return the open alerts that say so."""
        found = self.worker.client.get("/v1/alerts?state=open").json()["alerts"]
        return [one for one in found if one["kind"] == "suspended"]


@pytest.fixture
def expedia(worker: Worker, httpserver: HTTPServer, portfolio: dict[str, Any]) -> Expedia:
    for listing in portfolio["listings"]:
        listing["channel"] = "expedia"
    assert worker.post("/v1/portfolio", portfolio).is_success
    body = {
        "vendor": "expedia_group", "name": "expedia", "base_url": httpserver.url_for("").rstrip("/"),
        "settings": {"channel": "expedia", "rate_limits": {"*": "1000/second"}},
        "credentials": {"client_id": "c", "client_secret": "s", "webhook_secret": SECRET},
    }  # fmt: skip
    return Expedia(worker, httpserver, int(worker.post("/v1/connections", body).json()["id"]))


def test_an_event_is_looked_into_at_once_and_raises_the_alert(expedia: Expedia) -> None:
    expedia.says(active=False)
    answer = expedia.event("e-1")
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"event": "PropertyStatusChanged", "status": "accepted"}
    # The vendor has its answer before anything is asked.
    assert expedia.calls() == 0
    told = expedia.looked_into()
    assert (told["events"], told["observed"]) == (1, 2)
    assert told["raised"] >= 1
    assert expedia.suspended()
    expedia.says(active=True)
    expedia.event("e-2")
    assert expedia.looked_into()["resolved"] >= 1
    assert expedia.suspended() == []


def test_an_event_that_comes_again_is_answered_as_before_and_asks_nothing(expedia: Expedia) -> None:
    expedia.says(active=True)
    first = expedia.event("e-3").json()
    assert expedia.looked_into()["events"] == 1
    asked = expedia.calls()
    # Also in another envelope: what is signed and has the same id is the same.
    assert expedia.event("e-3", attempt=2).json() == first
    assert expedia.looked_into()["events"] == 0
    assert expedia.calls() == asked


def test_many_events_of_one_property_are_one_look(expedia: Expedia) -> None:
    expedia.says(active=True)
    for number in range(5):
        expedia.event(f"burst-{number}")
    assert expedia.looked_into()["events"] == 5
    assert sum(request.path.endswith("graphql") for request, _ in expedia.server.log) == 1


def test_what_cannot_be_read_again_now_waits_and_is_not_lost(expedia: Expedia) -> None:
    expedia.server.clear()
    expedia.server.expect_request("/identity/oauth2/v3/token").respond_with_data("", status=503)
    expedia.event("waits")
    told = expedia.looked_into()
    assert (told["events"], told["observed"]) == (1, 0)
    expedia.says(active=True)
    assert expedia.looked_into()["observed"] == 2
    assert expedia.looked_into()["events"] == 0


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"secret": "forged"}, 401),
        ({"age_s": 600}, 401),
        ({"age_s": -600}, 401),
        ({"payload": {}}, 422),
        ({"payload": None}, 422),
    ],
)
def test_what_is_forged_late_or_broken_is_refused_and_asks_nothing(
    expedia: Expedia, wrong: dict[str, Any], status: int
) -> None:
    expedia.says(active=False)
    assert expedia.event("e-4", **wrong).status_code == status
    assert expedia.calls() == 0


def test_events_that_nobody_follows_and_strangers_are_taken_and_change_nothing(expedia: Expedia) -> None:
    expedia.says(active=False)
    assert expedia.event("e-5", eventType="GuestReviewSubmitted").json()["status"] == "ignored"
    assert expedia.event("e-6", payload={"propertyId": "9"}).json()["status"] == "accepted"
    assert expedia.looked_into()["observed"] == 0
    assert expedia.calls() == 0


def test_who_proves_nothing_does_not_learn_which_connections_there_are(worker: Worker, expedia: Expedia) -> None:
    body = {"vendor": "operator_file", "name": "file", "settings": {"path": "/nonexistent"}}
    without_events = worker.post("/v1/connections", body).json()["id"]
    body = {
        "vendor": "expedia_group", "name": "no secret", "base_url": "http://127.0.0.1:1",
        "settings": {"channel": "expedia"}, "credentials": {"client_id": "c", "client_secret": "s"},
    }  # fmt: skip
    without_secret = worker.post("/v1/connections", body).json()["id"]
    form = {"grant_type": "client_credentials", "client_id": "c", "client_secret": "s"}
    told = set()
    for number in (without_events, without_secret, expedia.connection_id, 999_999):
        tried = (
            httpx2.post(f"{worker.url}/v1/webhooks/{number}", content=b"{}"),
            httpx2.post(f"{worker.url}/v1/connections/{number}/token", data=form),
        )
        told |= {(one.status_code, json.dumps(one.json() | {"error_id": ""})) for one in tried}
    assert {status for status, _ in told} == {401}
    assert len(told) == 1, told


def hand_in(worker: Worker, path: str, raw: bytes, content_type: str) -> httpx2.Response:
    headers = {"Content-Type": "application/octet-stream", "X-Original-Content-Type": content_type}
    return worker.client.post(f"/v1/normalize/{path}", content=raw, headers=headers)


def test_a_payload_fetched_elsewhere_is_archived_mapped_and_stored(worker: Worker, expedia: Expedia) -> None:
    raw = (FIXTURES / "expedia_group" / "health.json").read_text().replace('"u1"', '"100101"').encode()
    path = f"expedia_group/health?connection_id={expedia.connection_id}&as_of={AS_OF}"
    answer = hand_in(worker, path, raw, "application/json")
    assert answer.status_code == 200, answer.text
    # Of the fixture's three units one is ours, one is a stranger and one tells no status.
    told = answer.json()
    assert (told["operation"], told["fetched"], told["rejected"]) == ("health", 3, 2)
    assert told["stored"] + told["unchanged"] == 1
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        (kept,) = conn.exec_driver_sql(
            "SELECT content_type FROM raw_index WHERE size_bytes = %s", (len(raw),)
        ).all()  # fmt: skip
    assert kept.content_type == "application/json"


@pytest.mark.parametrize(
    ("vendor", "operation", "raw", "field"),
    [
        ("booking_com", "health", b"{}", "vendor"),
        ("expedia_group", "nonsense", b"{}", "operation"),
        ("expedia_group", "performance", b"{}", "operation"),
        ("expedia_group", "health", b"", "body"),
    ],
)
def test_a_payload_in_the_wrong_place_is_refused_by_name(
    worker: Worker, expedia: Expedia, vendor: str, operation: str, raw: bytes, field: str
) -> None:
    answer = hand_in(worker, f"{vendor}/{operation}?connection_id={expedia.connection_id}", raw, "application/json")
    assert (answer.status_code, answer.json().get("field")) == (422, field)


def test_a_payload_needs_a_key(worker: Worker, expedia: Expedia) -> None:
    path = f"/v1/normalize/expedia_group/health?connection_id={expedia.connection_id}"
    assert httpx2.post(f"{worker.url}{path}", content=b"{}").status_code == 401
    only_reads = {"Authorization": f"Bearer {worker.key('read')}"}
    assert httpx2.post(f"{worker.url}{path}", content=b"{}", headers=only_reads).status_code == 403


def test_observing_leaves_what_holds_of_others_alone(worker: Worker, expedia: Expedia) -> None:
    expedia.says(active=False)
    assert expedia.event("e-7").json()["status"] == "accepted"
    assert expedia.looked_into()["raised"] >= 1
    elsewhere = {
        "currency": "EUR",
        "properties": [
            {"external_id": "2002", "name": "Hill", "market": "porto", "country": "PT", "subdivision": None,
             "timezone": "Europe/Lisbon", "currency": "EUR", "priority": 0.5},
        ],
        "units": [{"external_id": "unit-9", "property_external_id": "2002", "name": "Room", "unit_count": 1,
                   "base_price_minor": 12000, "floor_price_minor": 8000}],
        "listings": [{"external_id": "200201", "unit_external_id": "unit-9", "channel": "vrbo", "title": "Hill room",
                      "rate_plan_external_id": "standard"}],
    }  # fmt: skip
    assert worker.post("/v1/portfolio", elsewhere).is_success
    listings = worker.client.get("/v1/portfolio").json()["listings"]
    (other,) = [one["listing_id"] for one in listings if one["external_id"] == "200201"]
    before = [one["id"] for one in expedia.suspended()]
    seen = worker.client.post("/v1/observe", json={"listing_ids": [other]})
    assert seen.status_code == 200, seen.text
    assert seen.json()["observed"] == 1
    assert [one["id"] for one in expedia.suspended()] == before
    assert worker.client.post("/v1/observe", json={"listing_ids": [10**9]}).status_code == 404
    assert worker.client.post("/v1/observe", json={"listing_ids": []}).status_code == 422
