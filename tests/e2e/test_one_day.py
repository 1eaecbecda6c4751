"""A day of alerts, in a real n8n: told once, escalated twice, taken, ended, judged, learnt from, quieter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from python_nodes.local.worker_client import WorkerClient
from tests.e2e.callers import click
from tests.e2e.conftest import Live, started

LIVE_DAYS = 8
DAY = "2026-04-06"
"""The last live day: what is reported of it comes the day after."""
SCENARIO = Path(__file__).with_name("a_day.toml")


@pytest.fixture(scope="module")
def day() -> Iterator[Live]:
    with started("postgres", days=200, live_days=LIVE_DAYS, listings=40, scenario=SCENARIO) as running:
        yield running


def at(hour: int, minute: int = 0) -> str:
    return f"{DAY}T{hour:02}:{minute:02}:00+00:00"


def flow(live: Live, name: str, moment: str) -> dict[str, Any]:
    answer = live.call(name, as_of=moment)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def post(live: Live, path: str, body: dict[str, Any]) -> dict[str, Any]:
    with WorkerClient(live.saved.worker_url, live.saved.operator_api_key) as worker:
        return worker.post(path, body, key=hashlib.sha256(json.dumps([path, body]).encode()).hexdigest())


def a_property(live: Live) -> tuple[str, list[str]]:
    """Return a property that has several rooms on Booking.com and no open alert, and its rooms."""
    ((name, rooms),) = live.rows(
        "SELECT l.channel_property_id, array_agg(l.external_id) FROM listings l JOIN units u ON u.id = l.unit_id"
        " WHERE l.channel = 'booking_com' AND NOT EXISTS ("
        "SELECT FROM alerts a WHERE a.resolved_at IS NULL AND (a.property_id = u.property_id OR a.listing_id = l.id))"
        " GROUP BY l.channel_property_id HAVING count(*) > 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    return name, list(rooms)


def health(live: Live, status: str, hour: int, property_id: str, rooms: list[str]) -> None:
    """Hand on what Booking.com says of a property, as an HTTP Request node of the operator's own would."""
    ((connection_id,),) = live.rows("SELECT id FROM connections WHERE vendor = 'booking_com'")
    told = [{"room_id": room, "status": status, "detail": "", "status_changed_at": at(hour)} for room in rooms]
    one = {"property_id": property_id, "status": status, "status_changed_at": at(hour), "rooms": told}
    stored = post(
        live, f"/v1/normalize/booking_com/health?connection_id={connection_id}&as_of={at(hour).replace('+', '%2B')}",
        {"data": {"properties": [one]}},
    )  # fmt: skip
    assert (stored["rejected"], stored["stored"]) == (0, len(rooms))


def messages(live: Live, alert_id: int, like: str = "%") -> list[tuple[Any, ...]]:
    return live.rows(
        "SELECT step, sender, recipient, status FROM deliveries"
        f" WHERE alert_id = {alert_id} AND step LIKE '{like}' AND status <> 'suppressed' ORDER BY id"
    )


def test_a_day(day: Live) -> None:
    outage = raised_as_one(day)
    escalated_twice_until_taken(day, outage)
    ended_by_itself(day, outage)
    judged_and_quieter(day)


def raised_as_one(live: Live) -> int:
    """A property goes down: one alert about it, told once to each, whatever is asked again."""
    property_id, rooms = a_property(live)
    health(live, "suspended", 13, property_id, rooms)
    counted = flow(live, "score-metrics", at(13))
    assert counted["guards_found"] >= len(rooms)
    ((alert_id, scope, category),) = live.rows(
        "SELECT id, scope, category FROM alerts WHERE resolved_at IS NULL AND kind = 'suspended'"
        f" AND raised_at = '{at(13)}'"
    )
    assert (scope, category) == ("property", "critical")
    told = messages(live, alert_id)
    assert {sender for _, sender, _, _ in told} == {"slack", "email", "sms"}
    assert {status for *_, status in told} == {"sent"}
    assert len(told) == len({(sender, recipient) for _, sender, recipient, _ in told})
    flow(live, "score-metrics", at(13, 10))
    assert messages(live, alert_id) == told
    return int(alert_id)


def escalated_twice_until_taken(live: Live, alert_id: int) -> None:
    """Nobody answers: two levels, each once; then somebody presses Acknowledge and there is no third."""
    flow(live, "escalate-alerts", at(13, 20))
    assert messages(live, alert_id, "escalate-%") == []
    flow(live, "escalate-alerts", at(13, 35))
    first = messages(live, alert_id, "escalate-%")
    assert {sender for _, sender, _, _ in first} == {"slack", "email", "sms"}
    flow(live, "escalate-alerts", at(14, 50))
    both = messages(live, alert_id, "escalate-%")
    assert [one[1] for one in both[len(first) :]] == ["sms"]
    assert {status for *_, status in both} == {"sent"}
    flow(live, "escalate-alerts", at(14, 51))
    assert click(live, alert_id).status_code == 200
    flow(live, "escalate-alerts", at(18))
    assert messages(live, alert_id, "escalate-%") == both


def ended_by_itself(live: Live, alert_id: int) -> None:
    """The property is back: the alert ends, and who heard of it hears of that once."""
    property_id, rooms = live.rows(
        "SELECT l.channel_property_id, array_agg(l.external_id) FROM listings l JOIN units u ON u.id = l.unit_id"
        " JOIN alerts a ON a.property_id = u.property_id WHERE l.channel = 'booking_com'"
        f" AND a.id = {alert_id} GROUP BY 1"
    )[0]
    health(live, "bookable", 18, property_id, list(rooms))
    flow(live, "score-metrics", at(18, 15))
    flow(live, "score-metrics", at(18, 30))
    assert live.rows(f"SELECT resolved_at IS NOT NULL FROM alerts WHERE id = {alert_id}") == [(True,)]
    ended = messages(live, alert_id, "resolved")
    assert {sender for _, sender, _, _ in ended} == {"slack", "email", "sms"}
    assert len(ended) == len(set(ended))


def judged_and_quieter(live: Live) -> None:
    """What people knew of beforehand is said so, proposed, approved by a button, and not found by the next sweep."""
    judged = live.rows("SELECT id FROM alerts WHERE resolved_at IS NULL AND kind = 'ctr_drop' ORDER BY id")
    assert judged, "the scenario's falls are found before this day"
    before = flow(live, "score-metrics", at(18, 45))["scoring_found"]
    for (alert_id,) in judged:
        wish = {"kind": "verdict", "verdict": "expected_event", "actor": "ada", "as_of": at(19)}
        assert post(live, f"/v1/alerts/{alert_id}/actions", wish)["status"] == "recorded"
    learnt = flow(live, "learn-from-verdicts", at(19, 15))
    assert learnt["proposed"]
    waiting = live.rows("SELECT id FROM proposals WHERE kind = 'event' ORDER BY id")
    assert len(waiting) == len(judged)
    for (proposal_id,) in waiting:
        assert click(live, proposal_id, f"proposal:approve:{proposal_id}").status_code == 200
    with WorkerClient(live.saved.worker_url, live.saved.operator_api_key) as worker:
        told = worker.get("/v1/proposals?status=approved")["proposals"]
    assert {one["proposal_id"] for one in told} == {one for (one,) in waiting}
    assert all(one["actor"] == "ada (Slack)" for one in told)
    after = flow(live, "score-metrics", at(20))["scoring_found"]
    assert after <= before - len(judged)
    still = live.rows("SELECT count(*) FROM alerts WHERE resolved_at IS NULL AND kind = 'ctr_drop'")
    assert still == [(0,)]
