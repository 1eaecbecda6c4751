"""Mutes over HTTP, and through real stores what they hold back, what outlives them and what comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from python_nodes.alerts import routing_file
from python_nodes.config import Settings
from python_nodes.domain.findings import Anomaly
from python_nodes.steps import alert_route
from python_nodes.store import anomalies, deliveries, retelling
from tests.integration.worker.conftest import Worker

POLICY = routing_file.load(
    routing_file.DEFAULT_PATH, ("slack", "email", "sms"),
    {"NIGHTPORTER_SLACK_CHANNEL": "C1", "NIGHTPORTER_EMAIL_TO": "ops@example.com", "NIGHTPORTER_SMS_TO": "+351910000"},
)  # fmt: skip
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def ids(worker: Worker) -> dict[str, int]:
    """The numbers of three listings of one property, by external id."""
    units = [
        {"external_id": f"unit-{n}", "property_external_id": "1001", "name": f"Room {n}", "unit_count": 1,
         "base_price_minor": 12000, "floor_price_minor": 8000}
        for n in range(6)
    ]  # fmt: skip
    told = {
        "currency": "EUR",
        "properties": [{"external_id": "1001", "name": "Harbour", "market": "lisbon", "country": "PT",
                        "subdivision": None, "timezone": "Europe/Lisbon", "currency": "EUR", "priority": 0.5}],
        "units": units,
        "listings": [{"external_id": f"room-{n}", "unit_external_id": f"unit-{n}", "channel": "booking_com",
                      "title": f"Harbour room {n}", "rate_plan_external_id": "standard"} for n in range(6)],
    }  # fmt: skip
    assert worker.post("/v1/portfolio", told).status_code == 200
    listed = worker.client.get("/v1/portfolio").json()["listings"]
    return {one["external_id"]: one["listing_id"] for one in listed}


def look(worker: Worker, at: datetime, *listing_ids: int, kind: str = "no_price") -> dict[str, Any]:
    """Store what a sweep would have found, and raise."""
    found = [
        Anomaly(listing_id=one, kind=kind, metric="availability", onset_date=date(2026, 3, 2), observed=None,
                expected=None, lower=None, upper=None, p_value=None, share_lost=0.9, confidence=0.9,
                cause="rate_missing", evidence={"nights": 20})
        for one in listing_ids
    ]  # fmt: skip
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        anomalies.replace(conn, at, "guards", found)
    answer = worker.post("/v1/alerts/raise", {"as_of": at.isoformat()})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def tell(worker: Worker, alert_id: int, at: datetime) -> list[str]:
    """Route by the shipped file with every sender set up, note all as sent, and return by which senders."""
    services = replace(worker.services, policy=POLICY)
    routed = alert_route.run(services, worker.settings.tenant_id, alert_id, at)["send"]
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        for one in routed:
            deliveries.claim(conn, one["delivery_id"])
            deliveries.finish(conn, one["delivery_id"], at=at, provider_ref=f"ref-{one['delivery_id']}")
    return [one["sender"] for one in routed]


def alert_on(worker: Worker, listing_id: int) -> int:
    found = [one for one in worker.client.get("/v1/alerts").json()["alerts"] if one["listing_id"] == listing_id]
    return int(found[-1]["id"])


def mute(worker: Worker, **body: Any) -> Any:
    told = {"start_at": NOON.isoformat(), "end_at": (NOON + 5 * HOUR).isoformat(), "reason": "painting", "actor": "ada"}
    return worker.post("/v1/mutes", told | body)


def test_a_mute_holds_back_says_so_and_lets_go(worker: Worker, ids: dict[str, int]) -> None:
    room = ids["room-0"]
    made = mute(worker, listing_id=room).json()
    assert (made["is_active"], made["origin"], made["listing_id"]) == (True, "maintenance", room)
    assert look(worker, NOON + HOUR, room)["raised"] == 0
    assert look(worker, NOON + 2 * HOUR, room)["raised"] == 0
    (held,) = worker.client.get("/v1/held", params={"as_of": (NOON + 3 * HOUR).isoformat()}).json()["held"]
    assert (held["kind"], held["stage"], held["times"], held["why"]) == (
        "no_price", "mute", 2, "muted until 2026-03-02 17:00 UTC: painting",
    )  # fmt: skip
    assert look(worker, NOON + 6 * HOUR, room)["raised"] == 1
    told = worker.client.get(f"/v1/alerts/{alert_on(worker, room)}/explain").json()
    assert "found since 2026-03-02 13:00 UTC and not told: muted until" in told["history"][0]["reason"]
    assert {"held (mute)", "maintenance", "raised"} <= {one["what"] for one in told["timeline"]}
    assert [one["at"] for one in told["timeline"]] == sorted(one["at"] for one in told["timeline"])


def test_a_snooze_is_over_and_people_hear_again(worker: Worker, ids: dict[str, int]) -> None:
    room, at = ids["room-1"], NOON + 24 * HOUR
    look(worker, at, room)
    number = alert_on(worker, room)
    assert tell(worker, number, at)
    snoozed = mute(worker, alert_id=number, origin="snooze", start_at=(at + HOUR).isoformat(),
                   end_at=(at + 5 * HOUR).isoformat()).json()  # fmt: skip
    look(worker, at + 2 * HOUR, room)
    assert tell(worker, number, at + 2 * HOUR) == []
    worker.post(f"/v1/mutes/{snoozed['mute_id']}/end", {"as_of": (at + 3 * HOUR).isoformat()})
    assert {"alert_id": number} in look(worker, at + 3.5 * HOUR, room)["notify"]
    assert tell(worker, number, at + 3.5 * HOUR), "told again, though it was told before"
    assert tell(worker, number, at + 3.6 * HOUR) == []
    told = worker.client.get(f"/v1/alerts/{number}").json()["evidence"]["told_again"]
    assert (told["times"], told["why"]) == (1, "still there after the snooze: painting")


def test_what_comes_back_is_the_same_alert_and_is_told_again_with_its_end(worker: Worker, ids: dict[str, int]) -> None:
    room, at = ids["room-2"], NOON + 48 * HOUR
    look(worker, at, room)
    number = alert_on(worker, room)
    assert tell(worker, number, at)
    look(worker, at + HOUR)
    assert tell(worker, number, at + HOUR)
    look(worker, at + 2 * HOUR, room)
    assert (alert_on(worker, room), tell(worker, number, at + 2 * HOUR) != []) == (number, True)
    look(worker, at + 3 * HOUR)
    assert worker.client.get(f"/v1/alerts/{number}").json()["resolved_at"] is None, "held open: it comes and goes"
    look(worker, at + 40 * HOUR)
    assert tell(worker, number, at + 40 * HOUR), "its last end is told, as its first was"
    told = worker.client.get(f"/v1/alerts/{number}/explain").json()
    assert [one["event"] for one in told["history"]] == ["raised", "resolved", "reopened", "updated", "resolved"]


def test_an_end_that_could_not_be_told_before_it_came_back_does_not_hide_the_next(
    worker: Worker, ids: dict[str, int]
) -> None:
    room, at, tenant_id = ids["room-5"], NOON + 400 * HOUR, worker.settings.tenant_id
    services = replace(worker.services, policy=POLICY)
    look(worker, at, room)
    number = alert_on(worker, room)
    senders = tell(worker, number, at)
    look(worker, at + HOUR)
    assert len(alert_route.run(services, tenant_id, number, at + HOUR)["send"]) == len(senders), "planned; all is down"
    look(worker, at + 2 * HOUR, room)
    assert tell(worker, number, at + 2 * HOUR) == senders, "that it is back, and no end that is none any more"
    look(worker, at + 3 * HOUR)
    look(worker, at + 40 * HOUR)
    assert tell(worker, number, at + 40 * HOUR) == senders
    with worker.services.database.tenant(tenant_id) as conn:
        reasons = [one.reason for one in deliveries.list_for_alert(conn, number) if one.status == "suppressed"]
    assert reasons.count(retelling.CAME_BACK) == len(senders)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"end_at": NOON.isoformat(), "kind": "no_price"}, "end_at"),
        ({"end_at": (NOON + timedelta(days=400)).isoformat(), "kind": "no_price"}, "end_at"),
        ({}, "origin"), ({"origin": "snooze", "kind": "no_price"}, "alert_id"),
        ({"kind": "no_price", "rrule": "FREQ=SECONDLY"}, "rrule"), ({"kind": "no_price", "zone": "Lisbon"}, "zone"),
        ({"market": "atlantis"}, "market"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_its_field(
    worker: Worker, ids: dict[str, int], body: dict[str, Any], field: str
) -> None:
    answer = mute(worker, **body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_mute_of_what_is_not_there_and_a_caller_without_leave_are_refused(
    worker: Worker, ids: dict[str, int]
) -> None:
    assert mute(worker, listing_id=10**6).status_code == 404
    assert mute(worker, alert_id=10**6).status_code == 404
    assert worker.post("/v1/mutes/1000000/end", {}).status_code == 404
    key = {"Authorization": f"Bearer {worker.key('read')}"}
    assert worker.client.post("/v1/mutes", json={}, headers=key).status_code == 403
    assert worker.client.get("/v1/mutes", headers=key).status_code == 200


def test_the_commands_do_the_same(worker: Worker, ids: dict[str, int], worker_settings: Settings) -> None:
    at = NOON + 240 * HOUR
    look(worker, at, ids["room-4"])
    number = alert_on(worker, ids["room-4"])

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it in a process of its own, which reads its settings anew."""
        told = {
            "DATABASE_URL": worker_settings.database_url.get_secret_value(),
            "REDIS_URL": worker_settings.redis_url.get_secret_value(),
            "SECRET_KEY": worker_settings.secret_key.get_secret_value(),
            "TENANT_ID": str(worker_settings.tenant_id), "RAW_ROOT": str(worker_settings.raw_root),
        }  # fmt: skip
        env = {**os.environ, "COLUMNS": "200", **{f"NIGHTPORTER_{name}": value for name, value in told.items()}}
        command = [sys.executable, "-c", "from python_nodes.cli import app; app()", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)

    made = run("mutes", "add", "--reason", "painting", "--actor", "ada", "--alert", str(number))
    assert made.returncode == 0, made.stderr
    shown = run("mutes", "list").stdout
    assert ("painting" in shown, "one alert" in shown) == (True, True)
    told = run("alerts", "explain", str(number))
    assert told.returncode == 0
    assert all(word in told.stdout for word in (f"Alert {number}", "raised", "new no_price", "painting"))
    refused = run("alerts", "explain", "1000000")
    assert (refused.returncode, refused.stderr.strip()) == (2, "nightporter: alert 1000000 does not exist")
    wrong = run("mutes", "add", "--reason", "x", "--actor", "a", "--until", "2026-03-02T12:00:00")
    assert (wrong.returncode, "names no zone" in wrong.stderr) == (2, True)
