"""Keys over real HTTP: roles over every route, rotation with overlap, an end, and what is told of them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from python_nodes.scopes import ROLES, of_role
from python_nodes.store import apikeys
from tests.integration.worker.conftest import Worker

FILLED = {
    "id": "999999", "operation": "ari", "vendor": "booking_com", "answer": "approve", "card": "x", "digest": "0" * 12,
    "name": "x.js", "connection_id": "999999", "change": "enable",
}  # fmt: skip


def ask(worker: Worker, key: str, method: str, path: str, **told: Any) -> httpx2.Response:
    return worker.client.request(method, path, headers={"Authorization": f"Bearer {key}"}, **told)


def is_let_in(worker: Worker, key: str) -> bool:
    return ask(worker, key, "GET", "/v1/alerts").status_code == 200


def made(worker: Worker, **wanted: Any) -> tuple[int, str]:
    answer = worker.post("/v1/keys", {"name": "test", **wanted})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"], answer.json()["key"]


@pytest.fixture(scope="module")
def described(worker: Worker) -> dict[str, Any]:
    found: dict[str, Any] = worker.client.get("/openapi.json").json()["paths"]
    return found


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_names_on_every_route_and_nothing_else(
    worker: Worker, described: dict[str, Any], role: str
) -> None:
    _, key = made(worker, role=role)
    tried = 0
    for path, item in described.items():
        for method, operation in item.items():
            needs = [scope for need in operation.get("security", []) for scope in need.get("api_key", [])]
            if not needs or path.startswith(("/docs", "/openapi")):
                continue
            may = needs[0] in of_role(role) or role == "admin"
            # A body that no endpoint takes: who may is told what is wrong with it, and nothing is done.
            body = {"json": {"not a field": 1}} if method == "post" else {"params": {"as_of": "never"}}
            answer = ask(worker, key, method.upper(), path.format(**FILLED), **body)
            assert (answer.status_code == 403) is not may, (role, method, path, answer.status_code, answer.text)
            assert may or f"'{needs[0]}'" in answer.json()["detail"], "it says which scope is missing"
            tried += 1
    assert tried > 60


def test_a_refusal_names_the_roles_that_may(worker: Worker) -> None:
    _, key = made(worker, role="viewer")
    assert "operator or admin has" in ask(worker, key, "POST", "/v1/learn", json={}).json()["detail"]
    assert "which admin has" in ask(worker, key, "GET", "/v1/keys").json()["detail"]


def test_a_rotated_key_has_two_secrets_until_the_overlap_ends(worker: Worker) -> None:
    key_id, first = made(worker, role="viewer")
    told = worker.post(f"/v1/keys/{key_id}/rotate", {"overlap_s": 600}).json()
    assert told["id"] == key_id
    assert is_let_in(worker, first)
    assert is_let_in(worker, told["key"])
    until_at = datetime.fromisoformat(told["previous_until_at"])
    assert timedelta(seconds=590) < until_at - datetime.now(UTC) <= timedelta(seconds=600)
    with worker.services.database.anonymous() as conn:
        before, after = until_at - timedelta(seconds=1), until_at + timedelta(seconds=1)
        assert apikeys.authenticate(conn, first, before) is not None
        assert apikeys.authenticate(conn, first, after) is None
        assert apikeys.authenticate(conn, told["key"], after) is not None


def test_without_overlap_the_secret_before_is_worth_nothing_at_once(worker: Worker) -> None:
    key_id, first = made(worker, role="viewer")
    second = worker.post(f"/v1/keys/{key_id}/rotate", {"overlap_s": 0}).json()["key"]
    assert (is_let_in(worker, first), is_let_in(worker, second)) == (False, True)


def test_a_second_rotation_ends_the_oldest_secret(worker: Worker) -> None:
    key_id, first = made(worker, role="viewer")
    second = worker.post(f"/v1/keys/{key_id}/rotate", {}).json()["key"]
    third = worker.post(f"/v1/keys/{key_id}/rotate", {}).json()["key"]
    assert [is_let_in(worker, key) for key in (first, second, third)] == [False, True, True]


def test_a_key_expires_and_rotating_it_may_give_it_a_new_end(worker: Worker) -> None:
    end_at = datetime.now(UTC) + timedelta(hours=1)
    key_id, key = made(worker, role="viewer", expires_at=end_at.isoformat())
    assert is_let_in(worker, key)
    with worker.services.database.anonymous() as conn:
        assert apikeys.authenticate(conn, key, end_at + timedelta(seconds=1)) is None
    later_at = end_at + timedelta(days=9)
    new = worker.post(f"/v1/keys/{key_id}/rotate", {"expires_at": later_at.isoformat()}).json()["key"]
    with worker.services.database.anonymous() as conn:
        assert apikeys.authenticate(conn, new, end_at + timedelta(days=1)) is not None
    over = worker.post("/v1/keys", {"name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"})
    assert (over.status_code, over.json()["field"]) == (422, "expires_at")


def test_a_revoked_key_is_refused_at_once_and_cannot_be_rotated(worker: Worker) -> None:
    key_id, key = made(worker, role="operator")
    second = worker.post(f"/v1/keys/{key_id}/rotate", {}).json()["key"]
    assert worker.post(f"/v1/keys/{key_id}/revoke", {}).json() == {"status": "revoked"}
    assert not is_let_in(worker, key)
    assert not is_let_in(worker, second)
    assert worker.post(f"/v1/keys/{key_id}/revoke", {}).json() == {"status": "unchanged"}
    assert worker.post(f"/v1/keys/{key_id}/rotate", {}).status_code == 404
    assert worker.post("/v1/keys/999999/revoke", {}).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "role"), ({"role": "viewer", "scopes": ["read"]}, "role"), ({"role": "root"}, "role"),
        ({"scopes": ["root"]}, "scopes.0"), ({"role": "viewer", "properties": ["nowhere"]}, "property"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_is_refused_by_field(worker: Worker, wanted: dict[str, Any], field: str) -> None:
    answer = worker.post("/v1/keys", {"name": "x", **wanted})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_the_list_tells_everything_but_secrets_and_last_use_to_the_minute(worker: Worker) -> None:
    key_id, key = made(worker, scopes=["read", "metrics"])
    used_at = datetime.now(UTC)
    for _ in range(3):
        assert is_let_in(worker, key)
    told = next(one for one in worker.client.get("/v1/keys").json()["keys"] if one["id"] == key_id)
    assert (told["scopes"], told["role"], told["state"]) == (["metrics", "read"], None, "active")
    first = datetime.fromisoformat(told["last_used_at"])
    assert abs(first - used_at) < timedelta(seconds=30)
    with worker.services.database.anonymous() as conn:
        apikeys.authenticate(conn, key, first + timedelta(seconds=59))
        apikeys.authenticate(conn, key, first + timedelta(seconds=61))
    again = next(one for one in worker.client.get("/v1/keys").json()["keys"] if one["id"] == key_id)
    # Written when it was a minute old, not at the call before.
    assert datetime.fromisoformat(again["last_used_at"]) == first + timedelta(seconds=61)
    assert key not in worker.client.get("/v1/keys").text


def test_a_secret_is_not_kept_for_whoever_asks_again(worker: Worker) -> None:
    headers = {"Idempotency-Key": "new-key"}
    first = worker.post("/v1/keys", {"name": "once", "role": "viewer"}, **headers)
    again = worker.post("/v1/keys", {"name": "once", "role": "viewer"}, **headers)
    assert first.json()["key"].startswith("np_")
    assert again.json() == {"id": first.json()["id"]}
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        kept = conn.exec_driver_sql("SELECT response::text FROM idempotency_keys WHERE key = 'new-key'").scalar_one()
    assert first.json()["key"] not in kept


def test_the_command_line_makes_lists_rotates_and_revokes(worker: Worker) -> None:
    def run(*told: str) -> str:
        names = ("database_url", "redis_url", "secret_key")
        secrets = {name: getattr(worker.settings, name).get_secret_value() for name in names}
        plain = {"raw_root": str(worker.settings.raw_root), "tenant_id": str(worker.settings.tenant_id)}
        env = {f"NIGHTPORTER_{name.upper()}": value for name, value in {**secrets, **plain}.items()}
        command = [sys.executable, "-c", "from python_nodes.cli import app; app()", "apikeys", *told]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    key = run("create", "--name", "by hand", "--role", "viewer", "--days", "3")
    assert is_let_in(worker, key)
    found = next(one for one in worker.client.get("/v1/keys").json()["keys"] if one["name"] == "by hand")
    new = run("rotate", str(found["id"]), "--overlap-hours", "0")
    assert (is_let_in(worker, key), is_let_in(worker, new)) == (False, True)
    assert run("revoke", str(found["id"])) == "revoked"
    assert not is_let_in(worker, new)
    assert "by hand" in run("list")
