"""Every sender against a real server: failures by recovery, and never the same message twice."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import parse_qs

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from python_nodes.errors import PermanentError, RetryableError
from python_nodes.notify import base
from python_nodes.notify.base import Field, Message, Sender

PNG = b"\x89PNG\r\n\x1a\nrest"
MESSAGE = Message(
    delivery_id="alert-1:raised-high", alert_id=1, recipient="", state="raised", category="high",
    title="Calendar closed", summary="About €42 a day.", fields=(Field(label="Cause", value="Closed"),),
    evidence=("Nights: 12",),
    chart_png=PNG, chart_alt="Chart",
)  # fmt: skip


class Counterpart(Protocol):
    """A receiver that can be told to fail, and shows what people would have got."""

    recipient: str

    def sender(self) -> Sender: ...
    def fail(self, how: str) -> None: ...
    def shown(self) -> list[str]: ...


class SlackCounterpart:
    """Slack's Web API as documented, as far as the sender uses it: form bodies, ``ok``, files in three steps."""

    recipient = "C024BE91L"

    def __init__(self, server: HTTPServer) -> None:
        self._server = server
        self._failures: dict[str, list[str]] = {}
        self.settings = {
            "token": "xoxb-test", "base_url": server.url_for("/api/"), "rate_limit_retries": 0, "chart_wait_s": 0.01,
        }  # fmt: skip
        self._uploaded: dict[str, bytes] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        for method in ("chat.postMessage", "chat.update", "conversations.history", "files.getUploadURLExternal",
                       "conversations.replies", "files.completeUploadExternal"):  # fmt: skip
            server.expect_request(f"/api/{method}").respond_with_handler(self._answer)
        server.expect_request("/upload/F1", method="POST").respond_with_handler(self._receive)

    def sender(self) -> Sender:
        return base.build("slack", self.settings)

    def fail(self, how: str) -> None:
        method = {"chart refused": "files.completeUploadExternal"}.get(how, "chat.postMessage")
        codes = {
            "permanent": ["invalid_auth"],
            "chart not ready": ["invalid_blocks"],
            "chart refused": ["storage"],
        }
        self._failures[method] = codes.get(how, [how])

    def shown(self) -> list[str]:
        return [item["text"] for item in self.messages.values()]

    def _receive(self, request: Request) -> Response:
        self._uploaded["F1"] = request.get_data()
        return Response("OK")

    def _answer(self, request: Request) -> Response:
        method = request.path.rsplit("/", 1)[1]
        pending = self._failures.get(method)
        failure = pending.pop(0) if pending else None
        if failure in ("passing", "too fast"):
            wait_s = {"passing": "7", "too fast": "0"}[failure]
            return Response(json.dumps({"ok": False, "error": "ratelimited"}), 429, {"Retry-After": wait_s})
        if failure == "server error":
            return Response("oops", 503)
        if failure is not None and failure != "lost answer":
            return self._json({"ok": False, "error": failure})
        answer = self._json({"ok": True} | self._do(method, _arguments(request)))
        return Response("gateway time-out", 504) if failure == "lost answer" else answer

    def _do(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if method == "files.getUploadURLExternal":
            return {"upload_url": self._server.url_for("/upload/F1"), "file_id": "F1"}
        if method == "files.completeUploadExternal":
            return {"files": [{"id": "F1"}]}
        if method in ("conversations.history", "conversations.replies"):
            return {
                "messages": list(self.messages.values()),
                "response_metadata": {"next_cursor": ""},
            }
        ts = arguments.get("ts") or f"1700000000.{len(self.messages):06d}"
        self.messages[ts] = arguments | {"ts": ts}
        return {"channel": arguments["channel"], "ts": ts}

    @staticmethod
    def _json(body: dict[str, Any]) -> Response:
        return Response(json.dumps(body), content_type="application/json")


def _arguments(request: Request) -> dict[str, Any]:
    body = request.get_data()
    if request.is_json:
        return dict(json.loads(body))
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()} | request.args.to_dict()
    return {name: json.loads(value) if name in ("metadata", "blocks") else value for name, value in form.items()}


