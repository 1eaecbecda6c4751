"""The counterparts that answer back, by their makers' own libraries: buttons, texts, structured sentences."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from flask import Flask, Response, request
from openai import AuthenticationError, BadRequestError, OpenAI
from pydantic import BaseModel
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from werkzeug.serving import make_server

from python_nodes.notify.senders.sms import Http
from sandbox import receivers, receivers_clicks, receivers_openai, receivers_slack, receivers_twilio
from sandbox.inbox import Inbox

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAGE = {"Authorization": "Bearer page"}
PHONE = "+351910000001"


@dataclass
class Customer:
    """What the counterparts call: keeps each call, and answers as it is told."""

    url: str = ""
    calls: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    answer: str = ""
    is_slow: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Receivers:
    """The receivers' address and what they got."""

    url: str
    inbox: Inbox
    customer: Customer
    http: httpx2.Client


@pytest.fixture
def served() -> Iterator[Receivers]:
    """Serve the customer and the receivers."""
    customer, inbox, released = Customer(), Inbox(), threading.Event()
    ours, theirs = Flask("customer"), Flask("receivers")
    theirs.secret_key = "pages"

    @ours.post("/<what>")
    def take(what: str) -> Response:
        customer.calls.append((what, request.get_data(), dict(request.headers)))
        if customer.is_slow.is_set():
            released.wait(receivers_clicks.ANSWER_WITHIN_S + 2)
        return Response(customer.answer, content_type="text/xml")

    def now() -> datetime:
        return NOON

    servers = [make_server("127.0.0.1", 0, ours, threaded=True)]
    customer.url = f"http://127.0.0.1:{servers[0].server_port}"
    hooks = receivers.Hooks(slack_actions_url=f"{customer.url}/slack", sms_replies_url=f"{customer.url}/replies")
    for one in (
        receivers_slack.blueprint(inbox, now), receivers_twilio.blueprint(inbox, now), receivers_openai.blueprint(now),
        receivers.blueprint(inbox, now, "page", hooks),
    ):  # fmt: skip
        theirs.register_blueprint(one)
    servers.append(make_server("127.0.0.1", 0, theirs, threaded=True))
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{servers[1].server_port}"
    with httpx2.Client(base_url=url, timeout=30, trust_env=False) as http:
        yield Receivers(url, inbox, customer, http)
    released.set()
    for server in servers:
        server.shutdown()


def posted(served: Receivers) -> dict[str, str]:
    button = {"type": "button", "text": {"type": "plain_text", "text": "Do it"}, "action_id": "do", "value": "12"}
    client = WebClient(token=receivers_slack.TOKEN, base_url=f"{served.url}/slack/api/")
    sent = client.chat_postMessage(channel="#a", text="x", blocks=[{"type": "actions", "elements": [button]}])
    return {"channel": sent["channel"], "ts": sent["ts"], "action_id": "do"}


def test_a_press_is_signed_and_carries_what_was_pressed(served: Receivers) -> None:
    form = posted(served)
    assert '<button class="button " name="action_id" value="do">' in served.http.get("/messages", headers=PAGE).text
    assert served.http.post("/messages/click", data=form, headers=PAGE).json()["status"] == 200
    ((_, body, headers),) = served.customer.calls
    assert SignatureVerifier(receivers_clicks.SIGNING_SECRET).is_valid_request(body, headers)
    told = json.loads(httpx2.QueryParams(body.decode())["payload"])
    assert (told["type"], told["actions"][0]["value"], told["container"]["message_ts"]) == (
        "block_actions", "12", form["ts"],
    )  # fmt: skip


def test_pressing_needs_the_page_a_message_and_a_button(served: Receivers) -> None:
    form = posted(served)
    assert served.http.post("/messages/click", data=form).status_code == 401
    assert served.http.post("/messages/click", data=form | {"ts": "1.0"}, headers=PAGE).status_code == 404
    word = served.http.post("/messages/click", data=form | {"action_id": "other"}, headers=PAGE).json()["word"]
    assert "no such button" in word
    assert served.customer.calls == []


def test_who_does_not_answer_in_three_seconds_is_told_so(served: Receivers) -> None:
    served.customer.is_slow.set()
    told = served.http.post("/messages/click", data=posted(served), headers=PAGE).json()
    assert (told["status"], told["word"]) == (0, "No answer: ReadTimeout")


