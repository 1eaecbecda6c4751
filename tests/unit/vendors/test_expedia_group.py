"""Expedia Group: its queries against the public schema, what its answers map to, how its client pages and recovers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.fernet import Fernet
from graphql import GraphQLSchema, build_schema, parse, validate
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from python_nodes.errors import ConfigError, PermanentError, RetryableError
from python_nodes.vendors.base import HttpSettings, Product, Products, Runtime
from python_nodes.vendors.expedia_group import graphql, mapping, parr
from python_nodes.vendors.expedia_group.client import Client
from python_nodes.vendors.resilience import build_runtime

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "vendors" / "expedia_group"
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOLD = {"source": "expedia_group", "observed_at": AS_OF, "raw_id": 7}
CREDENTIALS = {
    "client_id": "test-client", "client_secret": "test-secret", "eqc_username": "EQCtest",
    "eqc_password": "test-password",
}  # fmt: skip
FAST = {"rate_limits": {"*": "1000/second"}}


def _fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def _bytes(answer: object) -> bytes:
    return json.dumps(answer).encode()


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """Expedia Group's public schema."""
    return build_schema((ROOT / "sandbox" / "data" / "expedia_supply.graphqls").read_text())


@pytest.mark.parametrize("name", sorted(graphql.documents()))
def test_query_is_valid_on_the_public_schema(name: str, schema: GraphQLSchema) -> None:
    document = graphql.documents()[name]
    assert validate(schema, parse(document)) == []
    assert validate(schema, parse(document.replace("property", "propperty").replace("unit(", "unnit("))), "can fail"


def test_totals_are_what_the_guest_pays_before_commission() -> None:
    sold, vrbo = mapping.map_reservations((FIXTURES / "reservations.json").read_bytes(), **TOLD)[0]
    assert (sold.total_amount_minor, sold.currency) == (22055, "EUR")
    assert vrbo.total_amount_minor == 30000 + 6000 - 3000 + 3300
    net = mapping.map_reservation_history((FIXTURES / "reservation_history.json").read_bytes(), **TOLD)[0][1]
    # 170.00 net of 15 % is 200.00, and 20.00 of tax.
    assert net.total_amount_minor == 22000


def test_reservation_names_the_listing_of_the_channel_that_sold_it() -> None:
    sold, vrbo = mapping.map_reservations((FIXTURES / "reservations.json").read_bytes(), **TOLD)[0]
    assert [sold.listing_external_id, vrbo.listing_external_id] == ["u1", "u1"]
    assert (sold.status, sold.cancelled_at) == ("confirmed", None)
    assert (vrbo.status, vrbo.cancelled_at) == ("cancelled", datetime(2026, 2, 25, 9, tzinfo=UTC))
    assert vrbo.origin.source_version > int(vrbo.booked_at.timestamp())
    assert sold.guest_name == "Ana Alder"


def test_what_is_not_yet_sold_is_no_booking_and_what_is_unknown_is_refused() -> None:
    answer = _fixture("reservations.json")
    edges = answer["data"]["property"]["reservations"]["edges"]
    edges[0]["node"]["status"] = "RESERVED"
    edges[1]["node"]["status"] = "TELEPORTED"
    good, bad = mapping.map_reservations(_bytes(answer), **TOLD)
    assert good == []
    assert [one.field for one in bad] == ["status", "currencyCode"]


def test_history_comes_as_columns_that_give_back_their_part() -> None:
    content = (FIXTURES / "reservation_history.json").read_bytes()
    columns, bad = mapping.map_reservation_history_columns(content, **TOLD)
    assert columns.external_id.tolist() == ["E-1", "E-5"]
    assert columns.check_in_date[0] == np.datetime64("2026-04-01")
    assert np.isnat(columns.cancelled_at).all()
    assert columns.guest_name.tolist() == [None, None]
    assert [one.field for one in bad] == ["checkInDate"]
    again, none = mapping.map_reservation_history_columns(columns.raw_row(1), **TOLD)
    assert (again.external_id.tolist(), none) == (["E-5"], [])


def test_reservation_gives_back_its_part() -> None:
    content = (FIXTURES / "reservations.json").read_bytes()
    record = mapping.map_reservations(content, **TOLD)[0][1]
    again, bad = mapping.map_reservations(mapping.raw_reservation(content, record), **TOLD)
    assert (again, bad) == ([record], [])


