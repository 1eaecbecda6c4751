"""The document on availability and rates is well formed, whatever an id or a currency holds."""

from __future__ import annotations

from datetime import date

from lxml import etree

from sandbox.rows import AriRow
from sandbox.vendors import booking_com_xml as xml


def row(room: str, price_minor: int | None, currency: str) -> AriRow:
    return AriRow(
        room_id=room, rate_id="a&b", night=date(2026, 3, 2), price_minor=price_minor, is_open=price_minor is not None,
        units_left=3, min_stay_nights=2, fees_minor=0, currency=currency,
    )  # fmt: skip


def test_rates_of_several_properties_stand_in_one_document() -> None:
    blocks = [
        xml.AriBlock("p<1>", [row("r\"1'", 12345, "EUR"), row("r2", None, "EUR")]),
        xml.AriBlock("p2", [row("r3", 900, "JPY")]),
    ]
    content = xml.ari(blocks, ["p&3"])
    root = etree.fromstring(content)
    assert b"<!-- ASSUMPTION" in content
    assert root.tag == "OTA_HotelAvailGetRS"
    assert [one.get("HotelCode") for one in root.iter("AvailStatusMessages")] == ["p<1>", "p2"]
    assert [one.get("ShortText") for one in root.iter("Warning")] == ["unknown property p&3"]
    controls = [
        (one.get("InvTypeCode"), one.get("RatePlanCode"), one.get("Start"), one.get("End"))
        for one in root.iter("StatusApplicationControl")
    ]
    assert controls == [(room, "a&b", "2026-03-02", "2026-03-02") for room in ("r\"1'", "r2", "r3")]
    prices = [(one.get("AmountAfterTax"), one.get("CurrencyCode")) for one in root.iter("BaseByGuestAmt")]
    assert prices == [("123.45", "EUR"), ("900", "JPY")]
    assert [one.get("Status") for one in root.iter("RestrictionStatus")] == ["Open", "Close", "Open"]
    assert [one.get("Time") for one in root.iter("LengthOfStay")] == ["2", "2", "2"]
    assert [one.get("BookingLimit") for one in root.iter("AvailStatusMessage")] == ["3", "3", "3"]


def test_no_stranger_is_no_warning() -> None:
    assert list(etree.fromstring(xml.ari([])).iter("Warnings")) == []