def test_only_the_one_who_is_meant_sees_a_whisper(served: Receivers) -> None:
    client = WebClient(token=receivers_slack.TOKEN, base_url=f"{served.url}/slack/api/")
    form = posted(served)
    client.chat_postEphemeral(channel=form["channel"], user="U1", text="psst")
    client.chat_postMessage(channel=form["channel"], thread_ts=form["ts"], text="in the thread")
    history = client.conversations_history(channel=form["channel"])["messages"]
    thread = client.conversations_replies(channel=form["channel"], ts=form["ts"])["messages"]
    assert [one["text"] for one in history] == ["x"]
    assert [one["text"] for one in thread] == ["x", "in the thread"]
    assert "Only visible to U1" in served.http.get("/messages", headers=PAGE).text


def twilio(served: Receivers, token: str = receivers_twilio.AUTH_TOKEN) -> Client:
    return Client(receivers_twilio.ACCOUNT_SID, token, http_client=Http(f"{served.url}/twilio", 10))


def test_twilio_refuses_in_twilio_s_codes(served: Receivers) -> None:
    good = {"from_": receivers_twilio.FROM_NUMBER, "body": "x", "to": PHONE}
    refused = [
        ({"to": "+15005550001"}, 21211), ({"to": "+15005550009"}, 21614), ({"from_": "+15005550007"}, 21606),
        ({"body": "x" * 1601}, 21617),
    ]  # fmt: skip
    for change, code in refused:
        with pytest.raises(TwilioRestException) as failure:
            twilio(served).messages.create(**(good | change))
        assert failure.value.code == code
    with pytest.raises(TwilioRestException) as unknown:
        twilio(served, "wrong").messages.create(**good)
    assert (unknown.value.status, unknown.value.code) == (401, 20003)
    assert served.inbox.texts() == []


def test_twilio_tells_each_step_signed_and_lists_what_it_took(served: Receivers) -> None:
    url = f"{served.customer.url}/status"
    sent = twilio(served).messages.create(
        to=PHONE, from_=receivers_twilio.FROM_NUMBER, body="[np-1]", status_callback=url
    )  # fmt: skip
    assert sent.status == "queued"
    for _ in range(100):
        if len(served.customer.calls) == 2:
            break
        threading.Event().wait(0.05)
    told = [dict(httpx2.QueryParams(body.decode())) for _, body, _ in served.customer.calls]
    assert [one["MessageStatus"] for one in told] == ["sent", "delivered"]
    for (_, _, headers), form in zip(served.customer.calls, told, strict=True):
        assert RequestValidator(receivers_twilio.AUTH_TOKEN).validate(url, form, headers["X-Twilio-Signature"])
    (listed,) = twilio(served).messages.list(to=PHONE, limit=5)
    assert (listed.sid, listed.status) == (sent.sid, "delivered")
    assert twilio(served).messages.list(to="+351910000002", limit=5) == []


def test_an_answer_to_a_text_is_carried_and_what_comes_back_is_shown(served: Receivers) -> None:
    sent = twilio(served).messages.create(to=PHONE, from_=receivers_twilio.FROM_NUMBER, body="Reply ACK 1")
    served.customer.answer = "<Response><Message>Done &lt;1&gt;</Message></Response>"
    reply = served.http.post("/messages/reply", data={"sid": sent.sid, "body": "ACK 1"}, headers=PAGE)
    assert reply.json()["word"] == "Answered 200"
    ((_, body, headers),) = served.customer.calls
    form = dict(httpx2.QueryParams(body.decode()))
    assert (form["From"], form["Body"]) == (PHONE, "ACK 1")
    url = f"{served.customer.url}/replies"
    assert RequestValidator(receivers_twilio.AUTH_TOKEN).validate(url, form, headers["X-Twilio-Signature"])
    assert served.inbox.texts()[0].body == "Done <1>"
    assert "Done &lt;1&gt;" in served.http.get("/messages", headers=PAGE).text


class Sentences(BaseModel):
    first: str
    second: str


def test_openai_fills_a_strict_structure_and_refuses_what_is_none(served: Receivers) -> None:
    client = OpenAI(api_key=receivers_openai.API_KEY, base_url=f"{served.url}/openai/v1", max_retries=0)
    facts = json.dumps({"cause": "calendar_closed", "channel": "airbnb", "since": "2026-03-01", "loss_per_day": 42})
    answer = client.responses.parse(model="m", input=facts, text_format=Sentences)
    assert answer.output_parsed is not None
    assert "calendar closed on airbnb" in answer.output_parsed.first
    assert "simulated" in answer.output_parsed.second
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    with pytest.raises(BadRequestError):
        client.responses.create(model="m", input="plain")
    loose: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}, "required": []}
    with pytest.raises(BadRequestError, match="strict"):
        client.responses.create(
            model="m", input="x", text={"format": {"type": "json_schema", "name": "n", "schema": loose, "strict": True}}
        )
    with pytest.raises(AuthenticationError):
        client.with_options(api_key="sk-other").responses.create(model="m", input="x")