class HangingUp(SMTP):
    """An SMTP server that drops the line instead of answering QUIT, which must not count as a failed mail."""

    async def smtp_QUIT(self, arg: str | None) -> None:
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.abort()


class MailController(Controller):
    """Starts the server that hangs up on QUIT."""

    def factory(self) -> SMTP:
        return HangingUp(self.handler)


class SmtpCounterpart:
    """A real SMTP server."""

    recipient = "ops@example.test"

    def __init__(self) -> None:
        self._failures: list[str] = []
        self.mails: list[bytes] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.controller = MailController(self, hostname="127.0.0.1", port=self.port)

    def sender(self) -> Sender:
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "from_address": "porter@example.test",
            "tls": "none",
        }
        return base.build("email", settings)

    def fail(self, how: str) -> None:
        self._failures = [how]

    def shown(self) -> list[str]:
        return [mail.decode() for mail in self.mails]

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if self._failures == ["permanent"]:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        failure = self._failures.pop() if self._failures else None
        if failure in ("passing", "server error"):
            return "451 try again later"
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 OK"


class TwilioCounterpart:
    """Twilio's Messages resource as documented, as far as the sender uses it: it takes no idempotency key."""

    recipient = "+351910000001"
    account = "AC" + "0" * 32

    def __init__(self, server: HTTPServer) -> None:
        self._server = server
        self._failures: list[str] = []
        self.texts: list[dict[str, Any]] = []
        self.lists = 0
        server.expect_request(f"/2010-04-01/Accounts/{self.account}/Messages.json").respond_with_handler(self._answer)

    def sender(self) -> Sender:
        settings = {"account_sid": self.account, "auth_token": "t", "from_number": "+15005550006"}
        return base.build("sms", settings | {"base_url": self._server.url_for(""), "status_url": "https://us.test/s"})

    def fail(self, how: str) -> None:
        self._failures = [how]

    def shown(self) -> list[str]:
        return [text["body"] for text in self.texts]

    def _answer(self, request: Request) -> Response:
        assert request.authorization is not None
        assert (request.authorization.username, request.authorization.password) == (self.account, "t")
        if request.method == "GET":
            self.lists += 1
            found = [text for text in reversed(self.texts) if text["to"] == request.args["To"]]
            return self._json({"messages": found, "next_page_uri": None})
        failure = self._failures.pop() if self._failures else None
        if failure in ("permanent", "passing", "server error"):
            status, code = {"permanent": (400, 21211), "passing": (429, 20429), "server error": (503, 20500)}[failure]
            told = {"code": code, "message": f"To {self.recipient} failed", "status": status}
            return self._json(told, status)
        form = request.form
        assert form["StatusCallback"] == "https://us.test/s"
        text = {"sid": f"SM{len(self.texts):032x}", "to": form["To"], "from": form["From"], "body": form["Body"],
                "status": "queued"}  # fmt: skip
        self.texts.append(text)
        return Response("gateway time-out", 504) if failure == "lost answer" else self._json(text, 201)

    @staticmethod
    def _json(body: dict[str, Any], status: int = 200) -> Response:
        return Response(json.dumps(body), status, content_type="application/json")


@pytest.fixture(params=sorted(base.discover()))
def counterpart(request: pytest.FixtureRequest) -> Iterator[Counterpart]:
    over_http = {"slack": SlackCounterpart, "sms": TwilioCounterpart}
    if request.param in over_http:
        yield over_http[request.param](request.getfixturevalue("httpserver"))
        return
    assert request.param == "email", f"sender {request.param} has no counterpart here yet"
    mail = SmtpCounterpart()
    mail.controller.start()
    yield mail
    mail.controller.stop()


def addressed(counterpart: Counterpart, **changes: Any) -> Message:
    return replace(MESSAGE, recipient=counterpart.recipient, **changes)


def test_a_message_arrives_once_with_a_reference(counterpart: Counterpart) -> None:
    ref = counterpart.sender().send(addressed(counterpart))
    assert ref
    assert len(counterpart.shown()) == 1
    assert "Calendar closed" in counterpart.shown()[0]


