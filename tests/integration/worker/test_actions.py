"""People answer alerts by Slack, e-mail and SMS: a real worker and Celery, and counterparts that sign their calls."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from flask import Flask
from sqlalchemy import text as sql
from werkzeug.serving import make_server

from python_nodes.config import Settings
from python_nodes.domain.findings import Anomaly
from python_nodes.store import alerts, anomalies, apikeys, deliveries, mutes
from python_nodes.store.portfolio import load_listings
from python_nodes.store.session import Database
from sandbox import receivers, receivers_clicks, receivers_openai, receivers_slack, receivers_smtp, receivers_twilio
from sandbox.inbox import Inbox

CHECKOUT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AS_OF = NOON.isoformat()
PHONE, STRANGER = "+351910000001", "+351910000009"
PAGE = {"Authorization": "Bearer page"}
ALERT = (
    "INSERT INTO alerts (fingerprint, scope, metric, kind, cause, title, category, score, currency, impact_minor,"
    " loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, version, parts, evidence) VALUES"
    " (gen_random_uuid()::text, 'market', 'availability', 'not_bookable', 'calendar_closed', 'Calendar closed',"
    " 'critical', 90, 'EUR', 100000, 42000, 84000, '2026-03-01', '2026-03-02T12:00Z', '2026-03-02T12:00Z', 1, '{}',"
    ' \'{"nights": 12, "guest_name": "Canary Guest"}\') RETURNING id'
)


@dataclass(frozen=True)
class Told:
    sender: str
    recipient: str
    step: str = "raised-critical"
    reason: str = "category critical"


@dataclass
class Stack:
    """The worker's processes, and the receivers in this one."""

    client: httpx2.Client
    bare: httpx2.Client
    pages: httpx2.Client
    inbox: Inbox
    database: Database
    tenant_id: int
    log: Path
    down: threading.Event

    def alert(self, *told: Told) -> int:
        """Store an alert and send it to everyone named."""
        with self.database.tenant(self.tenant_id) as conn:
            alert_id = int(conn.exec_driver_sql(ALERT).scalar_one())
            planned = deliveries.plan(conn, alert_id, told, [], NOON)
        for one in planned:
            answer = self.client.post(f"/v1/deliveries/{one.delivery_id}/send", json={"as_of": AS_OF})
            assert answer.is_success, answer.text
        return alert_id

    def message(self, alert_id: int) -> Any:
        """Return the alert's message in Slack."""
        mark = f"· alert {alert_id} ·"
        return next(
            m
            for m in self.inbox.slack()
            if not m.thread_ts and not m.only_for and mark in json.dumps(m.blocks, ensure_ascii=False)
        )

    def mail(self, alert_id: int) -> Any:
        """Return the alert's e-mail that carries links; what others are told meanwhile comes to the same inbox."""
        mark = re.compile(rf"\balert {alert_id}\b")
        return next(one for one in self.inbox.emails() if one.html and "/act?" in one.html and mark.search(one.html))

    def click(self, alert_id: int, choice: str) -> dict[str, Any]:
        """Press a button on the message page."""
        message = self.message(alert_id)
        form = {"channel": message.channel, "ts": message.ts, "action_id": choice}
        return dict(self.pages.post("/messages/click", data=form, headers=PAGE).json())

    def done(self, alert_id: int) -> list[tuple[str, str]]:
        """Return what was done about an alert, and by whom."""
        found = self.client.get(f"/v1/alerts/{alert_id}/actions").json()["actions"]
        return [(one["kind"], one["actor"]) for one in found]

    def resolved(self, alert_id: int) -> bool:
        return self.client.get(f"/v1/alerts/{alert_id}").json()["resolved_at"] is not None


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(what: str, is_so: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except (httpx2.HTTPError, StopIteration):
            pass
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {within_s} s")


@pytest.fixture(scope="module")
def stack(worker_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start receivers, gunicorn and Celery; stop them by their own handles."""
    inbox, port = Inbox(), free_port()
    worker_url = f"http://127.0.0.1:{port}"
    hooks = receivers.Hooks(
        slack_actions_url=f"{worker_url}/v1/slack/actions", sms_replies_url=f"{worker_url}/v1/sms/replies"
    )
    app = Flask("receivers")
    app.secret_key = "pages"

    def now() -> datetime:
        return NOON

    for one in (
        receivers_slack.blueprint(inbox, now), receivers_twilio.blueprint(inbox, now), receivers_openai.blueprint(now),
        receivers.blueprint(inbox, now, "page", hooks),
    ):  # fmt: skip
        app.register_blueprint(one)
    down = threading.Event()

    @app.before_request
    def unreachable() -> tuple[str, int] | None:
        return ("down for maintenance", 503) if down.is_set() else None

    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mail = receivers_smtp.start_smtp(inbox, now, "127.0.0.1", 0)
    log = tmp_path_factory.mktemp("log") / "processes.log"
    env = environment(worker_settings, worker_url, f"http://127.0.0.1:{server.server_port}", mail.port)
    bin_dir = Path(sys.executable).parent
    commands = [
        [
            bin_dir / "gunicorn",
            "-c",
            "compose/gunicorn.conf.py",
            "-b",
            f"127.0.0.1:{port}",
            "python_nodes.app:create_app()",
        ],
        [bin_dir / "celery", "-A", "python_nodes.jobs", "worker", "--concurrency", "1"],
    ]
    database = Database(worker_settings.database_url.get_secret_value())
    with database.tenant(worker_settings.tenant_id) as conn:
        key = apikeys.create(conn, "all", ["admin"], created_at=datetime.now(UTC))
    children: list[subprocess.Popen[bytes]] = []
    try:
        with log.open("w") as out:
            children = [subprocess.Popen(one, cwd=CHECKOUT, env=env, stdout=out, stderr=out) for one in commands]
        with (
            httpx2.Client(base_url=worker_url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
            httpx2.Client(base_url=worker_url, timeout=60) as bare,
            httpx2.Client(base_url=f"http://127.0.0.1:{server.server_port}", timeout=60) as pages,
        ):
            eventually("the worker", lambda: client.get("/readyz").status_code == 200, within_s=180)
            yield Stack(client, bare, pages, inbox, database, worker_settings.tenant_id, log, down)
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(timeout=30)
        mail.stop()
        server.shutdown()
        database.dispose()


def environment(settings: Settings, worker_url: str, receivers_url: str, smtp_port: int) -> dict[str, str]:
    own = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "RAW_ROOT": str(settings.raw_root),
        "TENANT_ID": str(settings.tenant_id),
        "BASE_URL": worker_url,
        "SLACK_TOKEN": receivers_slack.TOKEN,
        "SLACK_BASE_URL": f"{receivers_url}/slack/api/",
        "SLACK_SIGNING_SECRET": receivers_clicks.SIGNING_SECRET,
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "EMAIL_TO": "ops@example.com",
        "TWILIO_ACCOUNT_SID": receivers_twilio.ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": receivers_twilio.AUTH_TOKEN,
        "TWILIO_BASE_URL": f"{receivers_url}/twilio",
        "SMS_FROM": receivers_twilio.FROM_NUMBER,
        "SMS_TO": PHONE,
        "OPENAI_API_KEY": receivers_openai.API_KEY,
        "OPENAI_BASE_URL": f"{receivers_url}/openai/v1",
        "OPENAI_MONTHLY_TOKENS": "4000",
    }
    return {**os.environ, **{f"NIGHTPORTER_{name}": value for name, value in own.items()}}


SLACK = Told("slack", "#alerts")
MAIL = Told("email", "ops@example.com")
SMS = Told("sms", PHONE)


def test_acknowledge_is_recorded_at_once_and_shown_on_the_same_message(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    before = stack.message(alert_id)
    assert [element["action_id"] for _, element in receivers_clicks.buttons(before)] == [
        "acknowledge", "resolve", "false_alarm", "more",
    ]  # fmt: skip
    pressed = stack.click(alert_id, "acknowledge")
    assert pressed["status"] == 200
    assert pressed["elapsed_s"] < receivers_clicks.ANSWER_WITHIN_S
    assert stack.done(alert_id) == [("acknowledge", "ada (Slack)")]
    eventually("the update", lambda: "Acknowledged by ada" in json.dumps(stack.message(alert_id).blocks))
    after = stack.message(alert_id)
    assert after.ts == before.ts
    assert "acknowledge" not in [element["action_id"] for _, element in receivers_clicks.buttons(after)]
    eventually("the note", lambda: any(m.thread_ts == after.ts for m in stack.inbox.slack()))
    (note,) = [m for m in stack.inbox.slack() if m.thread_ts == after.ts]
    assert note.text == "Acknowledged by ada (Slack), 2 Mar 2026, 12:00 UTC"
    assert not stack.resolved(alert_id)


def test_resolved_closes_the_alert_and_a_late_click_gets_a_word_of_its_own(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    old = stack.message(alert_id)
    assert stack.click(alert_id, "resolve")["status"] == 200
    assert stack.resolved(alert_id)
    eventually("the update", lambda: "Marked as resolved by ada" in json.dumps(stack.message(alert_id).blocks))
    assert receivers_clicks.buttons(stack.message(alert_id)) == []
    # Somebody whose screen still shows the buttons presses one.
    late = press(stack, old, "acknowledge")
    assert (late.status_code, late.json()["status"]) == (200, "refused")
    eventually("the word", lambda: any(m.only_for for m in stack.inbox.slack()))
    word = next(m for m in stack.inbox.slack() if m.only_for)
    assert word.only_for == receivers_clicks.PERSON["id"]
    assert "already resolved by ada (Slack)" in word.text
    assert stack.done(alert_id) == [("resolve", "ada (Slack)")]


def press(stack: Stack, message: Any, choice: str, *, age_s: int = 0, secret: str | None = None) -> httpx2.Response:
    pair = next(pair for pair in receivers_clicks.buttons(message) if pair[1]["action_id"] == choice)
    body = urlencode({"payload": json.dumps(receivers_clicks.payload(message, *pair, NOON))}).encode()
    return send(
        stack, body, receivers_clicks.sign(body, int(time.time()) - age_s, secret or receivers_clicks.SIGNING_SECRET)
    )


def send(stack: Stack, body: bytes, headers: dict[str, str]) -> httpx2.Response:
    return stack.bare.post(
        "/v1/slack/actions", content=body, headers=headers | {"Content-Type": "application/octet-stream"}
    )


def test_forged_late_replayed_and_broken_clicks_change_nothing(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    message = stack.message(alert_id)
    assert press(stack, message, "resolve", secret="guessed").status_code == 401
    assert press(stack, message, "resolve", age_s=301).status_code == 401
    assert send(stack, b"payload=x", {}).status_code == 401
    assert send(stack, b"\xff\xfe", receivers_clicks.sign(b"\xff\xfe", int(time.time()))).status_code == 401
    broken = b"payload=%7B%7D"
    assert send(stack, broken, receivers_clicks.sign(broken, int(time.time()))).status_code == 422
    assert stack.done(alert_id) == []
    pair = receivers_clicks.buttons(message)[0]
    body = urlencode({"payload": json.dumps(receivers_clicks.payload(message, *pair, NOON))}).encode()
    headers = receivers_clicks.sign(body, int(time.time()))
    assert send(stack, body, headers).status_code == 200
    again = send(stack, body, headers)
    assert again.status_code == 409
    assert "before" in again.json()["detail"]
    assert stack.done(alert_id) == [("acknowledge", "ada (Slack)")]


def opened(stack: Stack, alert_id: int) -> Any:
    """Press *More* and return the form that Slack was asked to open."""
    pressed = stack.click(alert_id, "more")
    assert pressed["status"] == 200, pressed
    assert pressed["elapsed_s"] < receivers_clicks.ANSWER_WITHIN_S
    (form,) = [one for one in stack.inbox.forms.opened() if one.view["title"]["text"] == f"Alert {alert_id}"]
    return form


def fill(stack: Stack, form: Any, **values: str) -> dict[str, Any]:
    return dict(stack.pages.post("/messages/form", data={"form_id": form.form_id, **values}, headers=PAGE).json())


def replies(stack: Stack, alert_id: int) -> list[str]:
    root = stack.message(alert_id)
    return [one.text for one in reversed(stack.inbox.slack()) if one.thread_ts == root.ts]


def test_the_form_assigns_with_a_note_and_its_thread_tells_both(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    form = opened(stack, alert_id)
    assert [block["block_id"] for block in form.inputs()] == ["what", "assignee", "until_at", "cause", "note"]
    lacking = fill(stack, form, what="assign")
    assert lacking["errors"] == {"assignee": "Say who is to take care of it."}
    assert stack.done(alert_id) == []
    (form,) = [one for one in stack.inbox.forms.opened() if one.form_id == form.form_id]
    assert fill(stack, form, what="assign", assignee="cy", note="call the hotel")["errors"] == {}
    assert form.form_id not in [one.form_id for one in stack.inbox.forms.opened()], "a form that was taken is closed"
    assert stack.done(alert_id) == [("assign", "ada (Slack)"), ("note", "ada (Slack)")]
    eventually("both replies", lambda: len(replies(stack, alert_id)) == 2)
    assert replies(stack, alert_id)[0].startswith("Assigned to cy by ada (Slack)")
    assert replies(stack, alert_id)[1].endswith(": call the hotel")
    assert "Assigned to cy" in json.dumps(stack.message(alert_id).blocks)


def test_the_form_judges_and_says_what_was_judged_before(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    first, second = opened(stack, alert_id), None
    second = stack.inbox.forms.open(stack.inbox.forms.trigger(), first.view)
    assert fill(stack, first, what="expected_event", note="the fair", cause="calendar_closed")["errors"] == {}
    assert stack.resolved(alert_id)
    late = fill(stack, second, what="resolve")
    assert "already judged an expected event by ada (Slack)" in late["errors"]["what"]
    (said,) = stack.client.get(f"/v1/alerts/{alert_id}/actions").json()["verdicts"]
    assert (said["verdict"], said["is_real"], said["cause"]) == ("expected_event", False, "calendar_closed")


def test_a_snooze_by_the_form_mutes_the_alert_until_its_end(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    until, soon = NOON + timedelta(hours=4), NOON + timedelta(hours=1)
    assert fill(stack, opened(stack, alert_id), what="snooze", until_at=str(int(until.timestamp())))["errors"] == {}
    with stack.database.tenant(stack.tenant_id) as conn:
        fingerprint = alerts.get(conn, alert_id).fingerprint
        (muted,) = [one for one in mutes.active(conn, soon) if one.fingerprint == fingerprint]
    assert (muted.origin, muted.end_at) == ("snooze", until)
    body = {"kind": "snooze", "actor": "b", "until_at": AS_OF, "as_of": AS_OF}
    past = stack.client.post(f"/v1/alerts/{alert_id}/actions", json=body)
    assert (past.status_code, past.json()["field"]) == (422, "until_at")
    assert stack.click(alert_id, "resolve")["status"] == 200
    with stack.database.tenant(stack.tenant_id) as conn:
        left = [one for one in mutes.active(conn, soon) if one.fingerprint == fingerprint]
    assert left == [], "a problem of that kind that comes later is news"


def test_a_trigger_opens_one_form_and_a_stale_one_none(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    message = stack.message(alert_id)
    pair = next(pair for pair in receivers_clicks.buttons(message) if pair[1]["action_id"] == "more")
    stale = urlencode({"payload": json.dumps(receivers_clicks.payload(message, *pair, NOON))}).encode()
    refused = send(stack, stale, receivers_clicks.sign(stale, int(time.time())))
    assert (refused.status_code, "invalid_trigger_id" in refused.text) == (502, True)
    fresh = receivers_clicks.payload(message, *pair, NOON, stack.inbox.forms.trigger())
    body = urlencode({"payload": json.dumps(fresh)}).encode()
    headers = receivers_clicks.sign(body, int(time.time()))
    assert [send(stack, body, headers).status_code for _ in range(2)] == [200, 409]


def test_a_form_of_somebody_else_s_making_is_refused(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    form = opened(stack, alert_id)

    def sent(**changes: Any) -> httpx2.Response:
        view = form.view | {"id": "V1", "state": {"values": form.state({"what": "resolve"})}} | changes
        told = {"type": "view_submission", "user": receivers_clicks.PERSON, "view": view, "team": {"id": "T"}}
        body = urlencode({"payload": json.dumps(told)}).encode()
        return send(stack, body, receivers_clicks.sign(body, int(time.time())))

    assert sent(private_metadata="{}").status_code == 422
    assert sent(private_metadata="x").status_code == 422
    assert sent(state={"values": {"what": 3}}).status_code == 422
    noted = sent(state={"values": form.state({"what": "resolve", "note": "a\0"})})
    assert (noted.status_code, noted.json()["detail"]) == (422, "slack: the payload holds a NUL character")
    assert sent(callback_id="other").json() == {"status": "ignored"}
    gone = sent(private_metadata=json.dumps({"alert_id": 999999, "channel": "C1"})).json()
    assert gone == {"response_action": "errors", "errors": {"what": "That alert is no longer here."}}
    assert stack.done(alert_id) == []


def test_an_email_s_link_asks_first_and_acts_once(stack: Stack) -> None:
    alert_id = stack.alert(MAIL)
    mail = stack.mail(alert_id)
    assert mail.html is not None
    links = {label: unescape(url) for url, label in re.findall(r'href="([^"]+/act[^"]+)"[^>]*>([^<]+)<', mail.html)}
    assert set(links) == {"Acknowledge", "Resolved", "False alarm", "More …"}
    page = stack.bare.get(links["False alarm"])
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert stack.done(alert_id) == [], "following a link must not act: mail scanners do it"
    token = links["False alarm"].partition("token=")[2]
    done = stack.bare.post("/act", data={"token": token})
    assert "Marked as a false alarm" in done.text
    assert stack.done(alert_id) == [("verdict", "ops@example.com (e-mail)")]
    assert stack.resolved(alert_id)
    assert "already judged a false alarm" in stack.bare.post("/act", data={"token": token}).text
    assert len(stack.done(alert_id)) == 1
    verdicts = stack.client.get(f"/v1/alerts/{alert_id}/actions").json()["verdicts"]
    assert [one["is_real"] for one in verdicts] == [False]


@pytest.mark.parametrize("token", ["", "forged", "eyJ0ZW5hbnRfaWQiOjF9.aaaa.bbbb"])
def test_a_forged_link_is_refused(stack: Stack, token: str) -> None:
    assert stack.bare.get("/act", params={"token": token}).status_code == 401
    assert stack.bare.post("/act", data={"token": token}).status_code == 401
    assert stack.bare.post("/act", data={"token": f"{token}\0"}).status_code == 400


def test_a_text_is_sent_tracked_and_answered(stack: Stack) -> None:
    alert_id = stack.alert(SMS)
    text = next(one for one in stack.inbox.texts() if not one.is_answer)
    assert text.body.startswith("CRITICAL: Calendar closed.")
    assert f"ACK {alert_id}, OK {alert_id} or FALSE {alert_id}" in text.body

    def statuses() -> list[str]:
        history = stack.client.get(f"/v1/alerts/{alert_id}/explain").json()["history"]
        return [one["changes"]["status"] for one in history if one["event"] == "sms"]

    eventually("the call-backs", lambda: statuses() == ["sent", "delivered"])
    form = {"sid": text.sid, "body": f"ack {alert_id}"}
    assert stack.pages.post("/messages/reply", data=form, headers=PAGE).json()["word"] == "Answered 200"
    assert stack.done(alert_id) == [("acknowledge", "…0001 (SMS)")]
    assert stack.inbox.texts()[0].body == "Acknowledged."


def twilio(stack: Stack, path: str, form: dict[str, str], token: str = receivers_twilio.AUTH_TOKEN) -> httpx2.Response:
    signature = receivers_twilio.sign(f"{stack.bare.base_url}".rstrip("/") + path, form, token)
    return stack.bare.post(path, data=form, headers={"X-Twilio-Signature": signature})


def test_forged_replayed_and_strange_texts_change_nothing(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    form = {"MessageSid": "SMforged", "From": PHONE, "Body": f"OK {alert_id}"}
    assert twilio(stack, "/v1/sms/replies", form, "guessed").status_code == 401
    assert stack.bare.post("/v1/sms/replies", data=form).status_code == 401
    assert twilio(stack, "/v1/sms/replies", form | {"From": STRANGER}).status_code == 403
    for body in ("", "yes", "OK", "OK 1 2", f"DELETE {alert_id}"):
        unclear = twilio(stack, "/v1/sms/replies", form | {"MessageSid": f"SM{body}", "Body": body})
        assert "Not understood" in unclear.text, body
    assert "There is no alert 999999" in twilio(stack, "/v1/sms/replies", form | {"Body": "OK 999999"}).text
    assert stack.done(alert_id) == []
    once = twilio(stack, "/v1/sms/replies", form | {"MessageSid": "SMonce", "Body": f"ACK {alert_id}"})
    again = twilio(stack, "/v1/sms/replies", form | {"MessageSid": "SMonce", "Body": f"ACK {alert_id}"})
    assert once.text == again.text
    assert len(stack.done(alert_id)) == 1
    assert twilio(stack, "/v1/sms/status", {"MessageSid": "SMx", "MessageStatus": "sent"}, "guessed").status_code == 401
    assert twilio(stack, "/v1/sms/status", {"MessageSid": "SMx", "MessageStatus": "sent"}).json() == {
        "status": "unknown"
    }


@pytest.mark.parametrize("path", ["/v1/sms/status", "/v1/sms/replies"])
def test_a_nul_in_a_text_s_form_is_refused(stack: Stack, path: str) -> None:
    told = {"MessageSid": "\0", "MessageStatus": "failed", "ErrorCode": "", "From": "+15550001", "Body": "1"}
    by_twilio = twilio(stack, path, told)
    assert (by_twilio.status_code, by_twilio.json()["detail"]) == (400, "the form holds a NUL character")
    # n8n hands the bytes on as nothing in particular.
    headers = {name: by_twilio.request.headers[name] for name in ("X-Twilio-Signature",)}
    content = by_twilio.request.content
    by_n8n = stack.bare.post(path, content=content, headers=headers | {"Content-Type": "application/octet-stream"})
    assert (by_n8n.status_code, by_n8n.json()["detail"]) == (422, "sms: the form holds a NUL character")


def test_a_text_that_was_lost_is_sent_again_and_one_that_arrived_is_not(stack: Stack) -> None:
    alert_id = stack.alert(SMS)
    first = next(one for one in stack.inbox.texts() if not one.is_answer)
    with stack.database.tenant(stack.tenant_id) as conn:
        (sent,) = deliveries.list_for_alert(conn, alert_id)
    eventually("the call-backs", lambda: "delivered" in stack.client.get(f"/v1/alerts/{alert_id}/explain").text)
    # The process died after Twilio had taken the text and before it was noted.
    with stack.database.tenant(stack.tenant_id) as conn:
        conn.execute(sql("UPDATE deliveries SET status = 'sending' WHERE id = :id"), {"id": sent.delivery_id})
    again = stack.client.post(f"/v1/deliveries/{sent.delivery_id}/send", json={"as_of": AS_OF}).json()
    assert (again["status"], again["provider_ref"]) == ("sent", first.sid)
    mine = [one for one in stack.inbox.texts() if f"[np-{sent.delivery_id}]" in one.body]
    assert len(mine) == 1
    late = twilio(stack, "/v1/sms/status", {"MessageSid": first.sid, "MessageStatus": "sent"})
    assert late.json() == {"status": "unchanged"}, "a call-back that was overtaken"
    lost = twilio(
        stack, "/v1/sms/status", {"MessageSid": first.sid, "MessageStatus": "undelivered", "ErrorCode": "30003"}
    )
    assert lost.json() == {"status": "recorded"}
    waiting = stack.client.post("/v1/alerts/raise", json={"as_of": (NOON + timedelta(hours=1)).isoformat()}).json()
    assert {"alert_id": alert_id} in waiting["notify"]


def test_actions_over_the_api(stack: Stack) -> None:
    alert_id = stack.alert()
    path = f"/v1/alerts/{alert_id}/actions"

    def act(**body: Any) -> httpx2.Response:
        return stack.client.post(
            path, json={"actor": "bo", "as_of": (NOON + timedelta(minutes=10)).isoformat(), **body}
        )

    assert stack.bare.post(path, json={"kind": "resolve", "actor": "x"}).status_code == 401
    assert act(kind="assign").status_code == 422
    assert act(kind="verdict").status_code == 422
    assert act(kind="explode").status_code == 422
    assert act(kind="assign", assignee="cy").json()["word"] == "Assigned to cy."
    assert act(kind="acknowledge").json()["status"] == "recorded"
    assert act(kind="acknowledge").json()["status"] == "unchanged"
    assert act(kind="note", note="called the hotel").json()["status"] == "recorded"
    assert act(kind="verdict", is_real=True, cause="calendar_closed").json()["status"] == "recorded"
    assert act(kind="resolve").json()["status"] == "recorded"
    assert act(kind="assign", assignee="di").status_code == 409
    late = act(kind="verdict", is_real=False)
    assert "Your verdict is kept" in late.json()["word"]
    assert [kind for kind, _ in stack.done(alert_id)] == [
        "assign", "acknowledge", "note", "verdict", "resolve", "verdict",
    ]  # fmt: skip
    told = stack.client.get(path).json()
    assert (told["acknowledged_after_s"], told["resolved_after_s"]) == (600.0, 600.0)
    assert stack.client.post("/v1/alerts/999999/actions", json={"kind": "resolve", "actor": "x"}).status_code == 404


def test_words_come_from_the_model_until_the_budget_is_used(stack: Stack) -> None:
    alert_ids = [stack.alert(SLACK) for _ in range(9)]
    shown = [json.dumps(stack.message(alert_id).blocks) for alert_id in alert_ids]
    assert all("*In words:*" in one for one in shown)
    assert "Guests cannot book" in shown[-1], "4,000 tokens do not last for nine"
    history = stack.client.get(f"/v1/alerts/{alert_ids[-1]}/explain").json()["history"]
    assert "budget is used up" in next(one["reason"] for one in history if one["event"] == "in words")


def cycle(stack: Stack, day: int, *found: Anomaly) -> dict[str, Any]:
    """Store what a day's guards found and turn it into alerts."""
    at = NOON + timedelta(days=day)
    with stack.database.tenant(stack.tenant_id) as conn:
        anomalies.replace(conn, at, "guards", found)
    answer = stack.client.post("/v1/alerts/raise", json={"as_of": at.isoformat()})
    assert answer.is_success, answer.text
    return dict(answer.json())


def test_what_was_judged_false_is_not_raised_again_while_it_lasts(stack: Stack, portfolio: dict[str, Any]) -> None:
    assert stack.client.post("/v1/portfolio", json=portfolio).is_success
    with stack.database.tenant(stack.tenant_id) as conn:
        listing = load_listings(conn)[0]
    closed = Anomaly(
        listing_id=listing.listing_id, kind="suspended", metric="availability", onset_date=NOON.date(), observed=None,
        expected=None, lower=None, upper=None, p_value=None, share_lost=1.0, confidence=1.0, cause="listing_down",
    )  # fmt: skip
    assert cycle(stack, 0, closed)["raised"] == 1
    alert_id = max(one["id"] for one in stack.client.get("/v1/alerts").json()["alerts"])
    body = {"kind": "verdict", "is_real": False, "actor": "ada", "as_of": AS_OF}
    assert stack.client.post(f"/v1/alerts/{alert_id}/actions", json=body).is_success
    assert cycle(stack, 1, closed)["raised"] == 0
    assert cycle(stack, 30, closed)["raised"] == 0
    assert cycle(stack, 31)["raised"] == 0
    assert cycle(stack, 32, closed)["raised"] == 1, "it came back: that is another problem"
    history = stack.client.get(f"/v1/alerts/{alert_id}/explain").json()["history"]
    assert [one["event"] for one in history] == ["raised", "resolved", "silenced", "silence ended"]


def test_the_mail_s_form_snoozes_and_names_what_it_lacks(stack: Stack) -> None:
    alert_id = stack.alert(MAIL)
    html = stack.mail(alert_id).html
    links = {label: unescape(url) for url, label in re.findall(r'href="([^"]+/act[^"]+)"[^>]*>([^<]+)<', html)}
    page = stack.bare.get(links["More …"]).text
    assert all(f'value="{name}"' in page for name in ("assign", "snooze", "new_normal", "data_problem"))
    form = {"token": links["More …"].partition("token=")[2]}
    assert stack.bare.post("/act", data=form | {"what": "explode"}).status_code == 422
    assert stack.bare.post("/act", data=form | {"what": "snooze", "until_at": "soon"}).status_code == 422
    assert "Say until when" in stack.bare.post("/act", data=form | {"what": "snooze"}).text
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    assert "Snoozed until" in stack.bare.post("/act", data=form | {"what": "snooze", "until_at": tomorrow}).text
    assert "a problem of the data" in stack.bare.post("/act", data=form | {"what": "data_problem", "note": "feed"}).text
    assert [kind for kind, _ in stack.done(alert_id)] == ["snooze", "verdict"]
    assert not stack.resolved(alert_id), "what is wrong with the data is still wrong"


def test_a_text_snoozes(stack: Stack) -> None:
    alert_id = stack.alert(SMS)
    form = {"MessageSid": "SMsnooze", "From": PHONE, "Body": f"SNOOZE {alert_id} 4H"}
    assert "Snoozed until" in twilio(stack, "/v1/sms/replies", form).text
    too_long = twilio(stack, "/v1/sms/replies", form | {"MessageSid": "SMlong", "Body": f"SNOOZE {alert_id} 900D"})
    assert "30 days at most" in too_long.text
    assert stack.done(alert_id) == [("snooze", "…0001 (SMS)")]


def test_nothing_is_lost_while_a_provider_is_down(stack: Stack) -> None:
    with stack.database.tenant(stack.tenant_id) as conn:
        alert_id = int(conn.exec_driver_sql(ALERT).scalar_one())
        (one,) = deliveries.plan(conn, alert_id, [SMS], [], NOON)
    path = f"/v1/deliveries/{one.delivery_id}/send"
    stack.down.set()
    try:
        assert stack.client.post(path, json={"as_of": AS_OF}).status_code == 503
    finally:
        stack.down.clear()
    assert not [text for text in stack.inbox.texts() if f"[np-{one.delivery_id}]" in text.body]
    waiting = stack.client.post("/v1/alerts/raise", json={"as_of": AS_OF}).json()["notify"]
    assert {"alert_id": alert_id} in waiting
    assert stack.client.post(path, json={"as_of": AS_OF}).json()["status"] == "sent"
    assert stack.client.post(path, json={"as_of": AS_OF}).json()["status"] == "sent"
    assert len([text for text in stack.inbox.texts() if f"[np-{one.delivery_id}]" in text.body]) == 1


def test_two_people_at_once_end_an_alert_once(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    message = stack.message(alert_id)
    with ThreadPoolExecutor(4) as pool:
        wanted = ("resolve", "false_alarm", "resolve", "false_alarm")
        answers = list(pool.map(lambda choice: press(stack, message, choice), wanted))
    assert {answer.status_code for answer in answers} <= {200, 409}
    with stack.database.tenant(stack.tenant_id) as conn:
        events = [one.event for one in alerts.history(conn, alert_id)]
    assert events.count("resolved") == 1


def press_as(stack: Stack, message: Any, choice: str, name: str) -> httpx2.Response:
    pair = next(pair for pair in receivers_clicks.buttons(message) if pair[1]["action_id"] == choice)
    told = receivers_clicks.payload(message, *pair, NOON) | {"user": {"id": f"U{name.upper()}", "username": name}}
    body = urlencode({"payload": json.dumps(told)}).encode()
    return send(stack, body, receivers_clicks.sign(body, int(time.time())))


def test_of_two_who_press_at_once_one_is_recorded_and_both_are_told(stack: Stack) -> None:
    alert_id = stack.alert(SLACK)
    message = stack.message(alert_id)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda name: press_as(stack, message, "acknowledge", name), ("bo", "cy"))
    told = {answer.json()["status"]: answer.json()["word"] for answer in (first, second)}
    assert set(told) == {"recorded", "unchanged"}
    ((_, who),) = stack.done(alert_id)
    assert f"Already acknowledged by {who}" in told["unchanged"]
    eventually(
        "the thread", lambda: [text.split(",")[0] for text in replies(stack, alert_id)] == [f"Acknowledged by {who}"]
    )
    loser = "UCY" if who == "bo (Slack)" else "UBO"
    eventually("the word", lambda: loser in [m.only_for for m in stack.inbox.slack()])


def rounds(stack: Stack, alert_id: int, count: int, *, is_backwards: bool = False) -> list[int]:
    """Do as the notify flow does, some minutes running; returns the statuses."""
    statuses = []
    for minute in range(count):
        at = (NOON + timedelta(minutes=minute + 1)).isoformat()
        due = stack.client.post(f"/v1/alerts/{alert_id}/route", json={"as_of": at}).json()["send"]
        wanted = [one["delivery_id"] for one in due if one["sender"] == "slack"]
        for delivery_id in wanted[::-1] if is_backwards else wanted:
            statuses.append(stack.client.post(f"/v1/deliveries/{delivery_id}/send", json={"as_of": at}).status_code)
    return statuses


def test_an_hour_without_slack_loses_nothing_keeps_the_order_and_doubles_nothing(stack: Stack) -> None:
    with stack.database.tenant(stack.tenant_id) as conn:
        alert_id = int(conn.exec_driver_sql(ALERT).scalar_one())
        deliveries.plan(conn, alert_id, [SLACK], [], NOON)
    path = f"/v1/alerts/{alert_id}/actions"
    stack.down.set()
    try:
        for body in ({"kind": "acknowledge"}, {"kind": "note", "note": "called"}, {"kind": "resolve", "note": "done"}):
            assert stack.client.post(path, json=body | {"actor": "bo", "as_of": AS_OF}).is_success
            with stack.database.tenant(stack.tenant_id) as conn:
                # Slack's message is not there yet: what is done meanwhile is planned for it all the same.
                planned = [one.step for one in deliveries.list_for_alert(conn, alert_id) if one.sender == "slack"]
        assert set(rounds(stack, alert_id, 8)) == {503}
    finally:
        stack.down.clear()
    waiting = stack.client.post("/v1/alerts/raise", json={"as_of": AS_OF}).json()["notify"]
    assert {"alert_id": alert_id} in waiting, "given up after a few minutes"
    assert planned[0] == "raised-critical"
    # Celery tries, too: a delivery in its hands answers 503, and another minute finds it sent.
    until = time.monotonic() + 60
    while rounds(stack, alert_id, 1, is_backwards=True) and time.monotonic() < until:
        time.sleep(0.2)
    assert [one.step for one in sent(stack, alert_id)] == ["raised-critical", *planned[1:], "resolved"]
    mark = f"· alert {alert_id} ·"
    roots = [m for m in stack.inbox.slack() if mark in json.dumps(m.blocks, ensure_ascii=False) and not m.thread_ts]
    assert len(roots) == 1
    assert [text.partition(" by ")[0] for text in replies(stack, alert_id)] == [
        "Acknowledged",
        "Note",
        "Marked as resolved",
    ]
    assert rounds(stack, alert_id, 2) == [], "nothing is left"


def sent(stack: Stack, alert_id: int) -> list[deliveries.Delivery]:
    with stack.database.tenant(stack.tenant_id) as conn:
        found = [one for one in deliveries.list_for_alert(conn, alert_id) if one.sender == "slack"]
    assert [one for one in found if one.status != "sent"] == []
    return found


def test_an_alert_whose_listing_is_gone_can_still_be_acted_on(stack: Stack) -> None:
    with stack.database.tenant(stack.tenant_id) as conn:
        gone = ALERT.replace("'market', 'av", "'unit', 'av").replace(
            '"nights": 12', '"listing_ids": [999999], "nights": 12'
        )
        alert_id = int(conn.exec_driver_sql(gone).scalar_one())
        (one,) = deliveries.plan(conn, alert_id, [SLACK], [], NOON)
    assert stack.client.post(f"/v1/deliveries/{one.delivery_id}/send", json={"as_of": AS_OF}).json()["status"] == "sent"
    assert stack.click(alert_id, "acknowledge")["status"] == 200
    assert fill(stack, opened(stack, alert_id), what="new_normal", note="sold")["errors"] == {}
    assert stack.resolved(alert_id)
    assert [kind for kind, _ in stack.done(alert_id)] == ["acknowledge", "verdict"]
    eventually("the end", lambda: "Judged: new normal: sold" in json.dumps(stack.message(alert_id).blocks))


def test_times_by_cause_over_the_api(stack: Stack) -> None:
    span = {"since": NOON.isoformat(), "until": (NOON + timedelta(minutes=1)).isoformat()}
    found = stack.client.get("/v1/alerts/times", params={"by": "cause"} | span).json()
    (closed,) = [one for one in found["groups"] if one["name"] == "calendar_closed"]
    assert closed["alerts"] == closed["open"] + closed["resolved"]["count"] > 0
    assert stack.client.get("/v1/alerts/times", params={"by": "nobody"}).status_code == 422
    turned = {"since": span["until"], "until": span["since"]}
    assert stack.client.get("/v1/alerts/times", params=turned).status_code == 422
    assert stack.bare.get("/v1/alerts/times").status_code == 401


def test_nothing_of_people_is_logged(stack: Stack) -> None:
    written = stack.log.read_text()
    for secret in (
        PHONE,
        "Canary Guest",
        receivers_clicks.SIGNING_SECRET,
        receivers_twilio.AUTH_TOKEN,
        "ops@example.com",
    ):
        assert secret not in written
