"""Nights read as text are what an XML parser reads, and what is not written as expected is left to the parser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_nodes.vendors.expedia_group import mapping, text_ari
from python_nodes.vendors.expedia_group.parr import NAMESPACE

TOLD: dict[str, Any] = {"source": "expedia_group", "observed_at": datetime(2026, 3, 2, 12, tzinfo=UTC), "raw_id": 7}
NAMES = (
    "listing_external_id", "rate_plan_external_id", "stay_date", "price_minor", "currency", "is_open", "units_left",
    "min_stay_nights", "fees_minor",
)  # fmt: skip


def room(number: int, price: str = "115.82", fees: str = '<Fees perStay="35.70" currency="EUR"/>') -> str:
    return (
        f'<RoomType id="u{number}" closed="{"true" if number == 2 else "false"}">'
        f'<Inventory flexibleAllocation="9" totalInventoryAvailable="9" totalInventorySold="{number}"/>'
        f'<RatePlan id="u{number} flex" closed="false"><Rate currency="EUR"><PerDay rate="{price}"/></Rate>'
        f'<Restrictions minLOS="{number}" maxLOS="28" closedToArrival="false" closedToDeparture="false"/>{fees}'
        "</RatePlan></RoomType>"
    )


def document(*nights: str) -> str:
    listed = "".join(f'<AvailRate date="2026-03-{day:02}">{rooms}</AvailRate>' for day, rooms in enumerate(nights, 1))
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n"
        f'<ProductAvailRateRetrievalRS xmlns="{NAMESPACE}"><AvailRateList><Hotel id="p1"/>{listed}</AvailRateList>'
        "</ProductAvailRateRetrievalRS>"
    )


PLAIN = document(room(1) + room(2, "9"), room(1, "0.10"), room(3, "115.825", fees=""))


def outcome(text: str) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]]]:
    columns, bad = mapping.map_ari_columns(text.encode(), **TOLD)
    rows = list(zip(*(getattr(columns, name).tolist() for name in NAMES), strict=True))
    return rows, [(one.reason, one.field or "") for one in bad]


def by_parser(text: str) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]]]:
    """What comes of it where a comment, of which no parser tells, keeps the text from being read as text."""
    commented = text.replace("<AvailRateList>", "<AvailRateList><!-- -->", 1)
    assert text_ari.told(commented.encode()) is None
    return outcome(commented)


def test_a_plain_document_is_read_as_text_to_the_parser_s_result() -> None:
    assert text_ari.told(PLAIN.encode()) is not None
    rows, bad = outcome(PLAIN)
    assert (rows, bad) == by_parser(PLAIN)
    assert [row[3:9] for row in rows[:2]] == [(11582.0, "EUR", True, 8, 1, 3570), (900.0, "EUR", False, 7, 2, 3570)]
    assert len(rows) == 4
    assert rows[3][-1] == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('id="u1" closed="false"', 'closed="false" id="u1"'),
        ('id="u1"', 'id="u&amp;1"'),
        ('id="u1"', 'id="ü1"'),
        ('id="u1"', "id='u1'"),
        ('<Inventory ', '<!-- --><Inventory '),
        ('<Restrictions ', '\n  <Restrictions '),
        ('maxLOS="28"', 'maxLOS="28" maxLOS="28"'),
        ("</AvailRate><AvailRate", "<AvailRate"),
        ('</AvailRate><AvailRate date="2026-03-02">', "</AvailRate>"),
        ("<AvailRateList>", "<AvailRateList><AvailRateList/>"),
        ("<PerDay rate", "<PerPerson rate"),
        ("<?xml", "<!DOCTYPE x><?xml"),
        (NAMESPACE, "http://example.com"),
        ('<Hotel id="p1"/>', '<Error code="3201"/>'),
        ("</ProductAvailRateRetrievalRS>", ""),
    ],
)  # fmt: skip
def test_any_other_document_is_left_to_the_parser(old: str, new: str) -> None:
    changed = PLAIN.replace(old, new, 1)
    assert changed != PLAIN
    assert text_ari.told(changed.encode()) is None


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_is_done_to_a_document_the_text_tells_nothing_that_the_parser_does_not(data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(PLAIN)))
    end = data.draw(st.integers(begin, min(len(PLAIN), begin + 60)))
    source = data.draw(st.integers(0, len(PLAIN)))
    put = data.draw(st.sampled_from(["", "0", " ", "&", "<", '"', PLAIN[source : source + (end - begin)]]))
    changed = PLAIN[:begin] + put + PLAIN[end:]
    if text_ari.told(changed.encode()) is not None:
        assert outcome(changed) == by_parser(changed)
