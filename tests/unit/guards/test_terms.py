"""Fees, totals and minimum stays on their boundaries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards import discover
from python_nodes.guards.min_stay_raised import turned_away
from tests.unit.guards.conftest import changed


def shown(inputs: GuardInputs, **columns: np.ndarray) -> GuardInputs:
    return replace(inputs, ari=replace(inputs.ari, **columns))


def test_a_fee_that_is_gone_costs_its_share_of_a_stay(well: GuardInputs) -> None:
    (found,) = discover()["fee_missing"](shown(well, fees_minor=changed(well.ari.fees_minor, 0)))
    assert (found.listing_id, found.cause, found.evidence["nights_count"]) == (12, "fee_missing", 10)
    # A stay is 1.9 nights on average: 190.00 and a fee of 30.00, on a tenth of the demand; a few more come for it.
    assert found.share_lost == pytest.approx(0.1 * (1 - (19_000 / 22_000) ** 0.5))


def test_a_lower_fee_is_none_missing_and_a_listing_without_fees_lacks_none(well: GuardInputs) -> None:
    guard = discover()["fee_missing"]
    assert guard(shown(well, fees_minor=changed(well.ari.fees_minor, 1))) == []
    never = replace(well, usual=replace(well.usual, fees_minor=np.zeros_like(well.usual.fees_minor)))
    assert guard(shown(never, fees_minor=np.zeros_like(well.ari.fees_minor))) == []


def test_a_night_new_in_sight_should_have_the_listings_fee(well: GuardInputs) -> None:
    new = slice(80, 90)
    unseen = replace(well, usual=replace(well.usual, fees_minor=changed(well.usual.fees_minor, np.nan, nights=new)))
    (found,) = discover()["fee_missing"](shown(unseen, fees_minor=changed(well.ari.fees_minor, 0, nights=new)))
    assert found.observed == 0
    assert found.expected == 3_000


# 100.00 a night and 30.00 over 1.9 nights are 115.79: double is reached with a fee of 250.00.
@pytest.mark.parametrize(("fee", "is_found"), [(24_900, False), (25_100, True), (1, False)])
def test_a_fee_that_doubles_the_total_is_told(well: GuardInputs, fee: int, is_found: bool) -> None:
    found = discover()["total_out_of_range"](shown(well, fees_minor=changed(well.ari.fees_minor, fee)))
    assert [(one.cause, one.direction) for one in found] == ([("price_error", "up")] if is_found else [])


def test_what_the_price_alone_tells_is_not_told_again_as_a_total(well: GuardInputs) -> None:
    dear = shown(well, price_minor=changed(well.ari.price_minor, 40_000.0))
    assert len(discover()["price_out_of_range"](dear)) == 1
    assert discover()["total_out_of_range"](dear) == []


@pytest.mark.parametrize(("nights", "lost"), [(1, None), (2, 0.05), (3, 0.08), (5, 0.1)])
def test_a_raised_minimum_stay_turns_away_shorter_stays(well: GuardInputs, nights: int, lost: float | None) -> None:
    found = discover()["min_stay_raised"](shown(well, min_stay_nights=changed(well.ari.min_stay_nights, nights)))
    # Of the demand on the 90 nights that are looked at, 0.9 in this made-up world.
    assert [one.share_lost for one in found] == ([] if lost is None else [pytest.approx(lost / 0.9)])


def test_a_minimum_stay_that_always_stood_there_is_none_raised(well: GuardInputs) -> None:
    usual = replace(well.usual, min_stay_nights=changed(well.usual.min_stay_nights, 3.0))
    asked = shown(replace(well, usual=usual), min_stay_nights=changed(well.ari.min_stay_nights, 3))
    assert discover()["min_stay_raised"](asked) == []
    unknown = replace(well.usual, min_stay_nights=changed(well.usual.min_stay_nights, np.nan))
    assert discover()["min_stay_raised"](replace(asked, usual=unknown)) == []


def test_turned_away_is_what_was_long_enough_and_no_longer_is() -> None:
    shares = np.array([[0.5, 0.3, 0.2]])
    away = turned_away(shares, np.array([[1.0, 2.0, 1.0, 3.0]]), np.array([[3, 3, 99, 2]]))
    assert away.tolist() == [[pytest.approx(0.8), pytest.approx(0.3), pytest.approx(1.0), 0.0]]


def test_bookings_that_are_expected_fall_on_nights_for_sale(well: GuardInputs) -> None:
    """Ten nights without a price are all that is left to sell within sight: they cost all bookings within sight."""
    missing = shown(well, price_minor=changed(well.ari.price_minor, np.nan))
    left = np.zeros_like(well.ari.units_left)
    left[:, 10:20] = 2
    (some,) = discover()["no_price"](missing)
    (every,) = discover()["no_price"](shown(missing, units_left=left))
    assert some.share_lost == pytest.approx(0.1 / 0.9)
    assert every.share_lost == pytest.approx(1.0)


def test_what_lies_beyond_the_last_night_told_is_half_counted(well: GuardInputs) -> None:
    """Of bookings that touch 90 nights with half of their weight, the other half comes later."""
    seen = replace(well, night_demand=well.night_demand * 0.5 / 1.2)
    all_closed = shown(seen, is_open=changed(seen.ari.is_open, False, nights=slice(0, None)))
    near_closed = shown(seen, is_open=changed(seen.ari.is_open, False, nights=slice(0, 60)))
    shares = [discover()["not_bookable"](one)[0].share_lost for one in (all_closed, near_closed)]
    assert shares[1] == pytest.approx(60 * 0.01 * 0.5 / 1.2)
    assert shares[0] >= shares[1]
