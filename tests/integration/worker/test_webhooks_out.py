"""Subscribers over the real worker: told of what happens, signed, once taken; given up, replayed, disabled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import text
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from python_nodes.actions import Wish
from python_nodes.domain.findings import AlertDraft
from python_nodes.steps import alert_act, webhook_notice, webhook_send
from python_nodes.steps.services import Services
from python_nodes.store import alerts, sends
from tests.integration.worker.test_vendor_events import celery_worker, comes

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
_NUMBERS = count()


@dataclass(frozen=True)
class Subscriber:
    """A real HTTP server that subscribed."""

    worker: Worker
    server: HTTPServer
    webhook_id: int
    secret: str

    @property
    def services(self) -> Services:
        return self.worker.services

    def answers(self, status: int, headers: dict[str, str] | None = None) -> None:
        """Answer everything so from now on."""
        self.server.clear_all_handlers()
        self.server.expect_request("/hook").respond_with_data("x" * 100_000, status=status, headers=headers)

    def raises(self) -> int:
        """Raise an alert."""
        with self.services.database.tenant(self.worker.settings.tenant_id) as conn:
            return alerts.insert(conn, draft(), reason="test", notify=False)

    def send(self, **changes: Any) -> dict[str, int]:
        """Do as the job does."""
        own = replace(self.services, **changes)
        return webhook_send.run(own, self.worker.settings.tenant_id, self.webhook_id)

    def got(self) -> list[tuple[dict[str, str], bytes]]:
        """Return what came, with its headers."""
        return [(dict(request.headers), request.get_data()) for request, _ in self.server.log]

    def view(self) -> dict[str, Any]:
        """Return what the API tells of it."""
        found: dict[str, Any] = self.worker.client.get(f"/v1/webhooks?id={self.webhook_id}").json()["webhooks"][0]
        return found

    def letters(self) -> list[dict[str, Any]]:
        """Return what was given up."""
        found: list[dict[str, Any]] = self.worker.client.get(f"/v1/webhooks/{self.webhook_id}/letters").json()[
            "letters"
        ]
        return found


def draft() -> AlertDraft:
    return AlertDraft(
        fingerprint=f"rank_drop-{next(_NUMBERS)}-{datetime.now(UTC)}", scope="market", listing_id=None,
        property_id=None, market="lisbon", metric="search_rank", kind="rank_drop", cause="unknown",
        title="Ada Lovelace's flat", category="high", score=71.25, currency="EUR", impact_minor=4200,
        loss_per_day_minor=1, lost_so_far_minor=1, onset_date=date(2026, 2, 1), raised_at=AT, evidence={}, parts={},
    )  # fmt: skip


@pytest.fixture
def subscriber(worker: Worker, httpserver: HTTPServer) -> Iterator[Subscriber]:
    """Follows what is raised, resolved and acknowledged, and takes all."""
    body = {
        "name": "lake", "url": httpserver.url_for("/hook"),
        "events": ["alert.raised", "alert.resolved", "alert.acknowledged"],
    }  # fmt: skip
    told = worker.post("/v1/webhooks", body)
    assert told.status_code == 200, told.text
    one = Subscriber(worker, httpserver, told.json()["id"], told.json()["secret"])
    one.answers(204)
    yield one
    worker.post(f"/v1/webhooks/{one.webhook_id}/delete", {})


def test_what_happens_is_told_signed_and_small_with_nothing_personal(subscriber: Subscriber) -> None:
    alert_id = subscriber.raises()
    assert subscriber.send() == {"sent": 1, "waits": 0}
    ((headers, raw),) = subscriber.got()
    told = Webhook(subscriber.secret).verify(raw, headers)
    assert (told["type"], told["version"], told["timestamp"]) == ("alert.raised", 1, AT.isoformat())
    data = told["data"]
    assert (data["alert_id"], data["kind"], data["market"], data["score"]) == (alert_id, "rank_drop", "lisbon", 71.3)
    assert data["link"].endswith(f"/v1/alerts/{alert_id}")
    assert subscriber.worker.client.get(f"/v1/alerts/{alert_id}").is_success
    assert len(raw) < 1000
    assert b"Lovelace" not in raw
    assert subscriber.send() == {"sent": 0, "waits": 0}


def test_a_changed_byte_or_another_secret_is_noticed(subscriber: Subscriber) -> None:
    subscriber.raises()
    subscriber.send()
    ((headers, raw),) = subscriber.got()
    with pytest.raises(WebhookVerificationError):
        Webhook(subscriber.secret).verify(raw.replace(b"lisbon", b"madrid"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 43).verify(raw, headers)


def test_what_people_do_is_told_in_order_and_without_their_names(subscriber: Subscriber) -> None:
    alert_id = subscriber.raises()
    for kind in ("acknowledge", "resolve"):
        wish = Wish(kind=kind, actor="Grace Hopper", note="")
        alert_act.run(subscriber.services, subscriber.worker.settings.tenant_id, alert_id, wish, AT)
    subscriber.send()
    told = [json.loads(raw) for _, raw in subscriber.got()]
    assert [one["type"] for one in told] == ["alert.raised", "alert.acknowledged", "alert.resolved"]
    assert told[2]["data"]["action"] == "resolve"
    assert told[2]["data"]["resolved_at"] == "2026-03-02T12:00:00Z"
    assert not any(b"Hopper" in raw for _, raw in subscriber.got())


def test_who_follows_nothing_that_happened_is_told_nothing(worker: Worker, subscriber: Subscriber) -> None:
    alert_id = subscriber.raises()
    subscriber.send()
    subscriber.server.clear_log()
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        alerts.update(conn, alert_id, {"score": 80.0}, "worse", at=AT, notify=False)
    assert subscriber.send() == {"sent": 0, "waits": 0}
    assert subscriber.got() == []


def test_a_change_that_is_rolled_back_tells_nobody(worker: Worker, subscriber: Subscriber) -> None:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        within = conn.begin_nested()
        alerts.insert(conn, draft(), reason="test", notify=False)
        within.rollback()
    assert subscriber.send() == {"sent": 0, "waits": 0}


def test_both_secrets_sign_while_one_takes_the_others_place(worker: Worker, subscriber: Subscriber) -> None:
    rotated = worker.post(f"/v1/webhooks/{subscriber.webhook_id}/rotate", {}).json()
    subscriber.raises()
    subscriber.send()
    (sent,) = subscriber.got()
    for secret in (subscriber.secret, rotated["secret"]):
        assert Webhook(secret).verify(sent[1], sent[0])["type"] == "alert.raised"
    later = datetime.now(UTC) + timedelta(hours=25)
    subscriber.raises()
    subscriber.send(clock=lambda: later)
    assert len(subscriber.got()[1][0]["Webhook-Signature"].split(" ")) == 1


def test_a_secret_is_told_once_and_rests_nowhere_in_clear(worker: Worker, httpserver: HTTPServer) -> None:
    body = {"name": "once", "url": httpserver.url_for("/"), "events": ["alert.raised"]}
    first = worker.post("/v1/webhooks", body, **{"Idempotency-Key": "subscribe-once"}).json()
    again = worker.post("/v1/webhooks", body, **{"Idempotency-Key": "subscribe-once"}).json()
    assert again == {"id": first["id"]}
    listed = worker.client.get("/v1/webhooks").text
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        rest = str(conn.execute(text("SELECT * FROM webhooks")).all())
        rest += str(conn.execute(text("SELECT * FROM idempotency_keys")).all())
    assert first["secret"] not in listed + rest
    worker.post(f"/v1/webhooks/{first['id']}/delete", {})


@pytest.mark.parametrize("status", [301, 400, 404, 500])
def test_what_is_not_taken_waits_and_is_the_same_message_when_it_comes_again(
    subscriber: Subscriber, status: int
) -> None:
    subscriber.answers(status, {"Location": "http://169.254.169.254/latest"})
    subscriber.raises()
    assert subscriber.send() == {"sent": 0, "waits": 1}
    assert subscriber.send() == {"sent": 0, "waits": 0}
    assert subscriber.view()["failing_since_at"] is not None
    subscriber.answers(200)
    later = datetime.now(UTC) + timedelta(seconds=webhook_send.FIRST_WAIT_S + 1)
    assert subscriber.send(clock=lambda: later) == {"sent": 1, "waits": 0}
    (first, again) = subscriber.got()
    assert (first[0]["Webhook-Id"], first[1]) == (again[0]["Webhook-Id"], again[1])
    assert subscriber.view()["failing_since_at"] is None


def test_the_subscribers_own_wait_is_kept(subscriber: Subscriber) -> None:
    subscriber.answers(503, {"Retry-After": "3600"})
    subscriber.raises()
    subscriber.send()
    soon, later = (datetime.now(UTC) + timedelta(seconds=wait) for wait in (3000, 3700))
    subscriber.answers(200)
    assert subscriber.send(clock=lambda: soon)["sent"] == 0
    assert subscriber.send(clock=lambda: later)["sent"] == 1


def test_what_is_never_taken_dies_is_kept_with_its_reason_and_can_be_replayed(subscriber: Subscriber) -> None:
    subscriber.answers(500)
    subscriber.raises()
    now = datetime.now(UTC)
    for number in range(webhook_send.MOST_ATTEMPTS):
        at = now + timedelta(hours=3 * number)
        subscriber.send(clock=lambda at=at: at)
        if subscriber.letters():
            break
        with subscriber.services.database.tenant(subscriber.worker.settings.tenant_id) as conn:
            conn.execute(text("UPDATE outbox SET payload = payload || '{\"retry_at\": null}'"
                              " WHERE type = 'webhook.send' AND dispatched_at IS NULL"))  # fmt: skip
    assert len(subscriber.got()) == webhook_send.MOST_ATTEMPTS
    (letter,) = subscriber.letters()
    assert (letter["event"], letter["reason"]) == ("alert.raised", "answered 500")
    assert letter["attempts"] == webhook_send.MOST_ATTEMPTS
    assert subscriber.send() == {"sent": 0, "waits": 0}
    subscriber.answers(200)
    path = f"/v1/webhooks/{subscriber.webhook_id}/replay"
    assert subscriber.worker.post(path, {"letter_ids": [letter["id"]]}).json() == {"replayed": 1}
    assert subscriber.send() == {"sent": 1, "waits": 0}
    assert subscriber.letters() == []
    assert subscriber.worker.post(path, {}).json() == {"replayed": 0}
    sent = subscriber.got()
    assert sent[0][0]["Webhook-Id"] == sent[-1][0]["Webhook-Id"]


def test_who_takes_nothing_for_days_is_disabled_and_the_operator_hears_of_it(subscriber: Subscriber) -> None:
    subscriber.answers(500)
    subscriber.raises()
    subscriber.send()
    later = datetime.now(UTC) + webhook_send.FAILS_FOR + timedelta(hours=1)
    subscriber.send(clock=lambda: later, policy=replace(subscriber.services.policy, not_set_up={}))
    seen = subscriber.view()
    assert (seen["disabled_because"], seen["letters"]) == ("answered 500", 1)
    with subscriber.services.database.tenant(subscriber.worker.settings.tenant_id) as conn:
        told = sends.due(conn, webhook_notice.TYPE)
    assert told
    message = webhook_notice.worded(told[0], "https://np.example.com")
    assert (message.title, message.fields[0].value) == ("Webhook lake was disabled", "answered 500")
    subscriber.raises()
    assert subscriber.send(clock=lambda: later) == {"sent": 0, "waits": 0}
    subscriber.answers(200)
    path = f"/v1/webhooks/{subscriber.webhook_id}"
    assert subscriber.worker.post(f"{path}/replay", {}).status_code == 409
    assert subscriber.worker.post(f"{path}/enable", {}).json()["status"] == "enabled"
    assert subscriber.worker.post(f"{path}/replay", {}).json() == {"replayed": 1}
    assert subscriber.send(clock=lambda: later) == {"sent": 1, "waits": 0}


def test_who_is_gone_is_disabled_at_once(subscriber: Subscriber) -> None:
    subscriber.answers(410)
    subscriber.raises()
    subscriber.send()
    assert subscriber.view()["disabled_because"] == "answered 410: it is gone"


def test_a_test_message_is_sent_at_once_and_tells_what_became_of_it(subscriber: Subscriber) -> None:
    path = f"/v1/webhooks/{subscriber.webhook_id}/test"
    assert subscriber.worker.post(path, {}).json() == {"is_taken": True, "reason": None}
    ((headers, raw),) = subscriber.got()
    assert Webhook(subscriber.secret).verify(raw, headers)["type"] == "webhook.test"
    subscriber.answers(500)
    assert subscriber.worker.post(path, {}).json() == {"is_taken": False, "reason": "answered 500"}
    assert subscriber.letters() == []
    assert subscriber.view()["failing_since_at"] is None


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/hook", "https://169.254.169.254/latest", "https://2130706433/",
        "https://user:pw@example.com/", "ftp://example.com/", "https://example.com:22/", "https://[::1]/",
    ],
)  # fmt: skip
def test_what_may_not_be_called_cannot_subscribe(worker: Worker, url: str) -> None:
    refused = worker.post("/v1/webhooks", {"name": "n", "url": url, "events": ["alert.raised"]})
    assert (refused.status_code, refused.json()["field"]) == (422, "url")


@pytest.mark.usefixtures("queue_settings")
def test_celery_sends_what_the_minutes_question_finds_due(subscriber: Subscriber, tmp_path: Path) -> None:
    subscriber.raises()
    assert subscriber.worker.post("/v1/escalations/due").status_code == 200
    log = tmp_path / "celery.log"
    with celery_worker(subscriber.worker, log):
        assert comes(lambda: len(subscriber.got()) == 1), log.read_text()
    ((headers, raw),) = subscriber.got()
    assert Webhook(subscriber.secret).verify(raw, headers)["type"] == "alert.raised"


def test_a_key_without_the_right_sees_and_changes_nothing(worker: Worker, subscriber: Subscriber) -> None:
    own = {"Authorization": f"Bearer {worker.key('read', 'notify')}"}
    assert worker.client.get("/v1/webhooks", headers=own).status_code == 403
    assert worker.post(f"/v1/webhooks/{subscriber.webhook_id}/delete", {}, **own).status_code == 403
    assert worker.client.get("/v1/webhooks?id=999999").status_code == 404
    # A word that is no change is no address; one that is another method's says so.
    assert worker.post("/v1/webhooks/1/explode", {}).status_code == 404
    assert worker.post("/v1/webhooks/1/letters", {}).status_code == 405
