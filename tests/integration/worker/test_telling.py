"""What people did is stored in few statements, with its request's key or not at all, and told of in batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from redis import Redis
from sqlalchemy import Connection, text

from python_nodes import config, jobs
from python_nodes.alerts.route import Target
from python_nodes.steps import alert_tell
from python_nodes.store import actions, alerts, bell, deliveries, outbox, retelling
from tests.integration.worker.told import CHANNEL, CHART, NOON, Case, telling

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker


@pytest.fixture
def case(worker: Worker, tmp_path: Path) -> Iterator[Case]:
    with telling(worker, tmp_path) as made:
        yield made


def test_a_closing_verdict_leaves_what_resolve_and_silence_leave(case: Case) -> None:
    at, reason = NOON + timedelta(minutes=5), "judged a false alarm by ada"
    one, other = case.alert(is_told=False), case.alert(is_told=False)
    case.act(one, "verdict", verdict="false_alarm", note="known", cause="rank_drop")
    with case.conn() as conn:
        held = actions.hold(conn, other)
        alerts.resolve(conn, other, at, reason)
        actions.silence(conn, held, "verdict", reason, at)
    query = "SELECT version, event, reason, at, changes FROM alert_events WHERE alert_id = :id ORDER BY id"
    assert case.rows(query, id=one) == case.rows(query, id=other) != []
    query = "SELECT resolved_at, updated_at, version FROM alerts WHERE id = :id"
    assert case.rows(query, id=one) == case.rows(query, id=other) == [(at, at, 4)]
    query = "SELECT version, payload - 'alert_id' FROM outbox WHERE type = 'alert.notify' AND entity = :id ORDER BY id"
    assert case.rows(query, id=str(one)) == case.rows(query, id=str(other))
    query = "SELECT is_real, verdict, cause, actor, note, given_at FROM verdicts WHERE alert_id = :id"
    assert case.rows(query, id=one) == [(False, "false_alarm", "rank_drop", "ada", "known", at)]


def test_what_several_did_to_one_alert_is_told_at_one_time_and_once(case: Case) -> None:
    one, other = case.alert(), case.alert()
    case.act(one, "acknowledge")
    case.act(other, "acknowledge")
    case.act(one, "assign", assignee="bob")
    case.act(one, "verdict", verdict="real")
    assert sorted(case.left()) == sorted([one, other, one, one])
    assert case.acted() == 2
    assert case.left() == []
    (message,) = case.messages(one)
    said = json.dumps(message.blocks)
    assert "Acknowledged by ada" in said
    assert "Assigned to bob" in said
    assert [line.split(" by ")[0].split(",")[0] for line in case.thread(message.ts)] == [
        "Acknowledged", "Assigned to bob", "Judged: real",
    ]  # fmt: skip
    versions = message.versions
    assert case.acted() == 0
    assert case.messages(one)[0].versions == versions


def test_an_escalation_and_a_problem_that_is_back_are_shown_in_the_channel_and_actions_are_not(case: Case) -> None:
    one = case.alert()
    again = Target(
        sender="slack", recipient=CHANNEL, step="escalate-it", reason="Nobody has taken care of it for 15 min: it"
    )
    with case.conn() as conn:
        deliveries.plan(conn, one, [again], [], NOON)
    alert_tell.run(case.services, case.tenant_id, one, NOON)
    case.act(one, "acknowledge")
    case.acted()
    back = NOON + timedelta(hours=2)
    with case.conn() as conn:
        alerts.resolve(conn, one, NOON + timedelta(hours=1), "rank_drop is no longer found")
        retelling.begin(conn, [one])
        alerts.update_open(conn, [alerts.Change(
            alert_id=one, changes={"resolved_at": None}, reason="came back 1 h after it had ended", notify=True,
            reopens=True,
        )], at=back)  # fmt: skip
    alert_tell.run(case.services, case.tenant_id, one, back)
    (message,) = case.messages(one)
    replies = [m for m in reversed(case.inbox.slack()) if m.thread_ts == message.ts]
    assert [(m.text.split(",")[0].split(" for ")[0], m.is_broadcast) for m in replies] == [
        ("Nobody has taken care of it", True), ("Acknowledged by ada", False), ("Changed", True),
    ]  # fmt: skip
    assert any(
        one.get("action_id") == "acknowledge" for block in message.blocks for one in block.get("elements", ())
    ) is (case.services.answers.slack_signing_secret is not None), "offered anew, where buttons are"


def test_what_a_dying_process_held_is_told_by_the_next(case: Case) -> None:
    one = case.alert()
    case.act(one, "acknowledge")
    with case.conn() as dying:
        assert [int(row.entity) for row in outbox.take(dying, actions.ACTED)] == [one]
        assert case.acted() == 0, "what one holds no other takes"
        dying.rollback()
    assert case.left() == [one]
    assert case.acted() == 1
    assert len(case.thread(case.messages(one)[0].ts)) == 1


def test_one_alert_that_cannot_be_told_holds_up_no_other(case: Case) -> None:
    one = case.alert()
    with case.conn() as conn:
        outbox.add(conn, actions.ACTED, "999999999", 1, {"as_of": NOON.isoformat()})
    case.act(one, "acknowledge")
    assert case.acted() == 2
    assert case.left() == []
    assert len(case.thread(case.messages(one)[0].ts)) == 1


def test_a_message_keeps_its_chart_until_the_figures_change(case: Case) -> None:
    one = case.alert()
    drawn = _chart(case.messages(one)[0])
    case.act(one, "acknowledge")
    case.acted()
    (message,) = case.messages(one)
    assert (message.versions, _chart(message)) == (2, drawn)
    with case.conn() as conn:
        later = json.dumps(CHART | {"observed": [1.0, 0.5]})
        query = "UPDATE alerts SET evidence = jsonb_set(evidence, '{chart}', cast(:later AS jsonb)) WHERE id = :id"
        conn.execute(text(query), {"later": later, "id": one})
    case.act(one, "assign", assignee="bob")
    case.acted()
    changed = _chart(case.messages(one)[0])
    assert changed != drawn
    case.act(one, "note", note="seen")
    case.acted()
    assert _chart(case.messages(one)[0]) == changed


def _chart(message: Any) -> str:
    (found,) = [block["slack_file"]["id"] for block in message.blocks if block["type"] == "image"]
    return str(found)


def test_a_bell_brings_one_until_it_is_answered(valkey_url: str) -> None:
    valkey, tenant_id = Redis.from_url(valkey_url), 987_654
    assert [bell.ring(valkey, tenant_id) for _ in range(3)] == [True, False, False]
    assert bell.ring(valkey, tenant_id + 1)
    assert 0 < int(valkey.ttl(f"nightporter:acted:{tenant_id}")) <= bell.RINGS_FOR_S
    bell.answer(valkey, tenant_id)
    assert bell.ring(valkey, tenant_id)


@pytest.fixture
def settings_told(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the process know its settings as a worker's does, for as long as a test rings for the workers."""
    told = worker.settings
    for name, value in {
        "DATABASE_URL": told.database_url.get_secret_value(), "REDIS_URL": told.redis_url.get_secret_value(),
        "SECRET_KEY": told.secret_key.get_secret_value(), "RAW_ROOT": str(told.raw_root),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"NIGHTPORTER_{name}", value)
    yield
    config.settings.cache_clear()
    jobs._valkey.cache_clear()


