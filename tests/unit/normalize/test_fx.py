"""Rates by day, last known over weekends, and exact minor units."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from python_nodes.normalize import convert_minor, reference_rates
from python_nodes.normalize.fx import RateTable, shipped_table

FRIDAY, SATURDAY, SUNDAY, MONDAY = (np.datetime64(f"2026-03-{day}") for day in ("27", "28", "29", "30"))


def days(*told: str) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return np.array(told, dtype="datetime64[D]")


def table() -> RateTable:
    told = days("2026-03-27", "2026-03-30", "2026-03-27", "2026-03-30")
    return RateTable.of(told, ["USD", "USD", "JPY", "JPY"], np.array([1.0, 1.25, 160.0, 200.0]))


def test_a_weekend_has_fridays_rate_and_a_time_before_the_table_its_first() -> None:
    rates = table().on(["USD", "EUR"], np.array([np.datetime64("2020-01-01"), FRIDAY, SATURDAY, SUNDAY, MONDAY]))
    assert rates[0].tolist() == [1.0, 1.0, 1.0, 1.0, 1.25]
    assert rates[1].tolist() == [1.0] * 5


def test_a_day_without_one_currency_keeps_that_currencys_last() -> None:
    gap = RateTable.of(days("2026-03-27", "2026-03-30", "2026-03-27"), ["USD", "USD", "GBP"], np.array([1, 2, 0.9]))
    assert gap.on(["GBP"], np.array([MONDAY]))[0, 0] == 0.9


def test_an_unknown_currency_is_missing_and_never_one() -> None:
    assert np.isnan(table().on(["XAU"], np.array([MONDAY]))).all()


def test_factors_count_minor_units_of_either_side() -> None:
    factors = table().minor_factors(["JPY", "USD", "EUR"], "EUR", np.array([FRIDAY, MONDAY]))
    # A yen has no minor unit: 160 yen were 100 cents, later 200 were.
    assert factors[0].tolist() == pytest.approx([100 / 160, 100 / 200])
    assert factors[1].tolist() == pytest.approx([1.0, 0.8])
    assert factors[2].tolist() == [1.0, 1.0]


def test_newer_rates_take_a_currencys_place_from_their_first_day_on() -> None:
    merged = table().replaced(RateTable.of(days("2026-03-29"), ["USD"], np.array([2.0])))
    asked = np.array([FRIDAY, SATURDAY, SUNDAY, MONDAY])
    # Whoever tells a currency's rates is not mixed with another, so Sunday's stands on Monday too.
    assert merged.on(["USD"], asked)[0].tolist() == [1.0, 1.0, 2.0, 2.0]
    assert merged.on(["JPY"], np.array([MONDAY]))[0, 0] == 200.0
    assert table().replaced(RateTable.of(days(), [], np.array([]))).days.tolist() == table().days.tolist()


def test_the_shipped_rates_are_the_central_banks() -> None:
    # As published on those days.
    assert reference_rates(date(2026, 3, 30))["USD"] == Decimal("1.1484")
    assert reference_rates(date(2026, 3, 29))["JPY"] == reference_rates(date(2026, 3, 27))["JPY"]
    assert shipped_table().days[0] == np.datetime64("2024-01-02")
    assert len(shipped_table().days) > 700
    assert set(reference_rates()) >= {"EUR", "USD", "GBP", "JPY", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK"}


def test_converting_there_and_back_gives_the_amount() -> None:
    rates = table().latest(date(2026, 3, 30))
    assert convert_minor(100, "EUR", "JPY", rates) == 200
    assert convert_minor(200, "JPY", "EUR", rates) == 100
