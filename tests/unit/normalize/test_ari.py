"""Availability and rates: which nights are refused, why, and what of them is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from python_nodes.domain.columns import AriColumns
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.normalize import PortfolioIndex, normalize_ari_columns
from python_nodes.vendors.booking_com.ari import map_ari, map_ari_columns

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
LISTING = ListingInfo(
    listing_id=11, unit_id=1, property_id=1, external_id="r1", unit_external_id="u1", property_external_id="p1",
    channel_property_id="p1", title="t", channel="booking_com", market="m", country="DE", subdivision=None,
    timezone="Asia/Tokyo", currency="EUR", priority=0.0, unit_count=1, base_price_minor=100, floor_price_minor=50,
)  # fmt: skip
INDEX = PortfolioIndex.build([replace(LISTING, listing_id=12, external_id="r0", currency="JPY"), LISTING])


def message(room: str = "r1", day: str = "2026-03-03", price: str = "10.00", currency: str = "EUR") -> str:
    amount = f"<BaseByGuestAmt AmountAfterTax='{price}' CurrencyCode='{currency}'/>" if price else ""
    return (
        f"<AvailStatusMessage BookingLimit='2'><StatusApplicationControl Start='{day}' End='{day}' InvTypeCode='{room}'"
        f" RatePlanCode='std'/><RestrictionStatus Status='Open'/>{amount}</AvailStatusMessage>"
    )


def columns(*messages: str) -> AriColumns:
    half = len(messages) // 2
    blocks = "".join(f"<AvailStatusMessages>{''.join(part)}</AvailStatusMessages>" for part in
                     (messages[:half], messages[half:]))  # fmt: skip
    content = f"<OTA_HotelAvailGetRS>{blocks}</OTA_HotelAvailGetRS>".encode()
    told, bad = map_ari_columns(content, source="b", observed_at=AS_OF, raw_id=3)
    assert bad == []
    return told


def test_night_without_price_takes_the_propertys_currency() -> None:
    good, bad = normalize_ari_columns(
        columns(message(price=""), message("r0", price="900", currency="JPY")), INDEX, AS_OF
    )
    assert bad == []
    assert good.currency.tolist() == ["EUR", "JPY"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"room": "r9"}, "listing_external_id"),
        ({"room": "r9", "price": ""}, "listing_external_id"),
        ({"currency": "USD"}, "currency"),
        ({"price": "-1.00"}, "price_minor"),
    ],
)
def test_bad_night_is_refused_with_what_came_and_the_rest_goes_on(change: dict[str, Any], field: str) -> None:
    wrong = message(day="2026-03-04", **change)
    good, (bad,) = normalize_ari_columns(columns(message(), wrong, message(day="2026-03-05")), INDEX, AS_OF)
    assert [str(day) for day in good.stay_date] == ["2026-03-03", "2026-03-05"]
    assert (bad.field, bad.operation, bad.raw_id) == (field, "ari", 3)
    assert field in bad.reason
    (record,), _ = map_ari(bad.raw, source="b", observed_at=AS_OF, raw_id=3)
    assert record.stay_date.isoformat() == "2026-03-04"


def test_the_last_told_night_wins_even_where_it_is_bad() -> None:
    told = columns(message(), message(price="20.00"), message(day="2026-03-04"), message(day="2026-03-04", price="-1"))
    good, bad = normalize_ari_columns(told, INDEX, AS_OF)
    assert good.price_minor.tolist() == [2000.0]
    assert [one.field for one in bad] == ["price_minor"]
    assert b'AmountAfterTax="-1"' in bad[0].raw


def test_what_was_seen_tomorrow_is_refused() -> None:
    ahead = replace(columns(message()), observed_at=AS_OF + timedelta(hours=2))
    good, bad = normalize_ari_columns(ahead, INDEX, AS_OF)
    assert (len(good), [one.field for one in bad]) == (0, ["observed_at"])


def test_an_empty_document_is_no_night() -> None:
    good, bad = normalize_ari_columns(columns(), INDEX, AS_OF)
    assert (len(good), bad) == (0, [])
