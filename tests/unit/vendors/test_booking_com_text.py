"""Booking.com's nights read as text are what an XML parser reads, and any other document is left to the parser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_nodes.domain.columns import AriColumns
from python_nodes.vendors.booking_com.ari import map_ari_columns
from python_nodes.vendors.booking_com.text_ari import text_columns

TOLD: dict[str, Any] = {"source": "booking_com", "observed_at": datetime(2026, 3, 2, 12, tzinfo=UTC), "raw_id": 7}
NAMES = (
    "listing_external_id", "rate_plan_external_id", "stay_date", "currency", "is_open", "units_left",
    "min_stay_nights", "fees_minor",
)  # fmt: skip
PRICE = '<BaseByGuestAmt AmountAfterTax="158.39" CurrencyCode="EUR"/>'
FEE = '<Fees><Fee AmountAfterTax="12.5" CurrencyCode="EUR"/></Fees>'
STAY = '<LengthsOfStay><LengthOfStay MinMaxMessageType="SetMinLOS" Time="3"/></LengthsOfStay>'


def night(day: int, room: str, inside: str, status: str = "Open") -> str:
    return (
        f'<AvailStatusMessage BookingLimit="{day}"><StatusApplicationControl Start="2026-03-{day:02}"'
        f' End="2026-03-{day:02}" InvTypeCode="{room}" RatePlanCode="{room}-flex"/>'
        f'<RestrictionStatus Status="{status}"/>{inside}</AvailStatusMessage>'
    )


def document(*blocks: str) -> str:
    told = "".join(f'<AvailStatusMessages HotelCode="p{n}">{one}</AvailStatusMessages>' for n, one in enumerate(blocks))
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<OTA_HotelAvailGetRS><!-- a word -->{told}</OTA_HotelAvailGetRS>"


PLAIN = document(
    night(1, "a", STAY + PRICE + FEE) + night(2, "a", PRICE, "Close") + night(1, "b", STAY), night(3, "c", PRICE + FEE)
)


def is_text(text: str) -> bool:
    return text_columns(text.encode(), raw_rows=lambda content, numbers: lambda row: b"", **TOLD) is not None


def rows(columns: AriColumns) -> list[tuple[Any, ...]]:
    # NaN differs from itself; its text does not.
    prices = map(str, columns.price_minor.tolist())
    return list(zip(*(getattr(columns, name).tolist() for name in NAMES), prices, strict=True))


def outcome(text: str) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]]]:
    columns, bad = map_ari_columns(text.encode(), **TOLD)
    return rows(columns), [(one.reason, one.field or "") for one in bad]


def by_parser(text: str) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]]]:
    """What comes of it where comments, of which no parser tells, keep the text from being read as text."""
    commented = text.replace("<AvailStatusMessages", "<!-- --><!-- --><AvailStatusMessages", 1)
    assert not is_text(commented)
    return outcome(commented)


def test_a_plain_document_is_read_as_text_to_the_parser_s_result() -> None:
    assert is_text(PLAIN)
    found, bad = outcome(PLAIN)
    assert (found, bad) == by_parser(PLAIN)
    assert [row[3:] for row in found] == [
        ("EUR", True, 1, 3, 1250, "15839.0"), ("EUR", False, 2, 1, 0, "15839.0"), ("", True, 1, 3, 0, "nan"),
        ("EUR", True, 3, 1, 1250, "15839.0"),
    ]  # fmt: skip


def test_a_row_of_it_maps_again_by_itself() -> None:
    columns, _ = map_ari_columns(PLAIN.encode(), **TOLD)
    again, bad = map_ari_columns(columns.raw_row(2), **TOLD)
    assert (rows(again), bad) == (rows(columns)[2:3], [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('Start="2026-03-01" End="2026-03-01"', 'End="2026-03-01" Start="2026-03-01"'),
        ('Start="2026-03-01"', 'Start="2026-02-30"'),
        ('End="2026-03-01"', 'End="2026-03-05"'),
        ('InvTypeCode="a"', 'InvTypeCode="a&amp;b"'),
        ('InvTypeCode="a"', 'InvTypeCode="ä"'),
        ('Status="Open"', 'Status="Shut"'),
        ('BookingLimit="1"', 'BookingLimit="-1"'),
        ('"158.39"', '"158.395"'),
        ('CurrencyCode="EUR"', 'CurrencyCode="QQQ"'),
        ('CurrencyCode="EUR"/>', 'CurrencyCode="EUR" DecimalPlaces="2"/>'),
        (FEE, FEE + FEE),
        (PRICE, PRICE + PRICE),
        (PRICE, "\n" + PRICE),
        ("</AvailStatusMessages><AvailStatusMessages", "<AvailStatusMessages"),
        ('</AvailStatusMessages><AvailStatusMessages HotelCode="p1">', "</AvailStatusMessages>"),
        ("<!-- a word -->", '<Warnings><Warning ShortText="unknown property p9"/></Warnings>'),
        ("<OTA_HotelAvailGetRS>", "<!DOCTYPE x><OTA_HotelAvailGetRS>"),
        ("</OTA_HotelAvailGetRS>", ""),
    ],
)
def test_any_other_document_is_left_to_the_parser(old: str, new: str) -> None:
    changed = PLAIN.replace(old, new, 1)
    assert changed != PLAIN
    assert not is_text(changed)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_is_done_to_a_document_the_text_tells_nothing_that_the_parser_does_not(data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(PLAIN)))
    end = data.draw(st.integers(begin, min(len(PLAIN), begin + 60)))
    source = data.draw(st.integers(0, len(PLAIN)))
    put = data.draw(st.sampled_from(["", "0", " ", "&", "<", '"', PLAIN[source : source + (end - begin)]]))
    changed = PLAIN[:begin] + put + PLAIN[end:]
    if is_text(changed):
        assert outcome(changed) == by_parser(changed)
