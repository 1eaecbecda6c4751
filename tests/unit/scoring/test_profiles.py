"""Profiles say what was put in and admit what was not told."""

from __future__ import annotations

import numpy as np
import pytest

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import profiles

DAYS = np.datetime64("2025-01-06") + np.arange(364)  # from a Monday
WEEKDAY = (DAYS.astype(np.int64) + 3) % 7
WEEKENDS = np.where(WEEKDAY >= 5, 2.0, 0.6)


def listing(number: int, market: str = "Lisbon", unit: int | None = None) -> ListingInfo:
    return ListingInfo(
        listing_id=number, unit_id=number if unit is None else unit, property_id=number, external_id=f"r{number}",
        unit_external_id=f"u{number}", property_external_id=f"p{number}", channel_property_id=f"p{number}", title="",
        channel="airbnb", market=market, country="PT", subdivision=None, timezone="UTC", currency="EUR", priority=0.0,
        unit_count=1, base_price_minor=10_000, floor_price_minor=1,
    )  # fmt: skip


def test_a_weekday_profile_is_what_the_days_were() -> None:
    values = np.stack([WEEKENDS * 10, WEEKENDS * 1_000])
    found = profiles.seasonal(values, DAYS)
    np.testing.assert_allclose(found.level, values.mean(axis=1))
    np.testing.assert_allclose(found.weekday, np.tile(np.repeat([0.6, 2.0], [5, 2]), (2, 1)), rtol=1e-9)
    assert found.told_days.tolist() == [364, 364]


def test_missing_is_left_out_and_never_nought() -> None:
    values = np.stack([WEEKENDS * 10] * 3)
    values[0, ::2] = np.nan
    values[2] = np.nan
    found = profiles.seasonal(values, DAYS)
    assert found.level[0] == pytest.approx(10.0, rel=0.02)
    assert found.weekday[0, 6] == pytest.approx(2.0, rel=0.02)
    assert np.isnan(found.level[2])
    assert np.isnan(found.weekday[2]).all()


def test_one_that_tells_little_has_the_shape_of_the_others() -> None:
    values = np.stack([WEEKENDS * 10] * 5)
    values[4] = np.nan
    values[4, 0] = 30.0  # one Monday, which cannot tell what a Sunday is
    found = profiles.seasonal(values, DAYS)
    np.testing.assert_allclose(found.weekday[4, 1:], found.weekday[0, 1:], rtol=1e-6)
    assert found.month[4, 5] == pytest.approx(found.month[0, 5], rel=1e-6)


def test_a_month_that_is_high_is_told_high() -> None:
    july = np.where(DAYS.astype("datetime64[M]").astype(np.int64) % 12 == 6, 3.0, 1.0)
    found = profiles.seasonal(np.stack([july * 20, july * 20]), DAYS)
    assert found.month[0].argmax() == 6
    assert found.month[0, 6] == pytest.approx(3.0 / july.mean(), rel=1e-6)


def test_a_market_is_the_sum_of_what_its_listings_tell() -> None:
    values = np.array([[1.0, np.nan, np.nan], [2.0, 5.0, np.nan], [7.0, 7.0, 7.0]])
    names, sums = profiles.by_market(values, [listing(1), listing(2), listing(3, "Porto")])
    assert names == ["Lisbon", "Porto"]
    np.testing.assert_array_equal(sums, [[3.0, 5.0, np.nan], [7.0, 7.0, 7.0]])
