"""Each change by HTTP and by command is an entry: who, what, on which ids, how it went; and nothing that is secret."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx2
import pytest

from python_nodes.steps import audit_verify
from python_nodes.store import audit
from tests.integration.worker.conftest import AS_OF, Worker
from tests.integration.worker.test_sessions import by_key, token_of

SECRETS = ("canary-client-secret", "canary-note", "Guest Canary", "canary@example.com")


def newest(worker: Worker, most: int = 1) -> list[dict[str, Any]]:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        found = audit.newest(conn, since=None, who=None, most=most)
    return [{**one, "objects": json.loads(one["objects"])} for one in found]


def entries(worker: Worker) -> int:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        return audit.count(conn)


def test_a_change_is_told_with_who_what_and_its_ids(worker: Worker) -> None:
    body = {
        "end_at": "2026-03-09T12:00:00Z",
        "reason": SECRETS[1],
        "actor": "ada",
        "as_of": AS_OF,
        "kind": "unbookable",
    }
    made = worker.post("/v1/mutes", body, **{"X-Run-Id": "n8n-77"}).json()
    told = newest(worker)[0]
    assert (told["via"], told["action"], told["outcome"], told["run_id"]) == ("api", "POST /v1/mutes", "done", "n8n-77")
    assert told["objects"] == {"mute_id": made["mute_id"]}
    assert told["actor"].startswith("key ")
    assert told["actor"].endswith(" all: ada")


@pytest.mark.parametrize("key", [None, "audit-once"])
def test_one_entry_a_change_and_none_where_an_answer_is_repeated(worker: Worker, key: str | None) -> None:
    before = entries(worker)
    headers = {"Idempotency-Key": key} if key else {}
    for _ in range(3):
        assert worker.post("/v1/guards/check", {}, **headers).status_code == 200
    assert entries(worker) - before == (1 if key else 3)


def test_an_entry_goes_with_its_change_where_a_key_makes_one_transaction_of_them(worker: Worker) -> None:
    before, key = entries(worker), {"Idempotency-Key": "none"}
    refused = worker.post("/v1/alerts/999999/actions", {"kind": "acknowledge", "actor": "ada"}, **key)
    assert refused.status_code == 404
    told = newest(worker)[0]
    assert entries(worker) - before == 1
    assert (told["outcome"], told["objects"]["status"], told["objects"]["id"]) == ("refused", 404, 999999)


def test_what_was_refused_is_told_and_reading_is_not(worker: Worker) -> None:
    key = worker.key("read")
    before = entries(worker)
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx2.get(f"{worker.url}/v1/alerts", headers=headers).status_code == 200
    assert entries(worker) == before
    assert httpx2.post(f"{worker.url}/v1/learn", headers=headers, json={}).status_code == 403
    assert [one["outcome"] for one in newest(worker)] == ["refused"]
    # Nobody knows whose entry it would be.
    assert httpx2.post(f"{worker.url}/v1/learn", json={}).status_code == 401
    assert entries(worker) == before + 1


def test_every_route_that_changes_something_leaves_an_entry(worker: Worker) -> None:
    filled = {"id": "999999", "operation": "ari", "vendor": "booking_com", "answer": "approve", "change": "enable"}
    for path, item in worker.client.get("/openapi.json").json()["paths"].items():
        if "post" not in item or not any("api_key" in need for need in item["post"].get("security", [])):
            continue
        before = entries(worker)
        answer = worker.client.post(path.format(**filled), json={"not a field": 1})
        assert answer.status_code >= 400, path
        assert entries(worker) == before + 1, path
        assert newest(worker)[0]["action"].startswith("POST /v1/"), path


def test_who_proves_nothing_fills_neither_the_log_nor_the_idempotency_keys(worker: Worker) -> None:
    before, key = entries(worker), {"Idempotency-Key": "a-strangers"}
    form = {"grant_type": "client_credentials", "client_id": "c", "client_secret": "s"}
    for path, content in (
        ("/v1/webhooks/0", b"{}"), ("/v1/webhooks/999999", b"{}"), ("/v1/webhooks/999999", b"x" * 1_100_000),
        ("/v1/slack/actions", b"payload=1"), ("/v1/sms/status", b"x"), ("/v1/sms/replies", b"x"), ("/act", b"token=x"),
    ):  # fmt: skip
        assert httpx2.post(f"{worker.url}{path}", content=content, headers=key).status_code >= 400, path
    assert httpx2.post(f"{worker.url}/v1/connections/999999/token", data=form, headers=key).status_code == 401
    assert entries(worker) == before
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        held = conn.exec_driver_sql("SELECT count(*) FROM idempotency_keys WHERE key = 'a-strangers'").scalar_one()
    assert held == 0


def test_neither_secrets_nor_what_people_wrote_is_in_it(worker: Worker) -> None:
    connection = {
        "vendor": "booking_com", "name": SECRETS[2], "base_url": "http://127.0.0.1:9",
        "credentials": {"client_id": SECRETS[3], "client_secret": SECRETS[0]},
    }  # fmt: skip
    assert worker.post("/v1/connections", connection).status_code == 200
    made = worker.post("/v1/keys", {"name": "k", "role": "viewer"}).json()
    worker.post(f"/v1/keys/{made['id']}/rotate", {})
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        everything = str(conn.exec_driver_sql("SELECT string_agg(audit_log::text, ' ') FROM audit_log").scalar_one())
    assert not [one for one in (*SECRETS, made["key"], "np_") if one in everything]


def test_a_session_is_told_as_one_from_login_to_logout(worker: Worker) -> None:
    client, key_id = by_key(worker)
    client.post("/logout", data={"csrf_token": token_of(client)})
    out, into = newest(worker, 2)
    assert (out["via"], out["action"]) == ("console", "POST /logout")
    assert f"by key {key_id} ada" in out["actor"]
    assert (into["action"], into["actor"]) == ("POST /login", f"key {key_id} ada")


def nightporter(worker: Worker, *told: str) -> subprocess.CompletedProcess[str]:
    names = ("database_url", "redis_url", "secret_key")
    secrets = {name: getattr(worker.settings, name).get_secret_value() for name in names}
    plain = {"raw_root": str(worker.settings.raw_root), "tenant_id": str(worker.settings.tenant_id)}
    env = {f"NIGHTPORTER_{name.upper()}": value for name, value in {**secrets, **plain}.items()}
    command = [sys.executable, "-c", "from python_nodes.cli import app; app()", *told]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_commands_are_told_and_the_chain_is_verified(worker: Worker) -> None:
    done = nightporter(worker, "apikeys", "create", "--name", "by hand", "--role", "viewer")
    assert done.returncode == 0, done.stderr
    told = newest(worker)[0]
    assert (told["via"], told["action"], told["outcome"]) == ("cli", "apikeys create", "done")
    assert told["actor"].startswith("user ")
    assert set(told["objects"]) == {"key_id"}
    shown = nightporter(worker, "audit", "show", "--who", "user ", "--json")
    assert json.loads(shown.stdout.splitlines()[0])["action"] == "apikeys create"
    verified = nightporter(worker, "audit", "verify")
    assert verified.returncode == 0, verified.stderr
    head = verified.stdout.split()[-1]
    assert f"{entries(worker)} entries" in verified.stdout
    assert audit_verify.run(worker.services.database, worker.settings.tenant_id, lambda *_: None).head == head
    cut = nightporter(worker, "audit", "verify", "--expect", "0" * 64)
    assert (cut.returncode, "BROKEN" in cut.stdout) == (1, True)
