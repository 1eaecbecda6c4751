"""One property's failure costs that property only; a store's failure is everybody's."""

from __future__ import annotations

import pytest

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import RetryableError
from python_nodes.steps import apart


def listing(number: int, property_id: int) -> ListingInfo:
    return ListingInfo(
        listing_id=number, unit_id=number, property_id=property_id, external_id=f"r{number}", unit_external_id="u",
        property_external_id=f"p{property_id}", channel_property_id="p", title="t", channel="booking_com", market="m",
        country="PT", subdivision=None, timezone="Europe/Lisbon", currency="EUR", priority=0.5, unit_count=1,
        base_price_minor=1, floor_price_minor=1,
    )  # fmt: skip


LISTINGS = [listing(number, number // 2) for number in range(14)]


def test_all_at_once_where_nothing_fails() -> None:
    calls: list[int] = []
    done = apart.by_property(LISTINGS, lambda part: calls.append(len(part)))
    assert (calls, list(done.failed)) == ([14], [])


@pytest.mark.parametrize("bad", [{0}, {6}, {1, 4}])
def test_the_others_are_worked_on_without_the_one_that_fails(bad: set[int]) -> None:
    def work(part: list[ListingInfo]) -> list[int]:
        if any(one.property_id in bad for one in part):
            raise ValueError("poisoned")
        return [one.listing_id for one in part]

    done = apart.by_property(LISTINGS, work)
    assert {one.property_id for one in done.failed} == bad
    # A property's listings stay together, each is worked on once.
    worked = sorted(number for part in done.results for number in part)
    assert worked == [one.listing_id for one in LISTINGS if one.property_id not in bad]


def test_what_fails_for_all_is_no_propertys_failure() -> None:
    def work(part: list[ListingInfo]) -> None:
        raise ValueError("everywhere")

    with pytest.raises(ValueError, match="everywhere"):
        apart.by_property(LISTINGS, work)


def test_a_store_that_does_not_answer_is_asked_once() -> None:
    calls: list[int] = []

    def work(part: list[ListingInfo]) -> None:
        calls.append(len(part))
        raise RetryableError("down")

    with pytest.raises(RetryableError):
        apart.by_property(LISTINGS, work)
    assert calls == [14]


def test_nothing_to_work_on_is_worked_on() -> None:
    assert list(apart.by_property([], len).results) == [0]
