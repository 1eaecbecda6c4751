"""Two sentences on an alert: nothing personal leaves, and a template stands in for whatever fails."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from python_nodes import insights
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.insights import OpenAISettings

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
CANARY = "canary"
ALERT = Alert(
    alert_id=987_654, fingerprint="canary-mark", scope="listing", listing_id=876_543, property_id=1, market="lisbon",
    metric="availability", kind="not_bookable", cause="calendar_closed", title="Canary's flat", category="high",
    score=70, currency="EUR", impact_minor=1, loss_per_day_minor=42_000, lost_so_far_minor=1,
    onset_date=date(2026, 3, 1), raised_at=NOON, updated_at=NOON, resolved_at=None, version=1, parts={},
    evidence={
        "nights": 12, "share_lost": 0.5, "first_night_date": "2026-03-05", "is_open": False,
        "guest_name": "Canary Guest", "guest_count": 4, "contact_email": "canary@example.test", "phone": 351_000,
        "remark": "call Canary", "listing_titles": ["Canary's flat"], "canary@key": 1, "owner_id": 77,
    },
)  # fmt: skip
LISTING = ListingInfo(
    listing_id=876_543, unit_id=1, property_id=1, external_id="canary-room", unit_external_id="canary-unit",
    property_external_id="canary-hotel", channel_property_id="canary-hotel", title="Canary's flat",
    channel="booking_com", market="lisbon", country="PT", subdivision=None, timezone="Europe/Lisbon", currency="EUR",
    priority=0, unit_count=1, base_price_minor=1, floor_price_minor=1,
)  # fmt: skip
GOOD = {"what": "The calendar is closed", "next_step": "Open it."}


def answer(text: str, status: int = 200) -> Response:
    body = {
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m", "tools": [],
        "tool_choice": "auto", "parallel_tool_calls": True, "output": [
            {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
             "content": [{"type": "output_text", "text": text, "annotations": []}]}],
        "usage": {"input_tokens": 300, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 40,
                  "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 340},
    }  # fmt: skip
    return Response(json.dumps(body), status, content_type="application/json")


def asked(server: HTTPServer, response: Response, timeout_s: float = 10.0) -> tuple[insights.Insight, dict[str, Any]]:
    heard: list[dict[str, Any]] = []

    def take(request: Request) -> Response:
        heard.append(json.loads(request.get_data()))
        return response

    server.expect_request("/v1/responses", method="POST").respond_with_handler(take)
    settings = OpenAISettings(
        api_key="sk-x", base_url=server.url_for("/v1"), model="m", timeout_s=timeout_s, monthly_tokens=1
    )
    return insights.ask(insights.facts(ALERT, LISTING), settings), heard[0]


def test_nothing_personal_is_sent(httpserver: HTTPServer) -> None:
    insight, request = asked(httpserver, answer(json.dumps(GOOD)))
    assert insight.text == "The calendar is closed. Open it."
    assert insight.tokens == 340
    sent = json.dumps(request).lower()
    for personal in (CANARY, "987654", "876543", "351000", "guest", "owner"):
        assert personal not in sent
    assert json.loads(request["input"])["evidence"] == {
        "nights": 12, "share_lost": 0.5, "first_night_date": "2026-03-05", "is_open": False,
    }  # fmt: skip
    assert request["store"] is False
    assert request["text"]["format"]["type"] == "json_schema"
    assert request["text"]["format"]["strict"] is True


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (Response("{}", 500), "failed"), (Response('{"error": {"message": "no"}}', 401), "failed"),
        (Response("<html>", 200, content_type="text/html"), "cannot be read"), (answer("not json"), "cannot be read"),
        (answer('{"what": "only one"}'), "cannot be read"),
        (answer(json.dumps(GOOD | {"next_step": "See https://evil.test"})), "unfit"),
        (answer(json.dumps(GOOD | {"what": "x" * 400})), "unfit"),
        (answer(json.dumps(GOOD | {"what": " "})), "unfit"),
    ],
)  # fmt: skip
def test_what_fails_gives_no_text_and_says_why(httpserver: HTTPServer, response: Response, reason: str) -> None:
    insight, _ = asked(httpserver, response)
    assert insight.text == ""
    assert reason in insight.reason


def test_nobody_listening_is_no_error() -> None:
    settings = OpenAISettings(api_key="x", base_url="http://127.0.0.1:9/v1", model="m", timeout_s=1, monthly_tokens=1)
    insight = insights.ask(insights.facts(ALERT, LISTING), settings)
    assert (insight.text, insight.tokens) == ("", 0)


def test_the_template_needs_nobody() -> None:
    text = insights.template(insights.facts(ALERT, LISTING), "Open the nights. Then see who closed them.")
    assert text.startswith("Guests cannot book: the calendar is closed on Booking.com")
    assert text.endswith("about EUR 420 a day. Open the nights.")
    odd = replace(ALERT, cause="", kind="odd_thing", loss_per_day_minor=0)
    assert insights.template(insights.facts(odd, None), "Look") == "Odd thing was found on several channels. Look."


def test_the_template_knows_every_cause_that_there_is_advice_on() -> None:
    told = tomllib.loads((Path(insights.__file__).parent / "data" / "actions.toml").read_text())
    for cause in set(told["causes"]) - {"unknown"}:
        text = insights.template(insights.facts(replace(ALERT, cause=cause), LISTING), "Look")
        assert "Not bookable was found" not in text, cause


def test_a_word_that_is_not_ours_is_left_out() -> None:
    assert insights.facts(replace(ALERT, market="Anna's Bay"), LISTING).market == ""


def test_the_key_shows_in_no_repr() -> None:
    settings = OpenAISettings(api_key="sk-secret", base_url="u", model="m", timeout_s=1, monthly_tokens=1)
    assert "sk-secret" not in repr(settings)
