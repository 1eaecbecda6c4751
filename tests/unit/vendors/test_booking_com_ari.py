"""Our assumed read of availability and rates: how it is asked for, and what of a document is used."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime

import numpy as np
import pytest
from cryptography.fernet import Fernet
from pytest_httpserver import HTTPServer

from python_nodes.errors import ConfigError
from python_nodes.vendors.base import Runtime
from python_nodes.vendors.booking_com.ari import map_ari_columns
from python_nodes.vendors.booking_com.client import Client
from python_nodes.vendors.resilience import build_runtime

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
CREDENTIALS = {"client_id": "a", "client_secret": "b"}
NIGHT = "<StatusApplicationControl Start='2026-03-03' InvTypeCode='{room}' RatePlanCode='std'/>"
OPEN = "<RestrictionStatus Status='Open'/>"


def document(*messages: str) -> bytes:
    blocks = "".join(f"<AvailStatusMessages HotelCode='p'>{one}</AvailStatusMessages>" for one in messages)
    return f"<OTA_HotelAvailGetRS><Warnings><Warning/></Warnings>{blocks}</OTA_HotelAvailGetRS>".encode()


@pytest.fixture
def runtime(valkey_url: str) -> Runtime:
    return build_runtime(
        valkey_url, fernet_key=Fernet.generate_key().decode(), vendor="booking_com", connection=uuid.uuid4().hex,
        clock=lambda: AS_OF, sleep=lambda _: None,
    )  # fmt: skip


@pytest.mark.parametrize(("per_call", "asked"), [(2, ["p1,p2", "p3"]), (3, ["p1,p2,p3"]), (50, ["p1,p2,p3"])])
def test_properties_are_asked_for_together(
    per_call: int, asked: list[str], httpserver: HTTPServer, runtime: Runtime
) -> None:
    httpserver.expect_request("/token-based-authentication/exchange").respond_with_json({"jwt": "t", "ruid": "1"})
    httpserver.expect_request("/assumed/ari").respond_with_data(document())
    told = {"rate_limits": {"*": "1000/second"}, "ari_properties_per_call": per_call, "ari_nights": 2}
    client = Client(httpserver.url_for(""), CREDENTIALS, told, runtime)
    payloads = list(client.fetch_ari(as_of=AS_OF, property_ids=["p1", "p2", "p3"]))
    requests = [request for request, _ in httpserver.log if request.path == "/assumed/ari"]
    # Several calls are under way at once: which of them arrives first is not ours to say.
    assert sorted(request.args["hotel_ids"] for request in requests) == asked
    assert {(request.args["from"], request.args["to"]) for request in requests} == {("2026-03-02", "2026-03-03")}
    assert len({payload.key for payload in payloads}) == len(payloads) == len(asked)


def test_no_property_a_call_is_refused_by_name(runtime: Runtime) -> None:
    with pytest.raises(ConfigError, match="ari_properties_per_call"):
        Client("http://127.0.0.1:1", CREDENTIALS, {"ari_properties_per_call": 0}, runtime)


def test_every_propertys_block_is_read() -> None:
    content = document(*(f"<AvailStatusMessage>{NIGHT.format(room=room)}{OPEN}</AvailStatusMessage>" for room in "abc"))
    columns, bad = map_ari_columns(content, source="b", observed_at=AS_OF, raw_id=5)
    assert (columns.listing_external_id.tolist(), bad) == (["a", "b", "c"], [])
    assert columns.stay_date.tolist() == [date(2026, 3, 3)] * 3
    assert np.isnan(columns.price_minor).all()
    assert (columns.units_left.tolist(), columns.min_stay_nights.tolist()) == ([0, 0, 0], [1, 1, 1])


@pytest.mark.parametrize(
    ("attributes", "inside", "field"),
    [
        ("", OPEN, "StatusApplicationControl"),
        ("", NIGHT.format(room="") + OPEN, "InvTypeCode"),
        ("", NIGHT.format(room="r").replace("2026-03-03", "soon") + OPEN, "Start"),
        ("", NIGHT.format(room="r").replace("Start", "End='2026-03-09' Start") + OPEN, "End"),
        ("", NIGHT.format(room="r"), "Status"),
        ("BookingLimit='-1'", NIGHT.format(room="r") + OPEN, "BookingLimit"),
        ("", NIGHT.format(room="r") + OPEN + "<BaseByGuestAmt AmountAfterTax='1.234' CurrencyCode='EUR'/>",
         "BaseByGuestAmt@AmountAfterTax"),
        ("", NIGHT.format(room="r") + OPEN + "<BaseByGuestAmt AmountAfterTax='1' CurrencyCode='QQQ'/>",
         "BaseByGuestAmt@CurrencyCode"),
        ("", NIGHT.format(room="r") + OPEN + "<BaseByGuestAmt CurrencyCode='EUR'/>", "BaseByGuestAmt@AmountAfterTax"),
    ],
)  # fmt: skip
def test_message_that_cannot_be_read_costs_only_itself(attributes: str, inside: str, field: str) -> None:
    good = f"<AvailStatusMessage>{NIGHT.format(room='good')}{OPEN}</AvailStatusMessage>"
    content = document(f"<AvailStatusMessage {attributes}>{inside}</AvailStatusMessage>", good)
    columns, (bad,) = map_ari_columns(content, source="b", observed_at=AS_OF, raw_id=5)
    assert columns.listing_external_id.tolist() == ["good"]
    assert (bad.field, bad.raw_id) == (field, 5)
    assert b"good" not in bad.raw
    assert b"good" in columns.raw_row(0)


def test_money_is_exact_by_its_currency_and_by_decimal_places() -> None:
    prices = ("AmountAfterTax='900' CurrencyCode='JPY'", "AmountAfterTax='0.07' CurrencyCode='EUR'",
              "AmountAfterTax='12345' DecimalPlaces='2' CurrencyCode='EUR'")  # fmt: skip
    content = document(*(
        f"<AvailStatusMessage>{NIGHT.format(room='r')}{OPEN}<BaseByGuestAmt {price}/></AvailStatusMessage>"
        for price in prices
    ))  # fmt: skip
    columns, bad = map_ari_columns(content, source="b", observed_at=AS_OF, raw_id=None)
    assert (columns.price_minor.tolist(), columns.currency.tolist()) == ([900.0, 7.0, 12345.0], ["JPY", "EUR", "EUR"])
    assert bad == []