def test_health_tells_closed_from_suspended() -> None:
    answer = _fixture("health.json")
    good, bad = mapping.map_health(_bytes(answer), **TOLD)
    assert [(one.listing_external_id, one.status, one.detail) for one in good] == [
        ("u1", "suspended", "Failed: HasActiveImages"), ("u2", "closed", "The unit is inactive."),
    ]  # fmt: skip
    assert good[0].changed_at == datetime(2026, 3, 1, 4, tzinfo=UTC)
    assert [one.field for one in bad] == ["status"]
    checkpoint = answer["data"]["property"]["units"][0]["activeStatus"]["statusCheckpoint"]["checkpoints"][0]
    checkpoint["name"] = "BEXHasStopSellDisabled"
    assert mapping.map_health(_bytes(answer), **TOLD)[0][0].status == "closed"


def test_property_that_is_not_live_overrides_its_units() -> None:
    answer = _fixture("health.json")
    answer["data"]["property"]["activeStatus"]["active"] = False
    good, bad = mapping.map_health(_bytes(answer), **TOLD)
    assert {one.status for one in good} == {"suspended"}
    assert (len(good), bad) == (3, [])


def test_review_score_is_weighted_by_reviews_and_the_same_for_each_unit() -> None:
    good, _ = mapping.map_reviews((FIXTURES / "reviews.json").read_bytes(), **TOLD)
    assert [(one.listing_external_id, one.score_10, one.review_count) for one in good] == [
        ("u1", 8.75, 40), ("u2", 8.75, 40),
    ]  # fmt: skip
    answer = _fixture("reviews.json")
    brand = answer["data"]["property"]["aggregatedReviews"]["brandsWithScores"][0]
    brand["categoriesWithScore"][0]["value"]["score"] = 10.5
    assert mapping.map_reviews(_bytes(answer), **TOLD)[1][0].field == "score"


def test_content_holds_what_is_on_sale_and_never_takes_a_failure_for_nothing() -> None:
    answer = _fixture("content.json")
    (record,), _ = mapping.map_content(_bytes(answer), **TOLD)
    assert (record.amenities, record.rate_plans) == (frozenset({"WIFI", "PARKING"}), frozenset({"r1"}))
    answer["data"]["ratePlansByUnitId"] = None
    good, bad = mapping.map_content(_bytes(answer), **TOLD)
    assert (good, [one.field for one in bad]) == ([], ["ratePlansByUnitId"])


def test_units_of_a_property_hold_no_content_of_their_own() -> None:
    assert mapping.map_content(_bytes({"data": {"property": {"id": "p1", "units": [{"id": "u1"}]}}}), **TOLD) == (
        [], [],
    )  # fmt: skip


def test_rates_are_for_two_guests_with_fees_and_restrictions() -> None:
    columns, bad = mapping.map_ari_columns((FIXTURES / "ari.xml").read_bytes(), **TOLD)
    assert columns.rate_plan_external_id.tolist() == ["r1", "r2", "r3"]
    np.testing.assert_array_equal(columns.price_minor, [12345, 11000, np.nan])
    assert columns.fees_minor.tolist() == [4000, 0, 0]
    assert columns.min_stay_nights.tolist() == [2, 1, 1]
    assert columns.is_open.tolist() == [True, False, True]
    assert columns.units_left.tolist() == [3, 3, 3]
    assert [one.field for one in bad] == ["Rate@rate"]
    again, _ = mapping.map_ari_columns(columns.raw_row(1), **TOLD)
    assert (again.rate_plan_external_id.tolist(), again.price_minor.tolist()) == (["r2"], [11000.0])


@pytest.mark.parametrize(
    ("told", "minor"), [('<PerDay rate="12000.00"/>', 12000), ('<PerPerson rate="50.5"/>', 101)], ids=["day", "person"]
)
def test_rate_without_minor_units_is_read_in_its_currency(told: str, minor: int) -> None:
    content = (FIXTURES / "ari.xml").read_text().replace('"EUR"><PerDay rate="123.450"/>', f'"JPY">{told}')
    assert mapping.map_ari_columns(content.encode(), **TOLD)[0].price_minor[0] == minor


def test_error_about_one_hotel_is_kept_with_its_answer() -> None:
    content = (
        b'<ProductAvailRateRetrievalRS><Error code="3202">Hotel ID not found.</Error></ProductAvailRateRetrievalRS>'
    )
    columns, bad = mapping.map_ari_columns(content, **TOLD)
    assert (len(columns), [(one.field, one.raw) for one in bad]) == (0, [("Error", content)])


