"""Every guard on small inputs, and what each must leave alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from python_nodes.domain.inputs import AriMatrix, GuardInputs, HealthState
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.guards import discover

TODAY = date(2026, 3, 2)
N, NIGHTS = 3, 100


def listing(key: int) -> ListingInfo:
    return ListingInfo(
        listing_id=key, unit_id=key, property_id=key, external_id=f"r{key}", unit_external_id=f"u{key}",
        property_external_id=f"p{key}", channel_property_id=f"p{key}",
        title="", channel="c", market="m", country="PT", subdivision=None,
        timezone="America/New_York", currency="EUR", priority=0.0, unit_count=3, base_price_minor=10_000,
        floor_price_minor=4_000,
    )  # fmt: skip


@pytest.fixture
def well() -> GuardInputs:
    shape = (N, NIGHTS)
    polled = np.full(N, np.datetime64("2026-03-02T11:00:00", "s"))
    ari = AriMatrix(
        np.datetime64(TODAY, "D") + np.arange(NIGHTS), np.ones(shape, bool), np.ones(shape, bool),
        np.full(shape, 10_000.0), np.full(shape, 2, np.int64), np.ones(shape, np.int64), polled,
    )  # fmt: skip
    health = HealthState(np.array(["bookable"] * N), np.full(N, np.datetime64("2026-01-01T00:00:00", "s")))
    return GuardInputs(
        datetime(2026, 3, 2, 12, tzinfo=UTC), TODAY, [listing(k) for k in (11, 12, 13)], ari, health,
        np.ones(shape, bool), np.ones(shape, bool), np.full(shape, 10_000.0),
        np.full(N, np.datetime64("2026-03-01", "D")), np.full(shape, 0.01),
    )  # fmt: skip


def changed(array: np.ndarray, value: object, row: int = 1, nights: slice = slice(10, 20)) -> np.ndarray:
    result = array.copy()
    result[row, nights] = value
    return result


def test_five_guards_are_found_and_a_well_portfolio_is_left_alone(well: GuardInputs) -> None:
    guards = discover()
    assert set(guards) == {"not_bookable", "no_price", "price_out_of_range", "suspended", "feed_stale"}
    assert [found for check in guards.values() for found in check(well)] == []


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
    [(1_000.0, 0.9 * 0.1), (40_000.0, (1 - 0.25**1.5) * 0.1), (5_100.0, None), (19_900.0, None), (3_900.0, 0.61 * 0.1)],
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
    inputs = replace(
        well, listings=cheap, ari=replace(well.ari, price_minor=changed(well.ari.price_minor, price, nights=new)),
        trailing_price_minor=changed(well.trailing_price_minor, np.nan, nights=slice(85, 100)),
    )  # fmt: skip
    found = discover()["price_out_of_range"](inputs)
    assert [anomaly.evidence["nights_count"] for anomaly in found] == ([5] if is_found else [])


def test_a_feed_that_never_told_a_price_misses_none(well: GuardInputs) -> None:
    guard, nothing = discover()["no_price"], np.full((N, NIGHTS), np.nan)
    blind = replace(well, ari=replace(well.ari, price_minor=nothing), trailing_price_minor=nothing)
    assert guard(blind) == []
    (found,) = guard(replace(blind, trailing_price_minor=changed(nothing, 10_000.0)))
    assert found.listing_id == 12


def test_what_no_night_tells_is_not_judged(well: GuardInputs) -> None:
    inputs = replace(
        well, ari=replace(well.ari, price_minor=changed(well.ari.price_minor, 90_000.0)),
        trailing_price_minor=np.full((N, NIGHTS), np.nan),
    )  # fmt: skip
    assert discover()["price_out_of_range"](inputs) == []


def test_under_floor_counts_without_any_history(well: GuardInputs) -> None:
    broken = replace(
        well, ari=replace(well.ari, price_minor=changed(well.ari.price_minor, 3_000.0)),
        trailing_price_minor=np.full((N, NIGHTS), np.nan),
    )  # fmt: skip
    (found,) = discover()["price_out_of_range"](broken)
    assert found.evidence["under_floor_nights"] == 10
    assert found.direction == "down"


def test_suspended_since_the_local_day(well: GuardInputs) -> None:
    moments = np.full(N, np.datetime64("2026-03-01T02:00:00", "s"))
    (found,) = discover()["suspended"](
        replace(well, health=HealthState(np.array(["bookable", "suspended", "closed"]), moments))
    )
    assert (found.listing_id, found.cause, found.share_lost) == (12, "listing_down", 1.0)
    assert found.onset_date == date(2026, 2, 28)


def test_stale_feeds(well: GuardInputs) -> None:
    polled = well.ari.observed_at.copy()
    polled[0] = np.datetime64("2026-02-27T00:00:00", "s")
    told = well.last_performance_day.copy()
    told[1], told[2] = np.datetime64("2026-02-20"), np.datetime64("NaT")
    found = discover()["feed_stale"](
        replace(well, ari=replace(well.ari, observed_at=polled), last_performance_day=told)
    )
    assert [(a.listing_id, a.metric) for a in found] == [(11, "availability"), (12, "search_impressions")]
