"""The flows that answer people and clocks, in a real n8n: raw bytes, signatures, escalation, digest, baselines."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pytest_httpserver import HTTPServer

from python_nodes.local import flows
from python_nodes.local.state import CHECKOUT
from tests.e2e import copies
from tests.e2e.callers import click, open_alert
from tests.e2e.conftest import Live

FLOWS = flows.load_folder(CHECKOUT / "workflows")
RAW_FLOWS = [name for name in FLOWS if name.startswith("receive-")]
EVERY_BYTE = bytes(range(256)) + b"\r\n%26+&payload=%7B%22a%22%3A+1%7D&\xff\xfe"


@pytest.fixture
def echo() -> Iterator[HTTPServer]:
    """Stand in the worker's place and keep what came."""
    with HTTPServer() as server:
        server.expect_request("/v1/flow-errors").respond_with_json({"id": 1}, status=202)
        server.expect_request(re.compile("/v1/.*")).respond_with_json({"notify": []})
        yield server


@pytest.mark.only_on("postgres")
@pytest.mark.parametrize("name", RAW_FLOWS)
def test_a_signed_body_reaches_the_worker_byte_for_byte(live: Live, echo: HTTPServer, name: str) -> None:
    form = EVERY_BYTE[32:127] + b"=%20+&" + EVERY_BYTE[256:]
    bodies = {
        "application/x-www-form-urlencoded": form, "application/json": b'{"a" :\t1.0,\r\n "a": "\xc3\xa4"}\n',
        "text/plain": EVERY_BYTE,
    }  # fmt: skip
    for path in copies.publish(live, FLOWS[name], echo.url_for("").rstrip("/")).hooks:
        for content_type, body in bodies.items():
            echo.clear_log()
            answer = copies.post(live, f"{path}?connection_id=7", body, {"Content-Type": content_type})
            assert answer.status_code == 200, answer.text
            ((request, _),) = echo.log
            assert request.get_data() == body
            assert request.headers["X-Original-Content-Type"] == content_type
            assert request.headers["Content-Type"] == "application/octet-stream"


def test_a_click_in_slack_is_recorded_through_n8n_and_a_forged_one_is_not(live: Live) -> None:
    alert_id, since = open_alert(live), datetime.now(UTC)
    done = f"SELECT kind, actor FROM actions WHERE alert_id = {alert_id}"
    assert click(live, alert_id, secret="forged").status_code == 401
    assert live.rows(done) == []
    began = time.monotonic()
    assert click(live, alert_id).status_code == 200
    assert time.monotonic() - began < 3.0
    assert live.rows(done) == [("acknowledge", "ada (Slack)")]
    ran = [item["status"] for item in live.executions(since) if item["workflowId"] == "receive-slack-action"]
    # A refusal is an answer, not a failure.
    assert ran == ["success", "success"]


def test_what_nobody_took_is_escalated_once(live: Live) -> None:
    first = live.call("escalate-alerts")
    assert first.status_code == 200, first.text
    # Whether a message was suppressed is said as it is planned; whether it has arrived changes while one looks.
    planned = (
        "SELECT alert_id, step, sender, recipient, status = 'suppressed' FROM deliveries"
        " WHERE step LIKE 'escalate-%' ORDER BY id"
    )
    told = live.rows(planned)
    assert first.json()["due"] == sum(1 for *_, is_suppressed in told if not is_suppressed)
    assert live.call("escalate-alerts").status_code == 200
    assert live.rows(planned) == told


def test_the_digest_goes_to_each_recipient_once(live: Live) -> None:
    first = live.call("send-daily-digest")
    assert first.status_code == 200, first.text
    assert first.json()["sent"] >= 2, "Slack and e-mail"
    sent = "SELECT payload ->> 'sender', dispatched_at FROM outbox WHERE type = 'digest.send' ORDER BY id"
    told = live.rows(sent)
    assert {sender for sender, _ in told} == {"slack", "email"}
    assert all(at is not None for _, at in told)
    assert live.call("send-daily-digest").status_code == 200
    assert live.rows(sent) == told


def test_the_baselines_are_refreshed_as_a_new_version(live: Live) -> None:
    answer = live.call("refresh-baselines")
    assert answer.status_code == 200, answer.text
    assert answer.json()["listings"] > 0
    # n8n does not wait for the bands, which a job writes.
    state = f"SELECT state, (result ->> 'rows')::int > 0 FROM jobs WHERE job_id = '{answer.json()['bands_job_id']}'"
    given_up_at = time.monotonic() + 60
    while (told := live.rows(state))[0][0] in ("queued", "running") and time.monotonic() < given_up_at:
        time.sleep(0.5)
    assert [tuple(row) for row in told] == [("done", True)]


@pytest.mark.only_on("postgres")
def test_a_worker_that_cannot_be_reached_is_a_failure_that_the_caller_sees(live: Live) -> None:
    (path,) = copies.publish(live, FLOWS["receive-slack-action"], "http://127.0.0.1:1").hooks
    since = datetime.now(UTC)
    answer = copies.post(live, path, b"payload=1", {"Content-Type": "text/plain"})
    assert answer.status_code == 500
    time.sleep(1.0)
    assert "error" in {item["status"] for item in live.executions(since)}
