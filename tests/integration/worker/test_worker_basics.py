"""Keys, pages, idempotency and the portfolio, over real HTTP."""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from python_nodes import auth
from python_nodes.login import login_token, session_token

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.integration.worker.conftest import Worker


def session(worker: Worker, **changes: Any) -> httpx2.Response:
    secret = worker.settings.secret_key.get_secret_value()
    token = login_token(changes.get("secret", secret), worker.settings.tenant_id)
    return httpx2.get(f"{worker.url}/login", params={"token": token, **changes.get("params", {})})


def test_health_needs_no_key_and_names_each_store(worker: Worker) -> None:
    assert httpx2.get(f"{worker.url}/healthz").json() == {"status": "ok"}
    answer = httpx2.get(f"{worker.url}/readyz")
    assert (answer.status_code, answer.json()["stores"]) == (200, {"postgresql": "ok", "valkey": "ok"})


def test_the_printed_link_opens_the_pages_for_reading_only(worker: Worker) -> None:
    answer = session(worker)
    assert (answer.status_code, answer.headers["location"]) == (302, "/console/alerts")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    headers = {"Cookie": cookie.partition(";")[0]}
    for page in ("/docs", "/openapi.json", "/console/alerts", "/docs/scalar.js"):
        assert httpx2.get(worker.url + page, headers=headers).status_code == 200, page
    # The cookie is for pages: the API proper and every POST need a key.
    assert httpx2.get(f"{worker.url}/v1/alerts", headers=headers).status_code == 401
    assert httpx2.post(f"{worker.url}/v1/guards/check", headers=headers, json={}).status_code == 401


def test_a_forged_link_or_one_that_leads_away_opens_nothing(worker: Worker) -> None:
    assert session(worker, secret="another").status_code == 401
    assert session(worker, params={"next": "//evil.example"}).status_code == 422
    assert httpx2.get(f"{worker.url}/login", params={"token": "x"}).status_code == 401
    forged = {"Cookie": f"{auth.COOKIE}=eyJ0ZW5hbnRfaWQiOjF9.x.y"}
    assert httpx2.get(f"{worker.url}/console/alerts", headers=forged).status_code == 401


def link(worker: Worker, age: timedelta, max_age_s: int) -> str:
    """Sign a link's token as a clock that is ``age`` behind would have."""
    secret = worker.settings.secret_key.get_secret_value()
    return login_token(secret, worker.settings.tenant_id, at=datetime.now(UTC) - age, max_age_s=max_age_s)


@pytest.mark.parametrize(("too_late_s", "status"), [(-60, 302), (60, 401)])
@pytest.mark.parametrize("in_token", [False, True])
def test_the_printed_link_expires(worker: Worker, too_late_s: int, status: int, in_token: bool) -> None:
    # By its own end, or by the worker's setting where that is sooner.
    most = worker.settings.login_max_age_s
    max_age_s, age = (
        (60, timedelta(seconds=60 + too_late_s)) if in_token else (9**9, timedelta(seconds=most + too_late_s))
    )
    answer = httpx2.get(f"{worker.url}/login", params={"token": link(worker, age, max_age_s)})
    assert answer.status_code == status
    assert status == 302 or "login-link" in answer.json()["detail"], "it says how to get another"


@pytest.mark.parametrize(("too_late_s", "status"), [(-60, 200), (60, 401)])
def test_a_session_expires(worker: Worker, too_late_s: int, status: int) -> None:
    max_age_s = worker.settings.session_max_age_s
    begun_at = datetime.now(UTC) - timedelta(seconds=max_age_s + too_late_s)
    told = {"tenant": worker.settings.tenant_id, "role": "viewer"}
    token = session_token(worker.settings.secret_key.get_secret_value(), told, begun_at, max_age_s)
    cookie = {"Cookie": f"{auth.COOKIE}={token}"}
    assert httpx2.get(f"{worker.url}/docs", headers=cookie).status_code == status


def test_a_login_token_is_no_session(worker: Worker) -> None:
    cookie = {"Cookie": f"{auth.COOKIE}={link(worker, timedelta(), 600)}"}
    assert httpx2.get(f"{worker.url}/docs", headers=cookie).status_code == 401


@pytest.mark.parametrize("page", ["/docs", "/openapi.json"])
def test_the_documentation_holds_no_address_elsewhere(worker: Worker, page: str) -> None:
    assert re.findall(r"https?://[^\s\"']+", worker.client.get(page).text) == []


