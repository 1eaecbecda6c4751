"""Every vendor discovered behaves alike when the other side does not."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from python_nodes import vendors
from python_nodes.errors import ConfigError, PermanentError, RetryableError
from python_nodes.vendors.base import HttpSettings, RawPayload, Runtime
from python_nodes.vendors.resilience import build_runtime

FIXTURES = Path(__file__).parents[1] / "fixtures" / "vendors"
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _spec(vendor: str) -> dict[str, Any]:
    return tomllib.loads((FIXTURES / vendor / "conformance.toml").read_text())


CASES = [(vendor, operation) for vendor in vendors.discover() for operation in _spec(vendor)["operations"]]
HTTP_CASES = [case for case in CASES if vendors.load(case[0]).capabilities.transport == "http"]
# What is called without credentials has nothing that a 401 could refresh.
KEYED_CASES = [(vendor, name) for vendor, name in HTTP_CASES if not _spec(vendor)["operations"][name].get("keyless")]

READ_TIMEOUT_S = 1.0
"""Long enough that a busy machine's pause is not taken for a vendor's."""


@pytest.fixture
def runtime(valkey_url: str, request: pytest.FixtureRequest) -> Runtime:
    """A runtime of this test's own: its own breaker, limits and tokens on a real server."""
    return build_runtime(
        valkey_url,
        fernet_key=Fernet.generate_key().decode(),
        vendor="conformance",
        connection=f"{request.node.name}-{time.time_ns()}",
        clock=lambda: datetime.now(UTC),
        sleep=lambda seconds: time.sleep(min(seconds, 0.01)),
        http=HttpSettings(read_timeout_s=READ_TIMEOUT_S, attempts=3, wait_initial_s=0.001, wait_max_s=0.01),
    )


def _client(vendor: str, base_url: str, runtime: Runtime) -> Any:
    spec = _spec(vendor)
    told = dict(spec["settings"])
    if "path" in told:
        told["path"] = str(FIXTURES / vendor / told["path"])
    return vendors.load(vendor).client(base_url, spec["credentials"], told, runtime)


def _fetch(client: Any, vendor: str, operation: str) -> list[RawPayload]:
    fetch = getattr(client, f"fetch_{operation}")
    return list(fetch(as_of=AS_OF, property_ids=_spec(vendor)["property_ids"], start=None, end=None))


def _map(vendor: str, operation: str, content: bytes) -> tuple[list[Any], list[Any]]:
    mapped = getattr(vendors.load(vendor).mapping, f"map_{operation}")
    good, bad = mapped(content, source=vendor, observed_at=AS_OF, raw_id=7)
    return good, bad


def _serve_token(server: HTTPServer, vendor: str) -> None:
    token = _spec(vendor)["token"]
    server.expect_request(token["path"], method=token["method"]).respond_with_data(token["body"])


def _serve(server: HTTPServer, vendor: str, operation: str) -> None:
    _serve_token(server, vendor)
    for answer in _spec(vendor)["operations"][operation]["answers"]:
        body = (FIXTURES / vendor / answer["file"]).read_bytes()
        server.expect_request(answer["path"], method=answer["method"]).respond_with_data(body)


def _serve_refusals(
    server: HTTPServer, vendor: str, operation: str, refusals: Iterator[Response], then: bytes = b""
) -> list[Request]:
    """Answer with ``refusals`` until they end, then with the fixture; collects the requests."""
    _serve_token(server, vendor)
    seen: list[Request] = []
    for answer in _spec(vendor)["operations"][operation]["answers"]:
        body = (FIXTURES / vendor / answer["file"]).read_bytes()

        def handle(request: Request, body: bytes = body) -> Response:
            seen.append(request)
            return next(refusals, None) or Response(then or body)

        server.expect_request(answer["path"], method=answer["method"]).respond_with_handler(handle)
    return seen


@pytest.mark.parametrize("vendor", vendors.discover())
def test_every_operation_says_where_it_is_known_from(vendor: str) -> None:
    loaded = vendors.load(vendor)
    for operation in loaded.capabilities.operations.values():
        assert bool(operation.documented) != bool(operation.assumption)
    for operation in _spec(vendor)["operations"]:
        assert operation in loaded.capabilities.operations
    fetched = {name.removeprefix("fetch_") for name in dir(loaded.client) if name.startswith("fetch_")}
    assert fetched == set(_spec(vendor)["operations"]), "every fetch has a conformance fixture"


@pytest.mark.parametrize("vendor", vendors.discover())
def test_unknown_setting_is_refused_by_name(vendor: str, runtime: Runtime) -> None:
    spec = _spec(vendor)
    with pytest.raises(ConfigError, match="mispelt"):
        vendors.load(vendor).client("http://x", spec["credentials"], {**spec["settings"], "mispelt": 1}, runtime)