@pytest.fixture
def runtime(valkey_url: str, request: pytest.FixtureRequest) -> Runtime:
    """A runtime on a real Valkey, with limits, breaker and tokens of this test's own."""
    return build_runtime(
        valkey_url,
        fernet_key=Fernet.generate_key().decode(),
        vendor="expedia_group",
        connection=f"{request.node.name}-{time.time_ns()}",
        clock=lambda: datetime.now(UTC),
        sleep=lambda seconds: time.sleep(min(seconds, 0.01)),
        http=HttpSettings(read_timeout_s=2, attempts=3, wait_initial_s=0.001, wait_max_s=0.01),
    )


@pytest.fixture
def make(runtime: Runtime, httpserver: HTTPServer) -> Callable[..., Client]:
    """Build a client with settings; its token is served."""
    httpserver.expect_request("/identity/oauth2/v3/token", method="POST").respond_with_handler(_token)
    return lambda **settings: Client(httpserver.url_for(""), CREDENTIALS, {**FAST, **settings}, runtime)


def _token(request: Request) -> Response:
    assert request.form["grant_type"] == "client_credentials"
    assert request.authorization is not None
    assert (request.authorization.username, request.authorization.password) == ("test-client", "test-secret")
    return Response(_bytes({"access_token": f"token-{time.time_ns()}", "token_type": "bearer", "expires_in": 1800}))


def _serve(server: HTTPServer, answers: Iterator[object]) -> list[Request]:
    """Answer GraphQL with ``answers`` in turn; collects the requests."""
    seen: list[Request] = []

    def handle(request: Request) -> Response:
        seen.append(request)
        answer = next(answers)
        return answer if isinstance(answer, Response) else Response(_bytes(answer))

    server.expect_request("/supply/lodging/graphql", method="POST").respond_with_handler(handle)
    return seen


def _page(cursor: str | None) -> dict[str, Any]:
    page = {"hasNextPage": cursor is not None, "endCursor": cursor}
    return {"data": {"property": {"reservations": {"pageInfo": page, "edges": []}}}}


def _error(code: str, data: object = None, **extensions: object) -> dict[str, Any]:
    error = {"message": "no", "path": ["property"], "extensions": {"code": code, **extensions}}
    return {"errors": [error], "data": {"property": data}}


def _fetch(client: Client, operation: str, start: date | None = None, end: date | None = None) -> list[bytes]:
    found = getattr(client, f"fetch_{operation}")(as_of=AS_OF, property_ids=["p1"], start=start, end=end)
    return [one.content for one in found]


def test_pages_follow_the_cursor_to_the_last(make: Callable[..., Client], httpserver: HTTPServer) -> None:
    seen = _serve(httpserver, iter([_page("one"), _page("two"), _page(None)]))
    assert len(_fetch(make(channel="vrbo", page_size=25), "reservations")) == 3
    asked = [request.get_json() for request in seen]
    assert [one["variables"]["after"] for one in asked] == [None, "one", "two"]
    variables = asked[0]["variables"]
    assert (variables["idSource"], variables["pageSize"]) == ("VRBO", 25)
    assert (variables["from"], variables["to"]) == ("2026-02-27T12:00:00+00:00", "2026-03-02T12:00:00+00:00")


def test_cursor_that_does_not_move_ends_the_pages(make: Callable[..., Client], httpserver: HTTPServer) -> None:
    seen = _serve(httpserver, iter([_page("one"), _page("one")]))
    _fetch(make(), "reservations")
    assert len(seen) == 2


def test_history_is_asked_for_in_whole_days_and_without_guests(
    make: Callable[..., Client], httpserver: HTTPServer
) -> None:
    seen = _serve(httpserver, iter([_page(None)]))
    _fetch(make(), "reservation_history", date(2026, 1, 1), date(2026, 1, 31))
    asked = seen[0].get_json()
    assert asked["variables"]["from"] == "2026-01-01T00:00:00+00:00"
    assert asked["variables"]["to"] == "2026-01-31T23:59:59+00:00"
    assert "primaryGuest" not in asked["query"]


def test_refusal_with_status_200_is_tried_again(make: Callable[..., Client], httpserver: HTTPServer) -> None:
    limited = _error("RATE_LIMIT_EXCEEDED", limit=30, duration=1)
    # A page that failed must not pass for the last one.
    failed = _error("INTERNAL_SERVER_ERROR", {"reservations": None})
    seen = _serve(httpserver, iter([limited, failed, _page(None)]))
    assert len(_fetch(make(), "reservations")) == 1
    assert len(seen) == 3


