"""Every guard on small inputs, and what each must leave alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from python_nodes.domain.inputs import GuardInputs, HealthState
from python_nodes.guards import discover
from tests.unit.guards.conftest import NIGHTS, N, changed, texts


def usual_price(inputs: GuardInputs, price: np.ndarray) -> GuardInputs:
    return replace(inputs, usual=replace(inputs.usual, price_minor=price))


def test_every_guard_is_found_and_a_well_portfolio_is_left_alone(well: GuardInputs, sold_on_three: GuardInputs) -> None:
    guards = discover()
    assert set(guards) == {
        "access_ending", "amenity_missing", "calendar_empty", "currency_switched", "fee_missing", "feed_duplicate",
        "feed_stale",
        "min_stay_raised", "no_price", "not_bookable", "parity", "poll_failing", "price_out_of_range",
        "rate_plan_gap", "review_drop", "suspended", "total_out_of_range",
    }  # fmt: skip
    assert [found for check in guards.values() for one in (well, sold_on_three) for found in check(one)] == []


def test_closed_nights_are_one_anomaly_with_their_share_of_demand(well: GuardInputs) -> None:
    broken = replace(well, ari=replace(well.ari, is_open=changed(well.ari.is_open, False)))
    (found,) = discover()["not_bookable"](broken)
    assert (found.listing_id, found.cause, found.metric) == (12, "calendar_closed", "availability")
    assert found.evidence["nights_count"] == 10
    assert found.evidence["first_night"] == "2026-03-12"
    assert found.share_lost == pytest.approx(0.10)


def test_sold_out_and_operator_closed_and_far_nights_are_not_blocked(well: GuardInputs) -> None:
    guard = discover()["not_bookable"]
    assert guard(replace(well, ari=replace(well.ari, units_left=changed(well.ari.units_left, 0)))) == []
    shut = replace(well.ari, is_open=changed(well.ari.is_open, False))
    assert guard(replace(well, ari=shut, operator_open=changed(well.operator_open, False))) == []
    far = replace(well.ari, is_open=changed(well.ari.is_open, False, nights=slice(90, 100)))
    assert guard(replace(well, ari=far)) == []


def test_what_the_operator_opened_since_the_channel_was_asked_is_not_blocked_yet(well: GuardInputs) -> None:
    guard = discover()["not_bookable"]
    shut = replace(well, ari=replace(well.ari, is_open=changed(well.ari.is_open, False)))
    assert len(guard(shut)) == 1
    asked_at = well.ari.observed_at[0]
    assert (
        guard(replace(shut, operator_since=np.full_like(well.operator_since, asked_at + np.timedelta64(1, "s")))) == []
    )
    # Asked at the same moment, or after, it must know.
    assert guard(replace(shut, operator_since=np.full_like(well.operator_since, asked_at))) == guard(shut)


def test_unknown_nights_count_only_where_the_channel_was_ever_polled(well: GuardInputs) -> None:
    unknown = replace(well.ari, known=changed(well.ari.known, False), is_open=changed(well.ari.is_open, False))
    (found,) = discover()["not_bookable"](replace(well, ari=unknown))
    assert found.evidence["unknown_nights"] == 10
    never = replace(unknown, observed_at=np.full(N, np.datetime64("NaT", "s")))
    assert discover()["not_bookable"](replace(well, ari=never)) == []


def test_missing_price(well: GuardInputs) -> None:
    (found,) = discover()["no_price"](
        replace(well, ari=replace(well.ari, price_minor=changed(well.ari.price_minor, np.nan)))
    )
    assert (found.listing_id, found.cause, found.evidence["nights_count"]) == (12, "rate_missing", 10)


@pytest.mark.parametrize(
    ("price", "share"),
    [
        # At half its price a night draws 1.41 times the guests, at double a quarter of them, who pay double.
        (1_000.0, (1 - 0.1**0.5) * 0.1),
        (40_000.0, (1 - 0.25) * 0.1),
        (5_100.0, None),
        (19_900.0, None),
        (3_900.0, (1 - 0.39**0.5) * 0.1),
    ],
)
def test_price_bounds(well: GuardInputs, price: float, share: float | None) -> None:
    found = discover()["price_out_of_range"](
        replace(well, ari=replace(well.ari, price_minor=changed(well.ari.price_minor, price)))
    )
    assert [anomaly.share_lost for anomaly in found] == ([] if share is None else [pytest.approx(share)])


@pytest.mark.parametrize(
    ("price", "is_found"), [(4_500.0, False), (32_000.0, True), (25_000.0, False), (3_300.0, True)]
)
def test_a_night_new_in_sight_is_judged_by_the_same_weekday_around_it(
    well: GuardInputs, price: float, is_found: bool
) -> None:
    new = slice(85, 90)
    cheap = [replace(one, floor_price_minor=1) for one in well.listings]
    shown = replace(
        well, listings=cheap, ari=replace(well.ari, price_minor=changed(well.ari.price_minor, price, nights=new))
    )
    inputs = usual_price(shown, changed(well.usual.price_minor, np.nan, nights=slice(85, 100)))
    found = discover()["price_out_of_range"](inputs)
    assert [anomaly.evidence["nights_count"] for anomaly in found] == ([5] if is_found else [])


def test_a_feed_that_never_told_a_price_misses_none(well: GuardInputs) -> None:
    guard, nothing = discover()["no_price"], np.full((N, NIGHTS), np.nan)
    blind = usual_price(replace(well, ari=replace(well.ari, price_minor=nothing)), nothing)
    assert guard(blind) == []
    (found,) = guard(usual_price(blind, changed(nothing, 10_000.0)))
    assert found.listing_id == 12


def test_what_no_night_tells_is_not_judged(well: GuardInputs) -> None:
    dear = replace(well, ari=replace(well.ari, price_minor=changed(well.ari.price_minor, 90_000.0)))
    inputs = usual_price(dear, np.full((N, NIGHTS), np.nan))
    assert discover()["price_out_of_range"](inputs) == []


def test_under_floor_counts_without_any_history(well: GuardInputs) -> None:
    cheap = replace(well, ari=replace(well.ari, price_minor=changed(well.ari.price_minor, 3_000.0)))
    broken = usual_price(cheap, np.full((N, NIGHTS), np.nan))
    (found,) = discover()["price_out_of_range"](broken)
    assert found.evidence["under_floor_nights"] == 10
    assert found.direction == "down"


def test_suspended_since_the_local_day(well: GuardInputs) -> None:
    moments = np.full(N, np.datetime64("2026-03-01T02:00:00", "s"))
    (found,) = discover()["suspended"](
        replace(well, health=HealthState(texts("bookable", "suspended", "closed"), moments, texts("", "", "")))
    )
    assert (found.listing_id, found.cause, found.share_lost) == (12, "listing_down", 1.0)
    assert found.onset_date == date(2026, 2, 28)