@pytest.mark.parametrize(("vendor", "operation"), CASES)
def test_good_answers_map_and_a_second_run_yields_the_same(
    vendor: str, operation: str, httpserver: HTTPServer, runtime: Runtime
) -> None:
    if (vendor, operation) in HTTP_CASES:
        _serve(httpserver, vendor, operation)
    spec = _spec(vendor)["operations"][operation]
    runs = []
    for _ in range(2):
        client = _client(vendor, httpserver.url_for(""), runtime)
        mapped = [_map(vendor, operation, one.content) for one in _fetch(client, vendor, operation)]
        client.close()
        runs.append(mapped)
    assert runs[0] == runs[1]
    assert sum(len(good) for good, _ in runs[0]) == spec["good"]
    rejected = [one for _, bad in runs[0] for one in bad]
    assert len(rejected) == spec["bad"]
    for one in rejected:
        assert one.field
        assert one.field in one.reason
        assert one.raw_id == 7
        good, again = _map(vendor, operation, one.raw)
        assert (good, len(again)) == ([], 1), "a quarantined record maps again by itself"


@pytest.mark.parametrize(("vendor", "operation"), CASES)
def test_empty_answer_holds_nothing(vendor: str, operation: str) -> None:
    spec = _spec(vendor)["operations"][operation]
    good, bad = _map(vendor, operation, spec["empty"].encode())
    assert (good, len(bad)) == ([], int(spec.get("empty_is_fault", False)))


@pytest.mark.parametrize(("vendor", "operation"), CASES)
def test_malformed_body_is_one_rejected_with_the_whole_payload(vendor: str, operation: str) -> None:
    for content in (b"", b"<a", b"\xff\xfe\x00", b'{"data":', b"<!DOCTYPE x [<!ENTITY e 'x'>]><x>&e;</x>"):
        good, bad = _map(vendor, operation, content)
        assert (good, [one.raw for one in bad]) == ([], [content])


@pytest.mark.parametrize(("vendor", "operation"), CASES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mapping_never_raises(vendor: str, operation: str, data: st.DataObject) -> None:
    answers = _spec(vendor)["operations"][operation]["answers"]
    whole = (FIXTURES / vendor / data.draw(st.sampled_from(answers))["file"]).read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    noise = data.draw(st.binary(max_size=12) | st.sampled_from([b"", b"-", b"9" * 400, b'"', b",", b"\n"]))
    cut = data.draw(st.integers(0, 40))
    _map(vendor, operation, whole[:at] + noise + whole[at + cut :])
    _map(vendor, operation, data.draw(st.binary(max_size=200)))


@pytest.mark.parametrize(("vendor", "operation"), HTTP_CASES)
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "1"}], ids=["bare", "retry-after"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_failure_is_tried_again(
    vendor: str, operation: str, status: int, headers: dict[str, str], httpserver: HTTPServer, runtime: Runtime
) -> None:
    seen = _serve_refusals(httpserver, vendor, operation, iter([Response(status=status, headers=headers)] * 2))
    payloads = _fetch(_client(vendor, httpserver.url_for(""), runtime), vendor, operation)
    assert len(seen) == len(payloads) + 2


@pytest.mark.parametrize(("vendor", "operation"), HTTP_CASES)
def test_lasting_429_tells_how_long_to_wait(
    vendor: str, operation: str, httpserver: HTTPServer, runtime: Runtime
) -> None:
    refusals = (Response(status=429, headers={"Retry-After": "600"}) for _ in range(99))
    seen = _serve_refusals(httpserver, vendor, operation, refusals)
    with pytest.raises(RetryableError) as caught:
        _fetch(_client(vendor, httpserver.url_for(""), runtime), vendor, operation)
    assert caught.value.retry_after_s == 600
    assert len(seen) == 1, "ten minutes are not slept in a worker's thread"


@pytest.mark.parametrize(("vendor", "operation"), KEYED_CASES)
def test_401_refreshes_once(vendor: str, operation: str, httpserver: HTTPServer, runtime: Runtime) -> None:
    seen = _serve_refusals(httpserver, vendor, operation, iter([Response(status=401)]))
    payloads = _fetch(_client(vendor, httpserver.url_for(""), runtime), vendor, operation)
    assert len(seen) == len(payloads) + 1
    signed = _spec(vendor)["operations"][operation].get("authorization", f"Bearer {_spec(vendor)['bearer']}")
    assert {request.headers["Authorization"] for request in seen} == {signed}


@pytest.mark.parametrize(("vendor", "operation"), HTTP_CASES)
@pytest.mark.parametrize(("status", "calls"), [(401, 2), (403, 1), (404, 1)])
def test_refusal_is_permanent(
    vendor: str, operation: str, status: int, calls: int, httpserver: HTTPServer, runtime: Runtime
) -> None:
    seen = _serve_refusals(httpserver, vendor, operation, (Response(status=status) for _ in range(99)))
    with pytest.raises(PermanentError, match=str(status)):
        _fetch(_client(vendor, httpserver.url_for(""), runtime), vendor, operation)
    assert len(seen) == (calls if (vendor, operation) in KEYED_CASES else 1)


@pytest.mark.parametrize(("vendor", "operation"), HTTP_CASES)
def test_time_out_and_cut_body_are_passing(
    vendor: str, operation: str, httpserver: HTTPServer, runtime: Runtime
) -> None:
    def slow_then_cut() -> Iterator[Response]:
        time.sleep(1.5 * READ_TIMEOUT_S)
        yield Response(b"too late")
        yield Response(iter([b"cut"]), headers={"Content-Length": "100"})

    seen = _serve_refusals(httpserver, vendor, operation, slow_then_cut())
    payloads = _fetch(_client(vendor, httpserver.url_for(""), runtime), vendor, operation)
    assert len(seen) == len(payloads) + 2