def test_lasting_limit_tells_how_long_to_wait(make: Callable[..., Client], httpserver: HTTPServer) -> None:
    limited = _error("RATE_LIMIT_EXCEEDED", duration=600)
    seen = _serve(httpserver, iter([limited]))
    with pytest.raises(RetryableError) as caught:
        _fetch(make(), "reservations")
    assert (caught.value.retry_after_s, len(seen)) == (600, 1)


def test_token_refused_in_a_200_is_fetched_anew(make: Callable[..., Client], httpserver: HTTPServer) -> None:
    seen = _serve(httpserver, iter([_error("UNAUTHENTICATED"), _page(None)]))
    _fetch(make(), "reservations")
    assert len({request.headers["Authorization"] for request in seen}) == 2


def test_error_about_one_property_is_left_to_the_mapping(make: Callable[..., Client], httpserver: HTTPServer) -> None:
    _serve(httpserver, iter([_error("NOT_FOUND")]))
    (content,) = _fetch(make(), "health")
    good, (rejected,) = mapping.map_health(content, **TOLD)
    assert (good, rejected.field, rejected.reason) == ([], "data.property", "data.property: is null, error NOT_FOUND")


def test_partial_data_is_kept(make: Callable[..., Client], httpserver: HTTPServer) -> None:
    told = _fixture("health.json")["data"]["property"]
    _serve(httpserver, iter([_error("INTERNAL_SERVER_ERROR", told)]))
    (content,) = _fetch(make(), "health")
    assert len(mapping.map_health(content, **TOLD)[0]) == 2


def test_call_refused_as_a_whole_is_permanent(make: Callable[..., Client], httpserver: HTTPServer) -> None:
    _serve(httpserver, iter([{"errors": [{"message": "no such query", "extensions": {"code": "BAD_REQUEST"}}]}]))
    with pytest.raises(PermanentError, match="BAD_REQUEST"):
        _fetch(make(), "health")


def test_content_asks_for_each_unit_by_the_property_s_own_id(
    make: Callable[..., Client], httpserver: HTTPServer
) -> None:
    units = {"data": {"property": {"id": "own-1", "units": [{"id": "u1"}, {"id": "u2"}]}}}
    seen = _serve(httpserver, iter([units, _fixture("content.json"), _fixture("content.json")]))
    assert len(_fetch(make(), "content")) == 3
    assert [request.get_json()["variables"] for request in seen[1:]] == [
        {"propertyId": "own-1", "unitId": "u1"}, {"propertyId": "own-1", "unitId": "u2"},
    ]  # fmt: skip


def test_rates_are_asked_for_in_windows_that_one_answer_tells(
    make: Callable[..., Client], httpserver: HTTPServer
) -> None:
    seen: list[str] = []

    def handle(request: Request) -> Response:
        seen.append(request.get_data(as_text=True))
        return Response((FIXTURES / "ari.xml").read_bytes())

    httpserver.expect_request("/eqc/parr", method="POST").respond_with_handler(handle)
    assert len(_fetch(make(), "ari")) == 3
    spans = [text.partition("AvailRateRetrieval ")[2].partition("/>")[0] for text in seen]
    assert spans == [
        'from="2026-03-02" to="2026-04-01"', 'from="2026-04-02" to="2026-05-02"', 'from="2026-05-03" to="2026-05-30"',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "raised", "calls"),
    [(1001, PermanentError, 2), (2010, PermanentError, 1), (4100, PermanentError, 1), (3210, RetryableError, 3),
     (4000, RetryableError, 3)],
)  # fmt: skip
def test_parr_error_is_told_by_what_recovers(
    code: int, raised: type[Exception], calls: int, make: Callable[..., Client], httpserver: HTTPServer
) -> None:
    seen: list[Request] = []

    def handle(request: Request) -> Response:
        seen.append(request)
        return Response(f'<?xml version="1.0"?><a:RS xmlns:a="x"><a:Error code="{code}">no</a:Error></a:RS>')

    httpserver.expect_request("/eqc/parr", method="POST").respond_with_handler(handle)
    with pytest.raises(raised, match=str(code)):
        _fetch(make(), "ari")
    assert len(seen) == calls


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"id_source": "HOME"}, "id_source"), ({"channel": "airbnb"}, "channel"),
     ({"review_brands": "VRBO"}, "review_brands"), ({"token_ttl_s": "long"}, "token_ttl_s"),
     ({"page_size": 0}, "page_size"), ({"ari_nights": "90"}, "ari_nights"),
     ({"rate_limits": {"ari": "often"}}, "rate_limits.ari"), ({"rate_limits": {"spa": "1/second"}}, "spa")],
)  # fmt: skip
def test_wrong_setting_is_refused_by_name(settings: dict[str, Any], named: str, make: Callable[..., Client]) -> None:
    with pytest.raises(ConfigError, match=named):
        make(**settings)


