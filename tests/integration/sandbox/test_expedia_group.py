"""Expedia Group's counterpart over real HTTP, and our client reading it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet
from flask import Flask
from limits import RateLimitItemPerMinute

from python_nodes.errors import RetryableError
from python_nodes.vendors.base import HttpSettings
from python_nodes.vendors.expedia_group import mapping
from python_nodes.vendors.expedia_group.client import Client
from python_nodes.vendors.resilience import build_runtime
from sandbox.clock import SimulatedClock
from sandbox.faults import FaultPlan
from sandbox.vendors import expedia_group
from sandbox.vendors.expedia_group_parr import NAMESPACE, PASSWORD, USERNAME
from sandbox.world import build_world
from tests.integration.sandbox.conftest import Sandbox

CREDENTIALS = {
    "client_id": expedia_group.CLIENT_ID, "client_secret": expedia_group.CLIENT_SECRET, "eqc_username": USERNAME,
    "eqc_password": PASSWORD,
}  # fmt: skip
ID_QUERY = "query Q($id: String!) { property(id: $id) { id currency } }"
PAGES = """query Q($id: String!, $size: Int!, $after: String) { property(id: $id) {
  reservations(pageSize: $size, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { id creationDateTime lastUpdatedDateTime status } } } } }"""


def _basic(told: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(told.encode()).decode()}"}


def _exchange(client: httpx2.Client, told: str = "sandbox-client:sandbox-secret") -> httpx2.Response:
    form = {"grant_type": "client_credentials"}
    return client.post("/expedia_group/identity/oauth2/v3/token", data=form, headers=_basic(told))


@pytest.fixture
def ask(sandbox: Sandbox, t0: str) -> Callable[..., httpx2.Response]:
    """Send a query with a fresh token."""
    token = str(_exchange(sandbox.public).json()["access_token"])

    def send(query: str, **variables: Any) -> httpx2.Response:
        body = {"query": query, "variables": variables}
        headers = {"Authorization": f"Bearer {token}"}
        return sandbox.public.post("/expedia_group/supply/lodging/graphql", json=body, headers=headers)

    return send


@pytest.fixture
def places(sandbox: Sandbox) -> dict[str, list[str]]:
    """The ids of properties by channel."""
    found: dict[str, list[str]] = {}
    for listing in json.loads((sandbox.out_dir / "portfolio.json").read_text())["listings"]:
        found.setdefault(listing["channel"], []).append(listing["channel_property_id"])
    return {channel: sorted(set(ids)) for channel, ids in found.items()}


def _parr(sandbox: Sandbox, hotel: str, since: str, until: str, password: str = PASSWORD) -> str:
    body = (
        f'<ProductAvailRateRetrievalRQ xmlns="{NAMESPACE}">'
        f'<Authentication username="{USERNAME}" password="{password}"/>'
        f'<Hotel id="{hotel}"/><ParamSet><AvailRateRetrieval from="{since}" to="{until}"/></ParamSet>'
        "</ProductAvailRateRetrievalRQ>"
    )
    return sandbox.public.post("/expedia_group/eqc/parr", content=body.encode()).text


def test_token_expires_by_the_sandbox_s_clock(sandbox: Sandbox, t0: str, places: dict[str, list[str]]) -> None:
    told = _exchange(sandbox.public).json()
    assert told["expires_in"] == 1800
    call = {
        "url": "/expedia_group/supply/lodging/graphql",
        "json": {"query": ID_QUERY, "variables": {"id": places["expedia"][0]}},
        "headers": {"Authorization": f"Bearer {told['access_token']}"},
    }
    assert sandbox.public.post(**call).json()["data"]["property"]["id"] == places["expedia"][0]
    sandbox.step(f"{t0}T12:31:00+00:00")
    refused = sandbox.public.post(**call)
    assert (refused.status_code, refused.content) == (401, b"")


def test_wrong_client_gets_no_token(sandbox: Sandbox, t0: str) -> None:
    assert _exchange(sandbox.public, "sandbox-client:wrong").status_code == 401


@pytest.mark.parametrize(
    "query",
    ["query {", "query { properties { id } }", 'mutation { joinNewListingDiscount(id: "1", idSource: EXPEDIA) }'],
    ids=["syntax", "unknown field", "mutation"],
)  # fmt: skip
def test_error_of_the_request_has_status_400(ask: Callable[..., httpx2.Response], query: str) -> None:
    answer = ask(query)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_error_of_execution_has_status_200_and_what_could_be_found(
    ask: Callable[..., httpx2.Response], places: dict[str, list[str]]
) -> None:
    unknown = ask(ID_QUERY, id="nobody")
    assert (unknown.status_code, unknown.json()["data"]) == (200, {"property": None})
    assert unknown.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    partial = ask("query Q($id: String!) { property(id: $id) { id referenceName } }", id=places["expedia"][0]).json()
    assert partial["data"]["property"] == {"id": places["expedia"][0], "referenceName": None}
    assert partial["errors"][0]["path"] == ["property", "referenceName"]


def _all_pages(ask: Callable[..., httpx2.Response], place: str, size: int) -> tuple[list[dict[str, str]], int]:
    seen: list[dict[str, str]] = []
    after, pages = None, 0
    while pages == 0 or after is not None:
        page = ask(PAGES, id=place, size=size, after=after).json()["data"]["property"]["reservations"]
        seen += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
        pages += 1
    assert len(seen) == page["totalCount"]
    return seen, pages


def test_pages_are_ordered_complete_and_without_repeats(
    ask: Callable[..., httpx2.Response], places: dict[str, list[str]], t0: str
) -> None:
    place = places["expedia"][0]
    seen, pages = _all_pages(ask, place, 100)
    whole, few = _all_pages(ask, place, 500)
    assert pages > few > 1
    assert seen == whole
    assert len({one["id"] for one in seen}) == len(seen)
    assert seen == sorted(seen, key=lambda one: (one["creationDateTime"], one["id"]))
    assert max(one["lastUpdatedDateTime"] for one in seen) <= f"{t0}T12:00:00+00:00", "nothing of the future is told"
    assert {one["status"] for one in seen} == {"BOOKED", "CANCELLED"}


def test_bad_cursor_and_page_size_are_refused(
    ask: Callable[..., httpx2.Response], places: dict[str, list[str]]
) -> None:
    for variables in ({"size": 0}, {"size": 5, "after": "???"}):
        told = ask(PAGES, id=places["expedia"][0], **variables).json()
        assert told["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_parr_cuts_what_is_more_than_31_days_without_a_word(
    sandbox: Sandbox, t0: str, places: dict[str, list[str]]
) -> None:
    text = _parr(sandbox, places["expedia"][0], t0, str(date.fromisoformat(t0) + timedelta(days=200)))
    assert text.count("<AvailRate ") == 31
    assert "Error" not in text
    assert "<Fees " in text


def test_parr_tells_errors_by_the_documented_codes(sandbox: Sandbox, t0: str, places: dict[str, list[str]]) -> None:
    place = places["expedia"][0]
    assert 'code="1001"' in _parr(sandbox, place, t0, t0, password="wrong")
    assert 'code="3202"' in _parr(sandbox, "1", t0, t0)
    assert 'code="3020"' in _parr(sandbox, place, "2020-01-01", t0)
    assert 'code="3021"' in _parr(sandbox, place, t0, "2020-01-01")
    assert 'code="2002"' in sandbox.public.post("/expedia_group/eqc/parr", content=b"<a").text


def test_limit_of_a_capability_is_told_with_status_200() -> None:
    world = build_world(7, 12, 30, 5, date(2026, 3, 30), None)
    clock = SimulatedClock(datetime(2026, 3, 30, 12, tzinfo=UTC))
    app = Flask("limited")
    plan = FaultPlan(expedia_group.OPERATIONS)
    app.register_blueprint(expedia_group.blueprint(world, clock, plan, RateLimitItemPerMinute(2)))
    client = app.test_client()
    form = {"grant_type": "client_credentials"}
    path = "/expedia_group/identity/oauth2/v3/token"
    token = client.post(path, data=form, headers=_basic("sandbox-client:sandbox-secret")).get_json()["access_token"]
    body = {"query": ID_QUERY, "variables": {"id": world.property_ids("expedia")[0]}}
    headers = {"Authorization": f"Bearer {token}"}
    answers = [client.post("/expedia_group/supply/lodging/graphql", json=body, headers=headers) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 200]
    error = answers[2].get_json()["errors"][0]
    assert error["extensions"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert 1 <= error["extensions"]["duration"] <= 60
    assert "errors" not in answers[1].get_json()


@pytest.fixture
def reader(sandbox: Sandbox, valkey_url: str, request: pytest.FixtureRequest) -> Callable[[str], Client]:
    """Our client on the sandbox, for a channel."""
    base_url = f"{sandbox.public.base_url}/expedia_group".replace("//expedia", "/expedia")

    def make(channel: str) -> Client:
        runtime = build_runtime(
            valkey_url,
            fernet_key=Fernet.generate_key().decode(),
            vendor="expedia_group",
            connection=f"{request.node.name}-{time.time_ns()}",
            clock=lambda: datetime.now(UTC),
            sleep=lambda seconds: time.sleep(min(seconds, 0.01)),
            http=HttpSettings(read_timeout_s=10, attempts=3, wait_initial_s=0.001, wait_max_s=0.01),
        )
        settings = {"channel": channel, "rate_limits": {"*": "1000/second"}, "page_size": 20}
        return Client(base_url, CREDENTIALS, settings, runtime)

    return make


def _read(client: Client, operation: str, at: datetime, ids: list[str], *window: date) -> list[Any]:
    start, end = window or (None, None)
    payloads = getattr(client, f"fetch_{operation}")(as_of=at, property_ids=ids, start=start, end=end)
    mapped = getattr(mapping, f"map_{operation}")
    done = [mapped(one.content, source="expedia_group", observed_at=at, raw_id=1) for one in payloads]
    assert [one for _, bad in done for one in bad] == []
    return [record for good, _ in done for record in good]


@pytest.mark.parametrize("channel", ["expedia", "vrbo"])
def test_client_reads_every_operation_of_each_channel(
    channel: str, sandbox: Sandbox, t0: str, places: dict[str, list[str]], reader: Callable[[str], Client]
) -> None:
    client, at = reader(channel), datetime.fromisoformat(f"{t0}T12:00:00+00:00")
    listings = json.loads((sandbox.out_dir / "portfolio.json").read_text())["listings"]
    own = {one["external_id"] for one in listings if one["channel"] == channel}
    ids, first = places[channel], date.fromisoformat(t0) - timedelta(days=60)

    history = _read(client, "reservation_history", at, ids, first, at.date())
    assert {one.listing_external_id for one in history} <= own
    assert len({one.origin.external_id for one in history}) == len(history) > 20
    halves = [
        _read(client, "reservation_history", at, ids, *window)
        for window in ((first, first + timedelta(days=29)), (first + timedelta(days=30), at.date()))
    ]
    assert sorted(one.origin.external_id for half in halves for one in half) == sorted(
        one.origin.external_id for one in history
    )
    recent = _read(client, "reservations", at, ids)
    assert {one.origin.external_id for one in recent} <= {one.origin.external_id for one in history}
    assert all(one.guest_name for one in recent)

    nights = _read(client, "ari", at, ids)
    assert len({(one.listing_external_id, one.stay_date) for one in nights}) == 90 * len(own)
    assert any(one.fees_minor for one in nights)
    assert {one.listing_external_id for one in _read(client, "health", at, ids)} == own
    reviews = _read(client, "reviews", at, ids)
    assert {one.listing_external_id for one in reviews} <= own
    assert all(0 < one.score_10 <= 10 for one in reviews)
    content = _read(client, "content", at, ids)
    assert {one.listing_external_id for one in content} == own
    assert all(one.amenities and one.rate_plans for one in content)


@pytest.mark.parametrize("name", ["unauthorized", "rate_limited", "rate_limited_no_header", "server_error", "cut_body"])
def test_client_recovers_from_a_fault(
    name: str, sandbox: Sandbox, t0: str, places: dict[str, list[str]], reader: Callable[[str], Client]
) -> None:
    at = datetime.fromisoformat(f"{t0}T12:00:00+00:00")
    client = reader("expedia")
    usual = _read(client, "health", at, places["expedia"])
    sandbox.fault(name=name, operation="health", vendor="expedia_group")
    assert _read(client, "health", at, places["expedia"]) == usual


def test_lasting_fault_is_passing_for_the_caller(
    sandbox: Sandbox, t0: str, places: dict[str, list[str]], reader: Callable[[str], Client]
) -> None:
    sandbox.fault(name="server_error", operation="ari", vendor="expedia_group", times=9)
    with pytest.raises(RetryableError):
        _read(reader("expedia"), "ari", datetime.fromisoformat(f"{t0}T12:00:00+00:00"), places["expedia"])
