"""Labels as files: what is read, and what is refused by row and column."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import PermanentError
from python_nodes.scoring import labels_file

MakeListing = Callable[..., ListingInfo]


@pytest.fixture
def listings(listing: MakeListing) -> list[ListingInfo]:
    twice = replace(listing(4, "kyoto"), external_id="room-3", channel="airbnb")
    return [listing(1), listing(2, "kyoto"), listing(3, "kyoto"), twice]


def test_rows_name_listings_or_markets(listings: list[ListingInfo]) -> None:
    text = (
        "\ufefflisting,channel,market,kind,start,end,is_real\n"
        "room-1,,,conversion_drop,2026-03-01,2026-03-09,\n"
        "room-3,airbnb,,ctr_drop,2026-03-02,2026-03-02,no\n"
        ",,kyoto,market_demand_drop,2026-03-03,2026-03-12,1\n"
        ",airbnb,,channel_ctr_drop,2026-03-03,2026-03-12,1\n"
    )
    first, second, third, fourth = labels_file.read(text.encode(), "labels.csv", listings)
    assert (first.listing_ids, first.kind, first.is_real, first.scope) == ({1}, "conversion_drop", True, "listing")
    assert (first.start_date, first.end_date) == (date(2026, 3, 1), date(2026, 3, 9))
    assert (second.listing_ids, second.is_real) == ({4}, False)
    assert (third.listing_ids, third.scope, third.place) == ({2, 3, 4}, "market", "kyoto")
    assert (fourth.listing_ids, fourth.scope, fourth.place) == ({4}, "channel", "airbnb")


def test_a_run_s_truth_is_read_without_its_controls(listings: list[ListingInfo]) -> None:
    told = {
        "id": "drop-1", "kind": "conversion_drop", "scope": "listing", "is_control": False, "market": "lisbon",
        "listings": ["room-1"], "start": "2026-03-01", "end": "2026-03-09", "oracle_day": "2026-03-04",
    }  # fmt: skip
    fall = told | {"id": "fall", "scope": "market", "market": "kyoto", "listings": [], "oracle_day": None}
    report = {"incidents": [told, fall, told | {"is_control": True}], "alerts": []}
    first, second = labels_file.read(json.dumps(report).encode(), "run.json", listings)
    assert (first.name, first.listing_ids, first.oracle_date) == ("drop-1", {1}, date(2026, 3, 4))
    assert (second.place, second.listing_ids, second.oracle_date) == ("kyoto", {2, 3, 4}, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("listing,sort,start,end\n", "unknown column 'sort' (known: listing, channel,"),
        ("listing,kind,start\n", "there is no column end"),
        ("", "there is no column kind"),
        ("listing,kind,start,end\nroom-9,x,2026-03-01,2026-03-02\n", "row 1: there is no listing 'room-9'"),
        ("listing,kind,start,end\nroom-3,x,2026-03-01,2026-03-02\n", "row 1: listing 'room-3' is on several channels"),
        ("listing,kind,start,end\nroom-1,x,01.03.2026,2026-03-02\n", "row 1: start '01.03.2026' is no day"),
        ("listing,kind,start,end\nroom-1,x,2026-03-04,2026-03-02\n", "row 1: end 2026-03-02 is before start"),
        ("listing,kind,start,end\n,x,2026-03-04,2026-03-05\n", "row 1: names no listing, market or channel"),
        ("market,kind,start,end\nrome,x,2026-03-04,2026-03-05\n", "row 1: no listing is in market 'rome'"),
        ("listing,kind,start,end,is_real\nroom-1,x,2026-03-04,2026-03-05,maybe\n", "is_real 'maybe'"),
        ("listing,kind,start,end\nroom-1,x,2026-03-04,2026-03-05,what\n", "row 1: has more cells"),
        ('{"alerts": []}', "is no report with incidents"),
        ("{", "is no report with incidents"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, words: str, listings: list[ListingInfo]) -> None:
    with pytest.raises(PermanentError) as told:
        labels_file.read(text.encode(), "labels.csv", listings)
    assert str(told.value).startswith("labels.csv: ")
    assert words in str(told.value)


def test_what_is_no_text_is_said() -> None:
    with pytest.raises(PermanentError, match="no UTF-8"):
        labels_file.read(b"\xff\xfe\x00", "labels.xlsx", [])