@pytest.mark.usefixtures("settings_told")
@pytest.mark.parametrize("spoil", [lambda body: body | {"verdict": None}, lambda body: body | {"kind": "note"}])
def test_a_key_stands_with_what_was_done_or_not_at_all(
    worker: Worker, case: Case, spoil: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    one, key = case.alert(is_told=False), uuid4().hex
    path, body = f"/v1/alerts/{one}/actions", {"kind": "verdict", "verdict": "real", "actor": "ada"}
    assert worker.post(path, spoil(body), **{"Idempotency-Key": key}).status_code == 422
    assert case.rows("SELECT 1 FROM idempotency_keys WHERE key = :key", key=key) == []
    first = worker.post(path, body, **{"Idempotency-Key": key})
    again = worker.post(path, body, **{"Idempotency-Key": key})
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert case.rows("SELECT kind, actor FROM actions WHERE alert_id = :id", id=one) == [("verdict", "ada")]
    assert worker.post(path, body | {"actor": "bob"}, **{"Idempotency-Key": key}).status_code == 422


@pytest.mark.usefixtures("settings_told")
def test_what_nobody_was_sent_for_is_rung_for_within_the_minute(worker: Worker, case: Case) -> None:
    valkey = Redis.from_url(worker.settings.redis_url.get_secret_value())
    bell.answer(valkey, worker.settings.tenant_id)
    one = case.alert()
    case.act(one, "acknowledge")
    assert worker.post("/v1/escalations/due").is_success
    assert not bell.ring(valkey, worker.settings.tenant_id), "it has been rung"
    bell.answer(valkey, worker.settings.tenant_id)
    case.acted()
    assert worker.post("/v1/escalations/due").is_success
    assert bell.ring(valkey, worker.settings.tenant_id), "nothing is left, so it was not"


def test_a_key_that_cannot_be_kept_takes_back_what_was_done(worker: Worker, case: Case, owner: Connection) -> None:
    one, key = case.alert(is_told=False), uuid4().hex
    owner.exec_driver_sql("ALTER TABLE idempotency_keys ADD CONSTRAINT none CHECK (status IS NULL) NOT VALID")
    owner.commit()
    try:
        body = {"kind": "acknowledge", "actor": "ada"}
        answer = worker.post(f"/v1/alerts/{one}/actions", body, **{"Idempotency-Key": key})
    finally:
        owner.exec_driver_sql("ALTER TABLE idempotency_keys DROP CONSTRAINT none")
        owner.commit()
    assert answer.status_code >= 500
    assert case.rows("SELECT 1 FROM actions WHERE alert_id = :id", id=one) == []
    assert one not in case.left()


def test_an_action_plans_its_update_behind_what_still_waits(case: Case) -> None:
    one = case.alert()
    case.act(one, "acknowledge")
    case.act(one, "assign", assignee="bob")
    with case.conn() as conn:
        planned = [d for d in deliveries.list_for_alert(conn, one) if d.status == "planned"]
    assert [(d.sender, d.recipient, d.reason) for d in planned] == [
        ("slack", CHANNEL, "acknowledge by ada"), ("slack", CHANNEL, "assign by ada"),
    ]  # fmt: skip
    assert [d.step.split("-")[0] for d in planned] == ["action", "action"]
