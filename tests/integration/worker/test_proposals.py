"""Proposals over the real worker: listed with their preview, decided on once, by the API and by signed presses."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from werkzeug.serving import make_server

from python_nodes.domain.findings import AlertDraft
from python_nodes.errors import PermanentError
from python_nodes.scoring.learn import changes
from python_nodes.steps import proposal_admin, slack_action
from python_nodes.steps.alert_act import Request
from python_nodes.steps.lessons import Lesson
from python_nodes.store import alerts, proposal_messages, sends, verdicts
from python_nodes.store import proposals as store
from sandbox import receivers_slack
from sandbox.inbox import Inbox

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
PREVIEW = {
    "from": "2025-12-03", "to": "2026-03-02", "days": 90, "now": 3, "then": 2, "gained": [], "moved": [],
    "lost": [{"kind": "rank_drop", "scope": "listing", "place": None, "listing_id": 1, "raised": "2026-02-01",
              "ended": None, "verdict": "false"}],
    "lost_false": 1, "lost_real": 0,
}  # fmt: skip


@pytest.fixture
def proposed(worker: Worker, portfolio: dict[str, Any]) -> int:
    """A waiting proposal, of a verdict on an alert."""
    assert worker.post("/v1/portfolio", portfolio).status_code == 200
    tenant_id, services = worker.settings.tenant_id, worker.services
    with services.database.tenant(tenant_id) as conn:
        draft = AlertDraft(
            fingerprint=f"rank_drop-{datetime.now(UTC)}", scope="market", listing_id=None, property_id=None,
            market="lisbon", metric="search_rank", kind="rank_drop", cause="unknown", title="Rank", category="high",
            score=1.0, currency="EUR", impact_minor=1, loss_per_day_minor=1, lost_so_far_minor=1,
            onset_date=date(2026, 2, 1), raised_at=AT, evidence={}, parts={},
        )  # fmt: skip
        alert_id = alerts.insert(conn, draft, reason="test", notify=False)
        verdict_id = verdicts.add(conn, alert_id, False, "ada", given_at=AT, verdict="false_alarm")
        cut = changes.Cut(watch="rank_drop", segment="channel vrbo", listing_ids=(1,), factor=0.01)
        lesson = Lesson(name=f"cut:{verdict_id}", title="rank_drop on channel vrbo: 100 times stricter",
                        alert_id=alert_id, verdict_id=verdict_id, change=cut, reasons={"judged_false": 19})  # fmt: skip
        made = store.add(
            conn,
            store.Draft(name=lesson.name, kind="cut", title=lesson.title, alert_id=alert_id, verdict_id=verdict_id,
                        change=changes.to_json(cut), reasons=lesson.reasons, preview=PREVIEW),
            as_of=AT, made_at=AT,
        )  # fmt: skip
        assert made is not None
        return made


def _answer(worker: Worker, number: int, answer: str, actor: str = "ada") -> tuple[int, dict[str, Any]]:
    done = worker.post(f"/v1/proposals/{number}/{answer}", {"actor": actor, "as_of": AT.isoformat()})
    return done.status_code, done.json()


def test_a_proposal_is_listed_decided_on_and_undone(worker: Worker, proposed: int) -> None:
    waiting = worker.client.get("/v1/proposals", params={"status": "waiting"}).json()["proposals"]
    (one,) = [each for each in waiting if each["proposal_id"] == proposed]
    assert one["preview"]["lost_false"] == 1
    assert _answer(worker, proposed, "approve")[1]["status"] == "recorded"
    assert _answer(worker, proposed, "approve", "bob")[1] == {
        "proposal_id": proposed, "status": "unchanged", "stands": "approved",
        "word": "Already approved by ada, 2 Mar 2026, 12:00 UTC.",
    }  # fmt: skip
    assert _answer(worker, proposed, "undo")[1]["stands"] == "undone"
    status, problem = _answer(worker, proposed, "reject")
    assert (status, "undone by ada" in problem["detail"]) == (409, True)
    told = worker.client.get(f"/v1/proposals/{proposed}").json()
    assert [each["decision"] for each in told["decisions"]] == ["approved", "undone"]
    assert _answer(worker, 999_999, "approve")[0] == 404
    assert worker.post(f"/v1/proposals/{proposed}/burn", {"actor": "ada"}).status_code == 422


def test_a_signed_press_decides_once_and_the_second_person_hears_who_did(worker: Worker, proposed: int) -> None:
    def press(action_id: str, key: str, actor: str) -> proposal_admin.Outcome:
        request = Request(endpoint="/v1/slack/actions", key=key, raw=key.encode())
        return proposal_admin.pressed(worker.services, worker.settings.tenant_id, request, action_id, actor, AT)

    approve = f"proposal:approve:{proposed}"
    assert press(approve, f"v0=a{proposed}", "ada (Slack)").status == "recorded"
    assert "by ada (Slack)" in press(approve, f"v0=b{proposed}", "bob (Slack)").word
    with pytest.raises(PermanentError, match="received before"):
        press(approve, f"v0=a{proposed}", "ada (Slack)")
    refused = press(f"proposal:reject:{proposed}", f"v0=c{proposed}", "bob (Slack)")
    assert (refused.status, refused.stands) == ("refused", "approved")
    assert press("proposal:approve:999999", f"v0=d{proposed}", "bob (Slack)").status == "refused"
    for forged in ("proposal:burn:1", "proposal:approve:x", "proposal:approve:", "proposal:approve:1:2"):
        with pytest.raises(PermanentError, match="no button"):
            press(forged, f"v0=e{forged}", "eve (Slack)")


def test_each_state_is_told_once_with_what_can_be_answered(worker: Worker, proposed: int) -> None:
    tenant_id, services = worker.settings.tenant_id, worker.services

    def due() -> list[sends.Send]:
        with services.database.tenant(tenant_id) as conn:
            one = store.get(conn, proposed)
            proposal_messages.plan(conn, proposed, one.decision_id, "slack", ["#alerts"])
            return [each for each in proposal_messages.due(conn) if each.about["proposal_id"] == proposed]

    (first,) = due()
    assert due() == [first]
    with services.database.tenant(tenant_id) as conn:
        about = store.get(conn, proposed)
        sends.finish(conn, first.message_id, "C1:1.5", AT)
    said = proposal_admin.worded(about, first, "http://worker", None)
    assert [one.name for one in said.choices] == [f"proposal:approve:{proposed}", f"proposal:reject:{proposed}"]
    assert "3 alerts, then 2" in said.summary
    assert any("a worse place in the search results on listing 1" in line for line in said.evidence)
    assert due() == []

    assert _answer(worker, proposed, "approve")[0] == 200
    (second,) = due()
    with services.database.tenant(tenant_id) as conn:
        about, told_in = store.get(conn, proposed), proposal_messages.told_in(conn, second)
    said = proposal_admin.worded(about, replace(second, attempts=1), "http://worker", told_in)
    assert (said.update_ref, said.is_retry, said.people) == ("C1:1.5", True, ("Approved by ada",))
    assert [one.name for one in said.choices] == [f"proposal:undo:{proposed}"]


def test_slack_shows_a_proposal_once_and_its_buttons_decide(worker: Worker, proposed: int) -> None:
    inbox, app = Inbox(), Flask("slack")
    app.register_blueprint(receivers_slack.blueprint(inbox, lambda: AT))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tenant_id = worker.settings.tenant_id
    slack = {"token": receivers_slack.TOKEN, "base_url": f"http://127.0.0.1:{server.server_port}/slack/api/"}
    services = replace(worker.services, senders={"slack": slack})
    try:
        with services.database.tenant(tenant_id) as conn:
            proposal_messages.plan(conn, proposed, None, "slack", ["#alerts"])
            (due,) = [each for each in proposal_messages.due(conn) if each.about["proposal_id"] == proposed]
        sent = [proposal_admin.send(services, tenant_id, due.message_id) for _ in range(2)]
        assert sent[0] == sent[1]
        (message,) = inbox.slack()
        (pressed,) = [
            one for block in message.blocks for one in block.get("elements", ())
            if one.get("action_id") == f"proposal:approve:{proposed}"
        ]  # fmt: skip
        press = {"action_id": pressed["action_id"], "value": pressed["value"]}
        told = {"type": "block_actions", "user": {"id": "U1", "username": "ada"}, "channel": {"id": message.channel},
                "actions": [press]}  # fmt: skip
        raw = urlencode({"payload": json.dumps(told)}).encode()
        answer = slack_action.run(services, tenant_id, raw, f"v0=slack{proposed}", AT)
        assert answer.acted is not None
        assert (answer.acted.status, answer.acted.word) == ("recorded", "Approved: the next sweep goes by it.")
        with pytest.raises(PermanentError, match="received before"):
            slack_action.run(services, tenant_id, raw, f"v0=slack{proposed}", AT)
        with services.database.tenant(tenant_id) as conn:
            proposal_messages.plan(conn, proposed, store.get(conn, proposed).decision_id, "slack", ["#alerts"])
            (due,) = [each for each in proposal_messages.due(conn) if each.about["proposal_id"] == proposed]
        proposal_admin.send(services, tenant_id, due.message_id)
        (message,) = inbox.slack()
        assert message.versions == 2
        assert "Approved by ada (Slack)" in str(message.blocks)
    finally:
        server.shutdown()