@pytest.mark.parametrize("page", ["/docs", "/console/alerts"])
def test_pages_load_nothing_from_elsewhere(worker: Worker, page: str) -> None:
    answer = worker.client.get(page)
    assert not re.findall(r"(?:src|href)=[\"'](?:https?:)?//", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http" not in answer.headers["content-security-policy"]


def test_openapi_describes_every_route_with_its_scope(worker: Worker) -> None:
    told = worker.client.get("/openapi.json").json()
    assert told["openapi"].startswith("3.")
    assert told["paths"]["/v1/guards/check"]["post"]["security"] == [{"api_key": ["score"]}]
    for path, item in told["paths"].items():
        for verb, operation in item.items():
            assert operation.get("security") or path in auth.PUBLIC_PATHS, path
            if verb == "post":
                assert "Idempotency-Key" in [one["name"] for one in operation["parameters"]], path


def test_the_same_key_and_body_give_the_same_answer(worker: Worker, portfolio: dict[str, Any]) -> None:
    first = worker.post("/v1/portfolio", portfolio, **{"Idempotency-Key": "p1"})
    again = worker.post("/v1/portfolio", portfolio, **{"Idempotency-Key": "p1"})
    assert first.json() == again.json() == {"properties": 1, "units": 2, "listings": 2, "rate_plans": 2}
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    portfolio["listings"][0]["title"] = "Another"
    refused = worker.post("/v1/portfolio", portfolio, **{"Idempotency-Key": "p1"})
    assert (refused.status_code, refused.json()["field"]) == (422, "Idempotency-Key")
    # A key belongs to one endpoint.
    assert worker.post("/v1/guards/check", {}, **{"Idempotency-Key": "p1"}).status_code == 200


def test_an_error_does_not_use_up_a_key(worker: Worker, owner: Connection) -> None:
    owner.exec_driver_sql("ALTER TABLE anomalies RENAME TO hidden")
    owner.commit()
    try:
        assert worker.post("/v1/guards/check", {}, **{"Idempotency-Key": "e1"}).status_code == 500
    finally:
        owner.exec_driver_sql("ALTER TABLE hidden RENAME TO anomalies")
        owner.commit()
    assert worker.post("/v1/guards/check", {}, **{"Idempotency-Key": "e1"}).status_code == 200


def test_the_same_key_at_the_same_time_runs_once(worker: Worker, owner: Connection) -> None:
    body = {"workflow": "twice", "node": "n", "message": "m", "execution_id": "1"}
    headers = {"Authorization": worker.client.headers["authorization"], "Idempotency-Key": "twice"}
    answers: list[httpx2.Response] = []

    def call() -> None:
        answers.append(httpx2.post(f"{worker.url}/v1/flow-errors", json=body, headers=headers, timeout=30))

    # Whoever is first waits for this lock, so that all three are under way at once.
    owner.exec_driver_sql("LOCK TABLE flow_errors IN ACCESS EXCLUSIVE MODE")
    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.7)
    assert answers == []
    owner.rollback()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False, True, True]
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        written = conn.exec_driver_sql("SELECT count(*) FROM flow_errors WHERE workflow = 'twice'").scalar_one()
    assert written == 1


def test_the_run_id_comes_back_unless_it_is_strange(worker: Worker) -> None:
    assert worker.client.get("/healthz", headers={"X-Run-Id": "n8n-42"}).headers["x-run-id"] == "n8n-42"
    assert worker.client.get("/healthz", headers={"X-Run-Id": "a b\x7f"}).headers["x-run-id"] != "a b\x7f"


def test_one_tenant_sees_nothing_of_another(worker: Worker, portfolio: dict[str, Any]) -> None:
    worker.post("/v1/connections", {"vendor": "operator_file", "name": "mine", "settings": {"path": "/tmp/x.csv"}})
    assert len(worker.client.get("/v1/connections").json()["connections"]) == 1
    from python_nodes.store import apikeys

    other = worker.settings.tenant_id + 1
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        key = apikeys.create(conn, "x", ["admin"], created_at=worker.services.clock())
    assert key.startswith("np_")
    with worker.services.database.tenant(other) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM connections").scalar_one() == 0


def test_summary_counts_everything(worker: Worker) -> None:
    told = worker.client.get("/v1/summary").json()
    assert told["deliveries"] == {"slack": 0, "email": 0, "sms": 0, "suppressed": 0}
    assert {"points_stored", "series", "rejected", "open_alerts"} <= told.keys()


def test_a_flow_error_is_kept_without_its_secrets(worker: Worker) -> None:
    body = {"workflow": "poll-listings", "node": "Poll", "message": "Bearer np_abcdefgh failed", "execution_id": "9"}
    assert worker.post("/v1/flow-errors", body).status_code == 202
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        kept = conn.exec_driver_sql("SELECT message FROM flow_errors WHERE execution_id = '9'").scalar_one()
    assert "np_" not in kept
