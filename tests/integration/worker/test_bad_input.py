"""Each bad request over real HTTP: a clear 4xx problem that names the field, nothing half stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from python_nodes.scopes import SCOPES

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.integration.worker.conftest import Worker

PROBLEM = "application/problem+json"


def assert_problem(answer: httpx2.Response, status: int, field: str | None = None) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert len(told["error_id"]) == 32
    assert {"type", "title", "detail"} <= told.keys()
    assert told.get("field") == field
    return told


def test_without_a_key_nothing_answers(worker: Worker) -> None:
    answer = httpx2.get(f"{worker.url}/v1/alerts")
    assert_problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("given", ["Bearer np_wrong", "Basic bnA6bnA=", "np_wrong", "Bearer a b"])
def test_a_wrong_key_is_refused(worker: Worker, given: str) -> None:
    assert_problem(httpx2.get(f"{worker.url}/v1/alerts", headers={"Authorization": given}), 401)


def test_unknown_addresses_tell_nothing_without_a_key(worker: Worker) -> None:
    assert_problem(httpx2.get(f"{worker.url}/v1/nothing"), 401)
    assert_problem(worker.client.get("/v1/nothing"), 404)


def test_a_scope_opens_only_its_own_endpoints(worker: Worker) -> None:
    headers = {"Authorization": f"Bearer {worker.key('read')}"}
    assert httpx2.get(f"{worker.url}/v1/alerts", headers=headers).status_code == 200
    told = assert_problem(httpx2.post(f"{worker.url}/v1/guards/check", headers=headers, json={}), 403)
    assert "score" in told["detail"]


def test_a_wrong_method_names_the_right_one(worker: Worker) -> None:
    answer = worker.client.get("/v1/guards/check")
    assert_problem(answer, 405)
    assert "POST" in answer.headers["allow"]


def test_an_oversized_body_is_refused(worker: Worker) -> None:
    body = b'{"as_of": "' + b"x" * worker.settings.max_body_bytes + b'"}'
    headers = {"Content-Type": "application/json"}
    assert_problem(worker.client.post("/v1/guards/check", content=body, headers=headers), 413)


def test_an_oversized_body_with_an_idempotency_key_is_refused(worker: Worker) -> None:
    body = b'{"as_of": "' + b"x" * worker.settings.max_body_bytes + b'"}'
    headers = {"Content-Type": "application/json", "Idempotency-Key": "big"}
    assert_problem(worker.client.post("/v1/guards/check", content=body, headers=headers), 413)


@pytest.mark.parametrize("body", [b'{"as_of": ', b"[1, 2]", b"null", b'"text"', b"\xff\xfe", b'{"a": NaN'])
def test_malformed_json_is_refused(worker: Worker, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert_problem(worker.client.post("/v1/guards/check", content=body, headers=headers), 400)


def test_another_content_type_is_refused(worker: Worker) -> None:
    assert_problem(worker.client.post("/v1/guards/check", content=b"a=b", headers={"Content-Type": "text/plain"}), 415)


@pytest.mark.parametrize("as_of", ["2026-03-02T12:00:00", "yesterday", "2026-13-01T00:00:00Z", 12.5e300, None])
def test_a_naive_or_wrong_moment_names_its_field(worker: Worker, as_of: Any) -> None:
    answer = worker.post("/v1/guards/check", {"as_of": as_of})
    if as_of is None:
        assert answer.status_code == 200
    else:
        assert_problem(answer, 422, "as_of")


def test_a_misspelt_field_is_named(worker: Worker) -> None:
    assert_problem(worker.post("/v1/guards/check", {"asof": "2026-03-02T12:00:00Z"}), 422, "asof")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/alerts/999/route", {}),
        ("/v1/deliveries/999/send", {}),
        ("/v1/poll/ari", {"connection_id": 999}),
        ("/v1/backfill", {"connection_id": 999, "start": "2026-01-01", "end": "2026-01-02"}),
        ("/v1/replay", {"rejected_ids": [999]}),
    ],
)
def test_what_is_not_there_is_404(worker: Worker, path: str, body: dict[str, Any]) -> None:
    assert_problem(worker.post(path, body), 404)


@pytest.mark.parametrize("path", ["/v1/alerts/999", "/v1/alerts/999/explain", "/v1/jobs/none", "/v1/alerts/x"])
def test_reading_what_is_not_there_is_404(worker: Worker, path: str) -> None:
    assert_problem(worker.client.get(path), 404)


def test_an_unknown_operation_names_its_field(worker: Worker) -> None:
    assert_problem(worker.post("/v1/poll/everything", {"connection_id": 1}), 422, "operation")


def test_a_backfill_that_ends_before_it_starts_names_its_field(worker: Worker) -> None:
    body = {"connection_id": 1, "start": "2026-01-02", "end": "2026-01-01"}
    assert_problem(worker.post("/v1/backfill", body), 422, "end")


@pytest.mark.parametrize(
    ("where", "value", "field"),
    [
        (("properties", 0, "timezone"), "Mars/Olympus", "properties.0.timezone"),
        (("properties", 0, "currency"), "XQZ", "properties.0.currency"),
        (("units", 1, "floor_price_minor"), -1, "units.1.floor_price_minor"),
        (("units", 0, "property_external_id"), "nowhere", "units.0.property_external_id"),
        (("listings", 1, "unit_external_id"), "nothing", "listings.1.unit_external_id"),
        (("listings", 0, "colour"), "red", "listings.0.colour"),
    ],
)
def test_a_wrong_portfolio_names_its_field_and_stores_nothing(
    worker: Worker, portfolio: dict[str, Any], where: tuple[Any, ...], value: Any, field: str
) -> None:
    kind, row, name = where
    portfolio[kind][row][name] = value
    assert_problem(worker.post("/v1/portfolio", portfolio), 422, field)
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM properties").scalar_one() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"vendor": "nobody", "name": "x"}, "vendor"),
        ({"vendor": "booking_com", "name": "x", "base_url": "http://127.0.0.1:9", "credentials": {}}, "settings"),
        ({"vendor": "operator_file", "name": "x", "settings": {"pth": "/tmp/x"}}, "settings"),
    ],
)
def test_a_wrong_connection_is_refused(worker: Worker, body: dict[str, Any], field: str) -> None:
    assert_problem(worker.post("/v1/connections", body), 422, field)
    assert worker.client.get("/v1/connections").json() == {"connections": []}


def test_an_unforeseen_error_tells_its_id_and_nothing_else(
    worker: Worker, owner: Connection, capfd: pytest.CaptureFixture[str]
) -> None:
    owner.exec_driver_sql("ALTER TABLE deliveries RENAME TO hidden")
    owner.commit()
    try:
        answer = worker.client.get("/v1/summary")
    finally:
        owner.exec_driver_sql("ALTER TABLE hidden RENAME TO deliveries")
        owner.commit()
    told = assert_problem(answer, 500)
    assert "SELECT" not in answer.text
    assert "deliveries" not in answer.text
    (line,) = [one for one in capfd.readouterr().err.splitlines() if told["error_id"] in one]
    assert "UndefinedTable" in line, "what happened is in the log, under the same id"
    assert worker.client.get("/v1/summary").status_code == 200


def test_a_store_that_cannot_be_read_stores_nothing_by_halves(
    worker: Worker, owner: Connection, portfolio: dict[str, Any]
) -> None:
    owner.exec_driver_sql("ALTER TABLE rate_plans RENAME TO hidden")
    owner.commit()
    try:
        assert_problem(worker.post("/v1/portfolio", portfolio), 500)
    finally:
        owner.exec_driver_sql("ALTER TABLE hidden RENAME TO rate_plans")
        owner.commit()
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        for table in ("properties", "units", "listings"):
            assert conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0, table


def addressed(path: str, operation: dict[str, Any]) -> str:
    """The path with a value that its own schema allows for every parameter."""
    for one in operation.get("parameters", []):
        if one["in"] == "path":
            schema = one["schema"]
            value = schema.get("enum", [1 if schema["type"] == "integer" else "ari"])[0]
            path = path.replace("{" + one["name"] + "}", str(value))
    assert "{" not in path, path
    return path


def test_a_key_without_the_scope_is_refused_by_name_everywhere(worker: Worker) -> None:
    keys = {scope: worker.key(*(set(SCOPES) - {scope, "admin"})) for scope in SCOPES}
    asked = 0
    for path, item in worker.client.get("/openapi.json").json()["paths"].items():
        for verb, operation in item.items():
            # What a sender signs needs no key; its own tests hold what a forged signature gets.
            if "api_key" not in next(iter(operation.get("security", [])), {}):
                continue
            scope = operation["security"][0]["api_key"][0]
            address = addressed(path, operation)
            headers = {"Authorization": f"Bearer {keys[scope]}"}
            answer = httpx2.request(verb.upper(), worker.url + address, headers=headers)
            assert repr(scope) in assert_problem(answer, 403)["detail"], (verb, path)
            asked += 1
    assert asked > 20


@pytest.mark.parametrize("number", [0, 2**53 + 1, 2**64, -1])
@pytest.mark.parametrize("path", ["/v1/deliveries/{}/send", "/v1/alerts/{}/route"])
def test_a_number_out_of_range_is_no_server_s_fault(worker: Worker, path: str, number: int) -> None:
    assert worker.post(path.format(number), {}).status_code in (404, 422)


@pytest.mark.parametrize("path", ["/v1/deliveries/{}/send", "/v1/alerts/{}/route"])
def test_the_largest_number_is_not_there(worker: Worker, path: str) -> None:
    assert_problem(worker.post(path.format(2**53), {}), 404)


@pytest.mark.parametrize(
    "address", ["/console/find?q=a%00b", "/v1/jobs/a%00b", "/v1/alerts?state=%00", "/act?token=%00"]
)
def test_an_address_with_a_nul_is_refused(worker: Worker, address: str) -> None:
    assert_problem(worker.client.get(address), 400)
