"""How a large portfolio is parted: whole properties, markets that stay together, and the same parts each time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import shards

ONE = ListingInfo(
    listing_id=0, unit_id=0, property_id=0, external_id="", unit_external_id="", property_external_id="",
    channel_property_id="", rate_plan_external_id="", title="", channel="booking_com", market="", country="DE",
    subdivision=None, timezone="UTC", currency="EUR", priority=0.5, unit_count=1, base_price_minor=1,
    floor_price_minor=1,
)  # fmt: skip


def portfolio(sizes: Sequence[tuple[str, Sequence[int]]]) -> list[ListingInfo]:
    """Markets by name, each with the sizes of its properties; ids in the order of a file that knows no markets."""
    houses = [(market, size) for market, properties in sizes for size in properties]
    rows = [(market, house) for house, (market, size) in enumerate(houses) for _ in range(size)]
    random.Random(3).shuffle(rows)
    return [
        replace(ONE, listing_id=row, market=market, property_id=house) for row, (market, house) in enumerate(rows)
    ]  # fmt: skip


def test_a_portfolio_that_is_small_enough_is_one_shard_in_its_own_order() -> None:
    listings = portfolio([("porto", [2, 3]), ("lisbon", [4])])
    assert shards.plan(listings, 9) == [listings]
    assert shards.plan([], 9) == []


def test_markets_stay_whole_and_follow_their_names() -> None:
    parts = shards.plan(portfolio([("porto", [4]), ("berlin", [5]), ("lisbon", [3, 2]), ("wien", [6])]), 10)
    assert [sorted({one.market for one in part}) for part in parts] == [["berlin", "lisbon"], ["porto", "wien"]]


def test_a_market_that_is_too_large_is_cut_into_about_equal_parts() -> None:
    parts = shards.plan(portfolio([("rome", [1] * 25)]), 10)
    assert [len(part) for part in parts] == [9, 9, 7]


def test_a_property_is_never_cut_even_where_it_is_larger_than_a_shard() -> None:
    parts = shards.plan(portfolio([("rome", [3, 14, 3])]), 10)
    assert [len(part) for part in parts] == [3, 14, 3]


@given(
    sizes=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.lists(st.integers(1, 9), min_size=1, max_size=8)), max_size=8
    ),
    most=st.integers(1, 30),
)
def test_every_listing_is_in_one_shard_and_no_property_in_two(sizes: list[tuple[str, list[int]]], most: int) -> None:
    listings = portfolio(sizes)
    parts = shards.plan(listings, most)
    ids = [one.listing_id for part in parts for one in part]
    assert sorted(ids) == [one.listing_id for one in listings]
    assert all(list(part) == sorted(part, key=lambda one: one.listing_id) for part in parts)
    assert max(Counter(house for part in parts for house in {one.property_id for one in part}).values(), default=1) == 1
    largest = max(Counter(one.property_id for one in listings).values(), default=0)
    assert all(len(part) <= max(most, largest) for part in parts)
    shuffled = random.Random(5).sample(listings, len(listings))
    assert [{one.listing_id for one in part} for part in shards.plan(shuffled, most)] == [
        {one.listing_id for one in part} for part in parts
    ]


@pytest.mark.parametrize(("most", "part", "whole", "share"), [(300, 50, 50, 300), (300, 10, 100, 30), (0, 5, 10, 0)])
def test_each_shard_has_its_share_of_the_most_valuable(most: int, part: int, whole: int, share: int) -> None:
    assert shards.share(most, part, whole) == share


def test_shares_are_never_less_than_the_whole() -> None:
    assert sum(shards.share(7, 1, 10) for _ in range(10)) >= 7
