"""Airbnb's own ways: rating, pages, and connections that hold a consent, feeds or both."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.fernet import Fernet
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from python_nodes.errors import ConfigError, PermanentError, RetryableError
from python_nodes.vendors.airbnb.client import Client
from python_nodes.vendors.airbnb.mapping import (
    map_ari_columns,
    map_content,
    map_health,
    map_reservation_history_columns,
    map_reservations,
    map_reviews,
    raw_reservation,
)
from python_nodes.vendors.base import Runtime
from python_nodes.vendors.resilience import build_runtime

FIXTURES = Path(__file__).parents[2] / "fixtures" / "vendors" / "airbnb"
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONSENT = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
FAST = {"rate_limits": {"*": "1000/second"}}
ORIGIN: dict[str, Any] = {"source": "airbnb", "observed_at": AS_OF, "raw_id": 7}


def _content(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


@pytest.fixture
def runtime(valkey_url: str) -> Runtime:
    return build_runtime(
        valkey_url, fernet_key=Fernet.generate_key().decode(), vendor="airbnb", connection=uuid.uuid4().hex,
        clock=lambda: AS_OF, sleep=lambda _: None,
    )  # fmt: skip


def test_a_night_is_free_booked_or_blocked_and_costs_its_price_and_the_stays_fees() -> None:
    columns, (bad,) = map_ari_columns(_content("calendars.json"), **ORIGIN)
    assert columns.stay_date.tolist() == [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)]
    assert columns.is_open.tolist() == [True, True, False]
    assert columns.units_left.tolist() == [1, 0, 0]
    assert columns.price_minor[:2].tolist() == [12_000, 12_000]
    assert np.isnan(columns.price_minor[2])
    assert columns.min_stay_nights.tolist() == [2, 2, 1]
    assert columns.fees_minor.tolist() == [4_500, 4_500, 0]
    assert bad.field == "status"
    assert b"h2" in bad.raw
    assert b"h1" not in bad.raw


def test_a_row_gives_back_its_own_night_as_a_document() -> None:
    columns, _ = map_ari_columns(_content("calendars.json"), **ORIGIN)
    again, bad = map_ari_columns(columns.raw_row(1), **ORIGIN)
    assert (again.stay_date.tolist(), bad) == ([date(2026, 3, 3)], [])


def test_one_unreadable_night_refuses_its_calendar_and_no_other() -> None:
    told = json.loads(_content("calendars.json"))
    told["calendars"][0]["days"][2]["price"] = "-"
    columns, bad = map_ari_columns(json.dumps(told).encode(), **ORIGIN)
    assert len(columns) == 0
    assert [one.field for one in bad] == ["price", "status"]


def test_reservations_carry_their_change_money_and_moments() -> None:
    (one, off), (bad,) = map_reservations(_content("reservations.json"), **ORIGIN)
    assert (one.total_amount_minor, one.currency, one.status) == (45_120, "EUR", "confirmed")
    assert one.booked_at == datetime(2026, 2, 27, 17, 4, 11, tzinfo=UTC)
    assert (off.total_amount_minor, off.currency, off.status) == (20_000, "JPY", "cancelled")
    assert off.origin.source_version == int(datetime(2026, 3, 1, 10, 30, tzinfo=UTC).timestamp())
    assert bad.field == "total"
    again, _ = map_reservations(raw_reservation(_content("reservations.json"), off), **ORIGIN)
    assert again == [off]


def test_history_as_columns_says_the_same_as_records() -> None:
    columns, _ = map_reservation_history_columns(_content("reservations.json"), **ORIGIN)
    records, _ = map_reservations(_content("reservations.json"), **ORIGIN)
    assert columns.total_amount_minor.tolist() == [one.total_amount_minor for one in records]
    assert columns.check_out_date.tolist() == [one.check_out_date for one in records]
    assert np.isnat(columns.cancelled_at[0])
    assert columns.cancelled_at[1] == np.datetime64("2026-03-01T10:30:00")
    assert map_reservations(columns.raw_row(0), **ORIGIN)[0] == records[:1]


def test_five_stars_are_ten_and_no_review_is_no_record() -> None:
    (only,), (bad,) = map_reviews(_content("review_summaries.json"), **ORIGIN)
    assert (only.listing_external_id, only.score_10, only.review_count) == ("h1", 9.7, 41)
    assert bad.field == "rating"


def test_status_is_told_in_the_words_of_all_channels() -> None:
    records, _ = map_health(_content("listings.json"), **ORIGIN)
    assert [(one.listing_external_id, one.status, one.detail) for one in records] == [
        ("h1", "bookable", ""), ("h2", "suspended", "Under review"),
    ]  # fmt: skip
    content, _ = map_content(_content("listings.json"), **ORIGIN)
    assert content[0].amenities == {"wifi", "kitchen"}


def test_pages_are_read_to_the_last_and_each_is_a_payload(httpserver: HTTPServer, runtime: Runtime) -> None:
    httpserver.expect_request("/oauth2/token").respond_with_json({"access_token": "t"})
    cursors = {None: "a", "a": "b", "b": None}

    def answer(request: Request) -> Response:
        cursor = cursors[request.args.get("cursor")]
        return Response(json.dumps({"reservations": [], "next_cursor": cursor}))

    httpserver.expect_request("/assumed/v1/reservations").respond_with_handler(answer)
    client = Client(httpserver.url_for(""), CONSENT, FAST, runtime)
    payloads = list(client.fetch_reservations(as_of=AS_OF))
    assert [one.key for one in payloads] == ["reservations/0", "reservations/1", "reservations/2"]
    asked = [request.args for request, _ in httpserver.log if request.path.endswith("/reservations")]
    assert asked[0]["updated_after"] == "2026-02-23T12:00:00+00:00"


def test_pages_that_go_in_a_circle_are_left(httpserver: HTTPServer, runtime: Runtime) -> None:
    httpserver.expect_request("/oauth2/token").respond_with_json({"access_token": "t"})
    httpserver.expect_request("/assumed/v1/listings").respond_with_json({"listings": [], "next_cursor": "same"})
    client = Client(httpserver.url_for(""), CONSENT, FAST, runtime)
    with pytest.raises(RetryableError, match="never end"):
        list(client.fetch_health(as_of=AS_OF))


def test_calendars_are_asked_for_many_listings_at_once(httpserver: HTTPServer, runtime: Runtime) -> None:
    httpserver.expect_request("/oauth2/token").respond_with_json({"access_token": "t"})
    httpserver.expect_request("/assumed/v1/calendars").respond_with_json({"calendars": []})
    client = Client(httpserver.url_for(""), CONSENT, {**FAST, "listings_per_call": 2, "ari_nights": 30}, runtime)
    list(client.fetch_ari(as_of=AS_OF, property_ids=["a", "b", "c"]))
    asked = [request.args.to_dict() for request, _ in httpserver.log if request.path.endswith("/calendars")]
    window = {"from": "2026-03-02", "to": "2026-03-31"}
    assert asked == [{**window, "listing_ids": "a,b"}, {**window, "listing_ids": "c"}]


def test_a_connection_with_feeds_only_offers_no_more(httpserver: HTTPServer, runtime: Runtime) -> None:
    httpserver.expect_request("/calendar/ical/h1.ics", query_string="s=x").respond_with_data(_content("calendar.ics"))
    base = httpserver.url_for("").rstrip("/")
    client = Client(base, {"ical.h1": f"{base}/calendar/ical/h1.ics?s=x"}, FAST, runtime)
    assert [client.offers(name) for name in ("ical_calendar", "ari", "reservations")] == [True, False, False]
    (payload,) = client.fetch_ical_calendar(as_of=AS_OF, property_ids=["h1", "h2"])
    assert payload.content.endswith(_content("calendar.ics"))
    assert "Authorization" not in httpserver.log[0][0].headers
    with pytest.raises(PermanentError, match="feeds only"):
        list(client.fetch_ari(as_of=AS_OF, property_ids=["h1"]))


@pytest.mark.parametrize(
    ("credentials", "settings", "named"),
    [
        ({}, {}, "refresh_token"),
        ({"client_id": "c", "refresh_token": "r"}, {}, "client_secret"),
        ({"client_id": "c", "client_secret": "s", "authorization_code": "a"}, {}, "code_verifier"),
        ({"ical.h1": "http://elsewhere/h1.ics?s=secret"}, {}, "ical.h1"),
        ({"ical.h1": "//elsewhere/h1.ics?s=secret"}, {}, "ical.h1"),
        (CONSENT, {"ari_nights": 0}, "ari_nights"),
        (CONSENT, {"rate_limits": {"bookings": "1/second"}}, "bookings"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    credentials: dict[str, str], settings: dict[str, Any], named: str, runtime: Runtime
) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        Client("http://x", credentials, settings, runtime)
    assert "secret" not in str(caught.value).replace("client_secret", "")
