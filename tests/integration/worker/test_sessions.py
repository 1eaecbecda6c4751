"""Sessions of the pages over real HTTP: opened by link or key, guarded against other sites, ended for good."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import httpx2
import pytest

from python_nodes import auth
from python_nodes.login import login_token
from python_nodes.scopes import Role
from tests.integration.worker.conftest import Worker

PAGE = "/console/alerts"


def by_link(worker: Worker, role: Role = "operator") -> httpx2.Client:
    client = httpx2.Client(base_url=worker.url, timeout=30)
    token = login_token(worker.settings.secret_key.get_secret_value(), worker.settings.tenant_id, role=role)
    assert client.get("/login", params={"token": token}).status_code == 302
    return client


def by_key(worker: Worker, **wanted: Any) -> tuple[httpx2.Client, int]:
    made = worker.post("/v1/keys", {"name": "ada", **(wanted or {"role": "admin"})}).json()
    client = httpx2.Client(base_url=worker.url, timeout=30)
    assert client.post("/login", data={"api_key": made["key"]}).status_code == 303
    return client, made["id"]


def token_of(client: httpx2.Client) -> str:
    page = client.get(PAGE, headers={"Accept": "text/html"})
    assert page.status_code == 200
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page.text)
    assert found is not None
    return found.group(1)


def test_a_key_opens_a_session_with_its_own_rights(worker: Worker) -> None:
    client, _ = by_key(worker, role="admin")
    assert client.get(PAGE).status_code == 200
    blind, _ = by_key(worker, scopes=["metrics"])
    refused = blind.get(PAGE)
    assert (refused.status_code, "'read'" in refused.json()["detail"]) == (403, True)


@pytest.mark.parametrize("told", ["np_wrong", "", "x" * 5000])
def test_a_wrong_key_opens_nothing_and_is_not_repeated(worker: Worker, told: str) -> None:
    answer = httpx2.post(f"{worker.url}/login", data={"api_key": told})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert not told or told not in answer.text


def test_a_key_for_some_properties_opens_no_session(worker: Worker, portfolio: dict[str, Any]) -> None:
    assert worker.post("/v1/portfolio", portfolio).is_success
    made = worker.post("/v1/keys", {"name": "o", "role": "viewer", "properties": ["1001"]}).json()
    assert httpx2.post(f"{worker.url}/login", data={"api_key": made["key"]}).status_code == 401


def test_the_cookie_is_strict_and_out_of_scripts_reach(worker: Worker) -> None:
    secret, tenant_id = worker.settings.secret_key.get_secret_value(), worker.settings.tenant_id
    answer = httpx2.get(f"{worker.url}/login", params={"token": login_token(secret, tenant_id)})
    told = answer.headers["set-cookie"]
    assert "HttpOnly" in told
    assert "SameSite=Strict" in told
    # By plain HTTP on this machine only: a browser would keep a secure cookie to itself.
    assert "Secure" not in told
    assert worker.settings.base_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize("change", ["alg none", "payload", "other secret"])
def test_a_forged_session_opens_nothing(worker: Worker, change: str) -> None:
    client = by_link(worker)
    head, body, signature = client.cookies[auth.COOKIE].split(".")
    if change == "alg none":
        head, signature = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("="), ""
    elif change == "payload":
        told = json.loads(base64.urlsafe_b64decode(body + "=="))
        body = base64.urlsafe_b64encode(json.dumps({**told, "role": "admin"}).encode()).decode().rstrip("=")
    else:
        head, body, signature = login_token("another", worker.settings.tenant_id).split(".")
    forged = httpx2.get(worker.url + PAGE, headers={"Cookie": f"{auth.COOKIE}={head}.{body}.{signature}"})
    assert forged.status_code == 401


@pytest.mark.parametrize(
    "told",
    [
        {}, {"data": {"csrf_token": "0" * 64}}, {"headers": {"X-CSRF-Token": "é".encode()}},
        {"headers": {"X-CSRF-Token": "another's"}},
        {"headers": {"X-CSRF-Token": "own", "Sec-Fetch-Site": "cross-site"}},
        {"headers": {"X-CSRF-Token": "own", "Sec-Fetch-Site": "same-site"}},
    ],
)  # fmt: skip
def test_a_change_without_the_sessions_token_is_refused(worker: Worker, told: dict[str, Any]) -> None:
    client, other = by_link(worker), by_link(worker)
    words = {"another's": token_of(other), "own": token_of(client)}
    headers = {name: words.get(value, value) for name, value in told.get("headers", {}).items()}
    refused = client.post("/logout", headers=headers, data=told.get("data"))
    assert (refused.status_code, "X-CSRF-Token" in refused.text) == (403, True)
    assert client.get(PAGE).status_code == 200, "nothing was done"


@pytest.mark.parametrize("how", ["form", "header"])
def test_logging_out_ends_the_session_wherever_its_cookie_is(worker: Worker, how: str) -> None:
    client = by_link(worker)
    copied = {"Cookie": f"{auth.COOKIE}={client.cookies[auth.COOKIE]}"}
    token = token_of(client)
    told: dict[str, Any] = {"data": {"csrf_token": token}} if how == "form" else {"headers": {"X-CSRF-Token": token}}
    answer = client.post("/logout", **told)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert auth.COOKIE not in client.cookies
    assert httpx2.get(worker.url + PAGE, headers=copied).status_code == 401
    assert by_link(worker).get(PAGE).status_code == 200, "another session goes on"


def test_a_revoked_key_takes_its_sessions_with_it(worker: Worker) -> None:
    client, key_id = by_key(worker)
    assert client.get(PAGE).status_code == 200
    assert worker.post(f"/v1/keys/{key_id}/revoke", {}).is_success
    assert client.get(PAGE).status_code == 401


def test_a_rotated_key_keeps_its_sessions(worker: Worker) -> None:
    client, key_id = by_key(worker)
    assert worker.post(f"/v1/keys/{key_id}/rotate", {"overlap_s": 0}).is_success
    assert client.get(PAGE).status_code == 200


def test_a_session_changes_only_what_is_declared_for_pages(worker: Worker) -> None:
    client = by_link(worker, "admin")
    headers = {"X-CSRF-Token": token_of(client)}
    for path in ("/v1/keys", "/v1/guards/check"):
        assert client.post(path, headers=headers, json={}).status_code == 401
    assert client.get("/v1/alerts").status_code == 401


def test_the_login_page_asks_and_lets_no_other_site_in(worker: Worker) -> None:
    page = httpx2.get(f"{worker.url}/login")
    assert page.status_code == 200
    assert "form-action 'self'" in page.headers["content-security-policy"]
    sent = httpx2.post(f"{worker.url}/login", data={"api_key": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert sent.status_code == 403
    # Who logs in is nobody yet: there is no answer to keep under a key.
    repeated = httpx2.post(f"{worker.url}/login", data={"api_key": "x"}, headers={"Idempotency-Key": "a"})
    assert repeated.status_code == 401