def test_a_permanent_failure_says_so_and_names_no_recipient(
    counterpart: Counterpart,
) -> None:
    counterpart.fail("permanent")
    with pytest.raises(PermanentError) as failure:
        counterpart.sender().send(addressed(counterpart))
    assert counterpart.recipient not in str(failure.value)
    assert counterpart.shown() == []


@pytest.mark.parametrize("how", ["passing", "server error"])
def test_a_passing_failure_is_retryable_and_the_retry_sends_once(counterpart: Counterpart, how: str) -> None:
    counterpart.fail(how)
    sender = counterpart.sender()
    with pytest.raises(RetryableError):
        sender.send(addressed(counterpart))
    assert counterpart.shown() == []
    assert sender.send(addressed(counterpart, is_retry=True))
    assert len(counterpart.shown()) == 1


def test_who_may_not_leave_any_more_shows_nothing(counterpart: Counterpart) -> None:
    def taken_over(within_s: float) -> None:
        assert within_s > base.LATE_S, "as long as its own time-outs, and then some"
        raise RetryableError("taken up by another")

    with pytest.raises(RetryableError, match="taken up by another"):
        counterpart.sender().send(addressed(counterpart), taken_over)
    assert counterpart.shown() == []


def test_it_says_that_it_leaves_before_it_arrives(counterpart: Counterpart) -> None:
    shown: list[int] = []
    counterpart.sender().send(addressed(counterpart), lambda _: shown.append(len(counterpart.shown())))
    assert shown == [0]


@pytest.mark.parametrize("how", ["passing", "server error"])
def test_what_was_refused_by_an_answer_cannot_arrive_any_more(counterpart: Counterpart, how: str) -> None:
    counterpart.fail(how)
    with pytest.raises(RetryableError) as refused:
        counterpart.sender().send(addressed(counterpart))
    assert refused.value.is_answered
    assert not base.may_arrive(refused.value)


@pytest.mark.parametrize("kind", [SlackCounterpart, TwilioCounterpart])
def test_a_gateway_that_waited_in_vain_says_nothing_of_what_arrives(kind: Any, httpserver: HTTPServer) -> None:
    counterpart = kind(httpserver)
    counterpart.fail("lost answer")
    with pytest.raises(RetryableError) as lost:
        counterpart.sender().send(addressed(counterpart))
    assert base.may_arrive(lost.value)


def test_slack_leaves_anew_after_it_was_told_to_wait(httpserver: HTTPServer) -> None:
    counterpart = SlackCounterpart(httpserver)
    patient = base.build("slack", counterpart.settings | {"rate_limit_retries": 1})
    leaves: list[float] = []

    def overtaken_meanwhile(within_s: float) -> None:
        leaves.append(within_s)
        if len(leaves) == 2:
            raise RetryableError("taken up by another")

    counterpart.fail("too fast")
    with pytest.raises(RetryableError, match="taken up"):
        patient.send(addressed(counterpart), overtaken_meanwhile)
    assert (len(leaves), counterpart.shown()) == (2, [])
    counterpart.fail("too fast")
    patient.send(addressed(counterpart), leaves.append)
    assert (len(leaves), len(counterpart.shown())) == (4, 1)


def test_nobody_listening_is_retryable(unused_tcp_port: int) -> None:
    slack = base.build("slack", {"token": "x", "base_url": f"http://127.0.0.1:{unused_tcp_port}/api/"})
    settings = {
        "host": "127.0.0.1",
        "port": unused_tcp_port,
        "from_address": "a@b.test",
        "tls": "none",
    }
    numbers = {"account_sid": "AC0", "auth_token": "x", "from_number": "+15005550006"}
    sms = base.build("sms", numbers | {"base_url": f"http://127.0.0.1:{unused_tcp_port}"})
    for sender in (slack, sms, base.build("email", settings)):
        with pytest.raises(RetryableError):
            sender.send(replace(MESSAGE, recipient="C1"))