def test_missing_credentials_are_refused_by_name(runtime: Runtime) -> None:
    with pytest.raises(ConfigError, match=r"credentials\.client_secret"):
        Client("http://x", {"client_id": "a"}, {}, runtime)
    without = Client("http://x", {"client_id": "a", "client_secret": "b"}, {}, runtime)
    with pytest.raises(ConfigError, match="eqc_username"):
        _fetch(without, "ari")


def test_password_does_not_show() -> None:
    assert "test-password" not in repr(parr.Credentials("EQCtest", "test-password"))


ALONE = {"p1": [Product("u1", "u1-flex")]}


@pytest.mark.parametrize(
    ("products", "named"), [(ALONE, 1), ({"p1": [*ALONE["p1"], Product("u2", "u2-flex")]}, 0), (None, 0)]
)
def test_a_property_of_one_rate_plan_is_asked_for_once(
    products: Products | None, named: int, make: Callable[..., Client], httpserver: HTTPServer
) -> None:
    seen: list[str] = []

    def handle(request: Request) -> Response:
        seen.append(request.get_data(as_text=True))
        return Response((FIXTURES / "ari.xml").read_bytes())

    httpserver.expect_request("/eqc/parr", method="POST").respond_with_handler(handle)
    list(make().fetch_ari(as_of=AS_OF, property_ids=["p1"], products=products))
    assert len(seen) == (1 if named else 3)
    assert sum('<RoomType id="u1"><RatePlan id="u1-flex"/></RoomType>' in text for text in seen) == named
    assert ('to="2026-05-30"' in seen[0]) == bool(named)


@pytest.mark.parametrize(
    "told", ["<AvailRateList/>", '<Error code="3204">unknown</Error>'], ids=["no night", "unknown product"]
)
def test_a_rate_plan_that_has_another_name_there_does_not_hide_the_property_s_rates(
    told: str, make: Callable[..., Client], httpserver: HTTPServer
) -> None:
    root = "ProductAvailRateRetrievalRS"
    answer = f'<{root} xmlns="{parr.NAMESPACE}">{told}</{root}>'

    def handle(request: Request) -> Response:
        named = "RatePlan" in request.get_data(as_text=True)
        return Response(answer.encode() if named else (FIXTURES / "ari.xml").read_bytes())

    httpserver.expect_request("/eqc/parr", method="POST").respond_with_handler(handle)
    came = list(make().fetch_ari(as_of=AS_OF, property_ids=["p1"], products=ALONE))
    assert [one.content for one in came] == [(FIXTURES / "ari.xml").read_bytes()] * 3


def test_properties_are_asked_for_together_with_one_token_and_none_goes_missing(
    make: Callable[..., Client], httpserver: HTTPServer
) -> None:
    seen = _serve(httpserver, iter([_page(None)] * 20))
    places = [f"p{number}" for number in range(20)]
    came = list(make().fetch_reservations(as_of=AS_OF, property_ids=places))
    assert [one.key.partition("/")[0] for one in came] == places
    assert {request.get_json()["variables"]["propertyId"] for request in seen} == set(places)
    assert len({request.headers["Authorization"] for request in seen}) == 1


@pytest.mark.parametrize(
    ("found", "put", "field"),
    [
        ('"idSource": "EXPEDIA"', '"idSource": []', "rateIds"),
        ('"fees": [', '"fees": true, "was": [', "fees"),
        ('"discounts": [', '"discounts": {"a": 1}, "were": [', "discounts"),
    ],
)
def test_a_value_of_another_kind_rejects_its_reservation_by_name(found: str, put: str, field: str) -> None:
    content = (FIXTURES / "reservations.json").read_text()
    assert found in content
    before, _ = mapping.map_reservations(content.encode(), **TOLD)
    good, bad = mapping.map_reservations(content.replace(found, put).encode(), **TOLD)
    assert len(good) < len(before)
    assert field in {one.field for one in bad}
