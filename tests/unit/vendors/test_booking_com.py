"""Booking.com's own ways: queues, acknowledgement, money, cancellations."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from lxml import etree
from pytest_httpserver import HTTPServer

from python_nodes.errors import ConfigError, RetryableError
from python_nodes.vendors import load
from python_nodes.vendors.base import Runtime
from python_nodes.vendors.booking_com.client import Client
from python_nodes.vendors.booking_com.mapping import (
    map_ari,
    map_ari_columns,
    map_content,
    map_health,
    map_performance,
    map_reservations,
    map_reviews,
    raw_reservation,
)
from python_nodes.vendors.operator_file.client import Client as FileClient
from python_nodes.vendors.resilience import build_runtime

FIXTURES = Path(__file__).parents[2] / "fixtures" / "vendors" / "booking_com"
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
CREDENTIALS = {"client_id": "a", "client_secret": "b"}
FERNET_KEY = Fernet.generate_key().decode()
FAST = {"rate_limits": {"*": "1000/second"}}


def _runtime(url: str) -> Runtime:
    return build_runtime(
        url,
        fernet_key=FERNET_KEY,
        vendor="booking_com",
        connection=uuid.uuid4().hex,
        clock=lambda: AS_OF,
        sleep=lambda _: None,
    )


def _content(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def test_queue_is_acknowledged_by_name_and_the_token_asked_for_once(httpserver: HTTPServer, valkey_url: str) -> None:
    httpserver.expect_request("/token-based-authentication/exchange").respond_with_json({"jwt": "t", "ruid": "1"})
    for queue, name in (("Notif", "reservations.xml"), ("ModifyNotif", "reservation_changes.xml")):
        path = f"/hotels/ota/OTA_HotelRes{queue}"
        httpserver.expect_request(path, method="GET").respond_with_data(_content(name))
        httpserver.expect_request(path, method="POST").respond_with_data("<ok/>")
    client = Client(httpserver.url_for(""), CREDENTIALS, FAST, _runtime(valkey_url))
    payloads = list(client.fetch_reservations(as_of=AS_OF))
    assert [client.acknowledge(payload) for payload in payloads] == [2, 1]
    posts = [request for request, _ in httpserver.log if request.method == "POST"]
    assert [request.path.rpartition("/")[2] for request in posts] == ["exchange", "OTA_HotelResNotif",
                                                                      "OTA_HotelResModifyNotif"]  # fmt: skip
    told = etree.fromstring(posts[1].get_data())
    assert etree.QName(told).localname == "OTA_HotelResNotifRS"
    assert [one.get("ResID_Value") for one in told.iter("{*}HotelReservationID")] == ["1001", "1002"]


def test_reservation_is_read_in_booking_coms_money_and_nights() -> None:
    (record,), (bad,) = map_reservations(_content("reservations.xml"), source="b", observed_at=AS_OF, raw_id=5)
    assert (record.origin.external_id, record.listing_external_id, record.rate_plan_external_id) == (
        "1001",
        "r1",
        "std",
    )
    assert (record.check_in_date, record.check_out_date) == (date(2026, 4, 1), date(2026, 4, 3))
    assert (record.total_amount_minor, record.currency, record.status) == (24690, "EUR", "confirmed")
    assert bad.field == "Total@AmountAfterTax"
    assert b"1002" in bad.raw
    assert b"1001" not in bad.raw


def test_cancellation_is_a_newer_revision() -> None:
    (record,), _ = map_reservations(_content("reservation_changes.xml"), source="b", observed_at=AS_OF, raw_id=5)
    assert record.status == "cancelled"
    assert record.cancelled_at == record.origin.source_updated_at == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_no_price_is_none_and_suspended_is_told() -> None:
    nights, _ = map_ari(_content("ari.xml"), source="b", observed_at=AS_OF, raw_id=5)
    assert [(one.price_minor, one.is_open, one.units_left, one.min_stay_nights, one.fees_minor) for one in nights] == [
        (12345, True, 3, 2, 1250), (None, False, 0, 1, 0)]  # fmt: skip
    (health,), _ = map_health(_content("health.json"), source="b", observed_at=AS_OF, raw_id=5)
    assert (health.listing_external_id, health.status, health.detail) == ("r1", "suspended", "photos")


def test_missing_views_are_none_and_not_zero() -> None:
    days, _ = map_performance(_content("performance.csv"), source="b", observed_at=AS_OF, raw_id=5)
    assert [(one.listing_views, one.revenue_minor) for one in days] == [(60, 12345), (None, 0)]


def test_row_with_a_cell_too_many_costs_only_itself() -> None:
    content = _content("performance.csv") + b"2026-02-28,p1,r2,1,1,1,1.00,EUR,2026-03-01T04:00:00Z,extra,cells\n"
    days, bad = map_performance(content, source="b", observed_at=AS_OF, raw_id=5)
    assert (len(days), sorted(one.field or "" for one in bad)) == (2, ["date", "row"])


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (b"-2026-02-28,p1,r2,1,1,1,1.00,EUR,2026-03-01T04:00:00Z", "date"),
        (b"2026-02-28,p1,r2,1,1,1,1.00,EUR,-2026-03-01T04:00:00Z", "report_created_at"),
    ],
)
def test_a_day_before_the_calendar_costs_only_its_row(row: bytes, field: str) -> None:
    content = _content("performance.csv") + row + b"\n"
    days, bad = map_performance(content, source="b", observed_at=AS_OF, raw_id=5)
    assert len(days) == 2
    assert field in {one.field for one in bad if row in one.raw}


@pytest.mark.parametrize(
    ("credentials", "settings", "named"),
    [
        ({"client_id": "a"}, {}, "client_secret"),
        (CREDENTIALS, {"rate_limits": {"reservation": "1/second"}}, "reservation"),
        (CREDENTIALS, {"rate_limits": {"ari": "often"}}, "ari"),
    ],
)
def test_wrong_setting_is_named(
    credentials: dict[str, str], settings: dict[str, object], named: str, valkey_url: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        Client("http://127.0.0.1:1", credentials, settings, _runtime(valkey_url))


def test_missing_calendar_file_is_passing_and_named(valkey_url: str, tmp_path: Path) -> None:
    client = FileClient("", {}, {"path": str(tmp_path / "gone.csv")}, _runtime(valkey_url))
    with pytest.raises(RetryableError, match=r"gone\.csv"):
        list(client.fetch_operator_calendar(as_of=AS_OF))


def test_unknown_vendor_is_refused_with_the_known() -> None:
    with pytest.raises(ConfigError, match=r"known: .*booking_com, .*operator_file"):
        load("booking_con")


def test_what_came_for_a_record_maps_to_that_record_again() -> None:
    content = _content("reservations.xml")
    (record,), _ = map_reservations(content, source="b", observed_at=AS_OF, raw_id=5)
    raw = raw_reservation(content, record)
    assert map_reservations(raw, source="b", observed_at=AS_OF, raw_id=5) == ([record], [])
    content = _content("ari.xml")
    columns, _ = map_ari_columns(content, source="b", observed_at=AS_OF, raw_id=5)
    for row, night in enumerate(map_ari(content, source="b", observed_at=AS_OF, raw_id=5)[0]):
        assert map_ari(columns.raw_row(row), source="b", observed_at=AS_OF, raw_id=5) == ([night], [])


@pytest.mark.parametrize("word", ["auto_closed", "hard_closed"])
def test_what_the_channel_closed_itself_keeps_its_word(word: str) -> None:
    content = _content("health.json").replace(b'"suspended"', f'"{word}"'.encode())
    (health,), _ = map_health(content, source="b", observed_at=AS_OF, raw_id=5)
    assert health.status == word


def test_scores_and_pages_are_read_room_by_room() -> None:
    (review,), (bad,) = map_reviews(_content("reviews.json"), source="b", observed_at=AS_OF, raw_id=5)
    assert (review.listing_external_id, review.score_10, review.review_count) == ("r1", 8.7, 41)
    assert bad.field == "rooms.review_score"
    (page,), (bad,) = map_content(_content("content.json"), source="b", observed_at=AS_OF, raw_id=5)
    assert (page.amenities, page.rate_plans) == ({"kitchen", "wifi"}, {"flex"})
    assert bad.field == "rooms.amenities", "a list that is not there does not say that nothing is there"


def test_a_score_of_hundreds_of_digits_is_refused_by_name() -> None:
    content = _content("reviews.json").replace(b"8.7", b"9" * 400)
    good, bad = map_reviews(content, source="b", observed_at=AS_OF, raw_id=5)
    assert good == []
    assert {one.field for one in bad} == {"rooms.review_score"}
