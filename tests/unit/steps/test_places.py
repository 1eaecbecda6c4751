"""Which listings an alert is about: asked one by one or through the index, the answer is the same."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.steps import places

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)


def listing(listing_id: int, property_id: int, market: str) -> ListingInfo:
    return ListingInfo(
        listing_id=listing_id, unit_id=listing_id, property_id=property_id, external_id=f"l{listing_id}",
        unit_external_id="u", property_external_id="p", channel_property_id="p", title="t", channel="airbnb",
        market=market, country="PT", subdivision=None, timezone="UTC", currency="EUR", priority=0.0, unit_count=1,
        base_price_minor=1, floor_price_minor=1,
    )  # fmt: skip


LISTINGS = [listing(1, 10, "lisbon"), listing(2, 10, "lisbon"), listing(3, 11, "lisbon"), listing(4, 12, "porto")]


def alert(**place: Any) -> Alert:
    where = {"listing_id": None, "property_id": None, "market": None, "evidence": {}} | place
    return Alert(
        alert_id=1, updated_at=AT, resolved_at=None, version=1, fingerprint="f", scope="listing", metric="availability",
        kind="not_bookable", cause="calendar_closed", title="t", category="high", score=70.0, currency="EUR",
        impact_minor=1, loss_per_day_minor=1, lost_so_far_minor=1, onset_date=date(2026, 3, 4), raised_at=AT, parts={},
        **where,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("place", "ids"),
    [
        ({"listing_id": 2}, [2]), ({"listing_id": 9}, []), ({"evidence": {"listing_ids": [1, 4, 9]}}, [1, 4]),
        ({"evidence": {"listing_ids": []}, "market": "lisbon"}, []), ({"property_id": 10}, [1, 2]),
        ({"property_id": 99}, []), ({"market": "lisbon"}, [1, 2, 3]), ({"market": "faro"}, []), ({}, []),
    ],
)  # fmt: skip
def test_both_ways_find_the_same(place: dict[str, Any], ids: list[int]) -> None:
    told = alert(**place)
    assert [one.listing_id for one in places.of(told, LISTINGS)] == ids
    assert [one.listing_id for one in places.index(LISTINGS)(told)] == ids