@pytest.fixture
def unused_tcp_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_slack_posts_once_even_if_the_answer_was_lost(httpserver: HTTPServer) -> None:
    counterpart = SlackCounterpart(httpserver)
    counterpart.fail("lost answer")
    sender = counterpart.sender()
    with pytest.raises(RetryableError):
        sender.send(addressed(counterpart))
    assert len(counterpart.messages) == 1, "it arrived, although we were not told"
    ref = sender.send(addressed(counterpart, is_retry=True))
    assert len(counterpart.messages) == 1
    assert ref == f"{counterpart.recipient}:{next(iter(counterpart.messages))}"


def test_sms_goes_out_once_even_if_the_answer_was_lost(httpserver: HTTPServer) -> None:
    counterpart = TwilioCounterpart(httpserver)
    counterpart.fail("lost answer")
    sender = counterpart.sender()
    with pytest.raises(RetryableError):
        sender.send(addressed(counterpart))
    assert len(counterpart.texts) == 1, "it went out, although we were not told"
    assert sender.send(addressed(counterpart, is_retry=True)) == counterpart.texts[0]["sid"]
    assert len(counterpart.texts) == 1


def test_sms_that_never_arrived_goes_out_again_and_a_first_one_asks_nobody(httpserver: HTTPServer) -> None:
    counterpart = TwilioCounterpart(httpserver)
    sender = counterpart.sender()
    sender.send(addressed(counterpart))
    assert counterpart.lists == 0
    counterpart.texts[0]["status"] = "undelivered"
    assert sender.send(addressed(counterpart, is_retry=True)) == counterpart.texts[1]["sid"]


def test_slack_repeats_a_note_in_the_thread_only_if_it_is_not_there(httpserver: HTTPServer) -> None:
    counterpart = SlackCounterpart(httpserver)
    sender = counterpart.sender()
    ref = sender.send(addressed(counterpart))
    done = addressed(counterpart, delivery_id="d2", state="updated", update_ref=ref, note="Acknowledged by ada")
    sender.send(done)
    sender.send(replace(done, is_retry=True))
    notes = [item for item in counterpart.messages.values() if item.get("thread_ts")]
    assert [item["text"] for item in notes] == ["Acknowledged by ada"]


def test_slack_shows_in_the_channel_too_what_calls_people_anew(httpserver: HTTPServer) -> None:
    counterpart = SlackCounterpart(httpserver)
    sender = counterpart.sender()
    ref = sender.send(addressed(counterpart))
    for number, is_call in (("d2", True), ("d3", False)):
        sender.send(
            addressed(counterpart, delivery_id=number, state="updated", update_ref=ref, note="x", is_call=is_call)
        )
    replies = [item for item in counterpart.messages.values() if item.get("thread_ts")]
    assert [json.loads(str(item["reply_broadcast"]).lower()) for item in replies] in ([True, False], [1, 0])


def test_slack_retry_after_is_handed_on(httpserver: HTTPServer) -> None:
    counterpart = SlackCounterpart(httpserver)
    counterpart.fail("passing")
    with pytest.raises(RetryableError) as failure:
        counterpart.sender().send(addressed(counterpart))
    assert failure.value.retry_after_s == 7.0


def test_slack_updates_its_message_in_place(httpserver: HTTPServer) -> None:
    counterpart = SlackCounterpart(httpserver)
    sender = counterpart.sender()
    ref = sender.send(addressed(counterpart))
    ended = addressed(
        counterpart,
        delivery_id="d2",
        state="resolved",
        title="Resolved: x",
        update_ref=ref,
    )
    assert sender.send(ended) == ref
    assert counterpart.shown() == ["Resolved: x. About €42 a day."]


@pytest.mark.parametrize(("how", "charts"), [("chart not ready", 1), ("chart refused", 0)])
def test_slack_waits_for_its_chart_and_goes_without_it_if_it_must(
    httpserver: HTTPServer, how: str, charts: int
) -> None:
    counterpart = SlackCounterpart(httpserver)
    counterpart.fail(how)
    counterpart.sender().send(addressed(counterpart))
    (message,) = counterpart.messages.values()
    assert len([block for block in message["blocks"] if block["type"] == "image"]) == charts
