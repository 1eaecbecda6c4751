"""Whole pages read column by column tell the same as reservations and nights read one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from python_nodes.domain.columns import AriColumns, BookingColumns
from python_nodes.domain.records import BookingRecord
from python_nodes.vendors.expedia_group import mapping, plain_sales
from python_nodes.vendors.expedia_group.parr import NAMESPACE

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOLD: dict[str, Any] = {"source": "expedia_group", "observed_at": AS_OF, "raw_id": 7}


def node(number: int, **changes: object) -> dict[str, Any]:
    """A reservation sold by Expedia at a price of its own."""
    amount = round(99.99 + number * 1.37, 2)
    return {
        "id": f"r{number}", "status": "CANCELLED" if number % 3 == 0 else "BOOKED",
        "distributionChannel": "EXPEDIA_INTEGRATED",
        "creationDateTime": "2025-02-23T07:08:26+00:00", "lastUpdatedDateTime": "2025-03-14T08:31:52+02:00",
        "checkInDate": "2025-07-20", "checkOutDate": f"2025-07-{21 + number % 5}",
        "unitIds": [{"id": "s1", "idSource": "SUPPLIER"}, {"id": "u1", "idSource": "EXPEDIA"}],
        "rateIds": [{"id": "u1-flex", "idSource": "EXPEDIA"}] if number % 2 else [],
        "supplierAmount": {
            "rateType": "SELL", "currencyCode": "JPY" if number == 4 else "EUR",
            "total": {"amountBeforeTax": amount, "amountAfterTax": 12000 if number == 4 else amount},
        },
        "vrboAmounts": None, **changes,
    }  # fmt: skip


def page(nodes: list[dict[str, Any]]) -> bytes:
    edges = [{"node": one} for one in nodes]
    return json.dumps({"data": {"property": {"reservations": {"edges": edges}}}}).encode()


def rows(columns: BookingColumns) -> list[tuple[Any, ...]]:
    names = (
        "external_id", "source_version", "listing_external_id", "rate_plan_external_id", "check_in_date",
        "check_out_date", "total_amount_minor", "currency", "status", "guest_name",
    )  # fmt: skip
    moments = [
        [None if np.isnat(one) else one.item().replace(tzinfo=UTC) for one in getattr(columns, name)]
        for name in ("source_updated_at", "booked_at", "cancelled_at")
    ]
    return list(zip(*(getattr(columns, name).tolist() for name in names), *moments, strict=True))


def row(one: BookingRecord) -> tuple[Any, ...]:
    return (
        one.origin.external_id, one.origin.source_version, one.listing_external_id, one.rate_plan_external_id,
        one.check_in_date, one.check_out_date, one.total_amount_minor, one.currency, one.status, one.guest_name,
        one.origin.source_updated_at, one.booked_at, one.cancelled_at,
    )  # fmt: skip


def is_plain(content: bytes) -> bool:
    edges = json.loads(content)["data"]["property"]["reservations"]["edges"]
    return plain_sales.plain_columns(edges, source="", raw_id=None, raw_row=lambda _: b"") is not None


RENT = {"preTaxAmount": {"amount": "412.17", "currencyCode": "EUR"}}
VRBO = {"currentAmounts": {"supplierFees": {"rent": RENT, "fees": [], "discounts": []}, "taxDistributions": []}}
NET = {
    "rateType": "NET", "currencyCode": "EUR",
    "total": {"amountBeforeTax": 80.0, "amountAfterTax": 88.0, "compensation": {"basePercent": 0.2}},
}  # fmt: skip


@pytest.mark.parametrize(
    "nodes",
    [
        [node(number) for number in range(12)],
        [node(1, vrboAmounts=VRBO, supplierAmount=None, distributionChannel="VRBO"), node(2)],
        [node(1, supplierAmount=NET), node(2)],
        [node(1, primaryGuest={"firstName": "Ada", "lastName": "Byron"})],
    ],
    ids=["expedia", "vrbo", "net", "guest"],
)
def test_a_plain_page_reads_the_same_as_its_reservations(nodes: list[dict[str, Any]]) -> None:
    content = page(nodes)
    assert is_plain(content)
    columns, bad = mapping.map_reservation_history_columns(content, **TOLD)
    assert not bad
    records, _ = mapping.map_reservation_history(content, **TOLD)
    assert rows(columns) == [row(one) for one in records]
    assert mapping.map_reservation_history(columns.raw_row(len(nodes) - 1), **TOLD)[0] == records[-1:]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": 5}, "id"),
        ({"status": "SOLD"}, "status"),
        ({"creationDateTime": "2025-02-23T07:08:26"}, "creationDateTime"),
        ({"checkInDate": "2025-02-30"}, "checkInDate"),
        ({"unitIds": [{"id": "", "idSource": "EXPEDIA"}]}, "unitIds"),
        ({"supplierAmount": {**NET, "rateType": "SELL", "total": {"amountBeforeTax": 1, "amountAfterTax": 1.234}}},
         "amountAfterTax"),
        ({"supplierAmount": {**NET, "rateType": "SELL", "total": {"amountBeforeTax": True, "amountAfterTax": 1}}},
         "amountBeforeTax"),
        ({"supplierAmount": {**NET, "rateType": "SELL", "currencyCode": "XQQ"}}, "currencyCode"),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_refused_alone_and_by_its_name(changes: dict[str, object], field: str) -> None:
    content = page([node(1), node(2, **changes), node(3)])
    assert not is_plain(content)
    columns, (refused,) = mapping.map_reservation_history_columns(content, **TOLD)
    assert (columns.external_id.tolist(), refused.field) == (["r1", "r3"], field)
    assert json.loads(columns.raw_row(1))["data"]["property"]["reservations"]["edges"][0]["node"]["id"] == "r3"


def test_a_reservation_not_yet_sold_is_none() -> None:
    columns, bad = mapping.map_reservation_history_columns(page([node(1, status="UNCONFIRMED"), node(2)]), **TOLD)
    assert (columns.external_id.tolist(), bad) == (["r2"], [])


def test_history_of_several_properties_in_one_answer() -> None:
    told = {f"property_{number}": {"reservations": {"edges": [{"node": node(number)}]}} for number in range(2)}
    content = json.dumps({"data": {**told, "property_2": None}}).encode()
    columns, (refused,) = mapping.map_reservation_history_columns(content, **TOLD)
    assert (columns.external_id.tolist(), refused.reason) == (["r0", "r1"], "data.property: is null")
    assert json.loads(columns.raw_row(1))["data"]["property"]["reservations"]["edges"][0]["node"]["id"] == "r1"


def night(day: int, price: str = "115.82", fees: str = '<Fees perStay="35.7" currency="EUR"/>') -> str:
    return (
        f'<AvailRate date="2026-03-{day:02}"><RoomType id="u{day % 2}" closed="{"true" if day == 3 else "false"}">'
        f'<Inventory totalInventoryAvailable="{day}" totalInventorySold="2"/><RatePlan id="u-flex" closed="false">'
        f'<Rate currency="EUR"><PerDay rate="{price}"/></Rate><Restrictions minLOS="{day}"/>{fees}</RatePlan>'
        "</RoomType></AvailRate>"
    )


def parr(*nights: str) -> bytes:
    root = "ProductAvailRateRetrievalRS"
    return f'<{root} xmlns="{NAMESPACE}"><AvailRateList>{"".join(nights)}</AvailRateList></{root}>'.encode()


def nights_of(columns: AriColumns) -> list[tuple[Any, ...]]:
    names = (
        "listing_external_id", "rate_plan_external_id", "stay_date", "price_minor", "currency", "is_open", "units_left",
        "min_stay_nights", "fees_minor",
    )  # fmt: skip
    return list(zip(*(getattr(columns, name).tolist() for name in names), strict=True))


# A price by length of stay makes a night, and with it the whole answer, one to be read night by night.
BY_STAY = night(9).replace('<Rate currency="EUR">', '<Rate currency="EUR" lengthofStay="2">')


@pytest.mark.parametrize("fees", ['<Fees perStay="35.7" currency="EUR"/>', ""])
def test_plain_nights_read_the_same_as_night_by_night(fees: str) -> None:
    nights = [night(day, price, fees) for day, price in ((1, "115.82"), (2, "9"), (3, "115.825"), (4, "0.10"))]
    together, none = mapping.map_ari_columns(parr(*nights), **TOLD)
    one_by_one, _ = mapping.map_ari_columns(parr(*nights, BY_STAY), **TOLD)
    assert nights_of(together) == nights_of(one_by_one)[:-1]
    assert not none
    assert [np.dtype(getattr(together, name).dtype).kind for name in ("price_minor", "is_open", "units_left")] == [
        "f", "b", "i",
    ]  # fmt: skip
    again, _ = mapping.map_ari_columns(together.raw_row(2), **TOLD)
    assert nights_of(again) == nights_of(together)[2:3]


def test_a_night_without_a_price_shows_none_and_moves_no_other_price() -> None:
    bare = night(2).replace('<Rate currency="EUR"><PerDay rate="115.82"/></Rate>', "")
    columns, bad = mapping.map_ari_columns(parr(night(1, "100"), bare, night(3, "300")), **TOLD)
    assert not bad
    assert np.array_equal(columns.price_minor, [10000, np.nan, 30000], equal_nan=True)


def test_two_prices_of_one_night_and_none_of_another_are_not_mixed_up() -> None:
    rate = '<Rate currency="EUR"><PerDay rate="115.82"/></Rate>'
    columns, _ = mapping.map_ari_columns(parr(night(1).replace(rate, rate * 2), night(2).replace(rate, "")), **TOLD)
    assert np.array_equal(columns.price_minor, [11582, np.nan], equal_nan=True)
