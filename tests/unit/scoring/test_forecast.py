"""Which listings are worth a forecast, and what an incident takes of the days to come."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from python_nodes.domain.inputs import Economics
from python_nodes.scoring import forecast

TODAY = date(2026, 3, 10)


def payload(first: str, mean: list[float], worth: float = 1_000.0) -> dict[str, object]:
    return {"first_date": first, "mean": mean, "booking_worth_minor": worth}


def test_the_dearest_come_first_and_what_brings_nothing_is_left_out() -> None:
    economics = Economics(
        np.array([1.0, 4.0, 0.0, 2.0]), np.array([900.0, 100.0, 1e6, 500.0]), np.array([0.5, 1.0, 1.0, 1.0]), np.ones(4)
    )
    assert forecast.worth_it(economics, 2).tolist() == [3, 0]
    assert forecast.worth_it(economics, 9).tolist() == [3, 0, 1]


def test_what_is_lost_is_the_share_of_what_was_to_come() -> None:
    long = payload("2026-03-08", [100.0, 100.0, *[2.0] * 14, 50.0])
    found = forecast.lost_ahead([long], [0.25], TODAY)
    assert found == forecast.Lost(28.0, 28_000, 7_000)
    other = payload("2026-03-10", [1.0] * 14, worth=500.0)
    both = forecast.lost_ahead([long, other], [0.25, 1.0], TODAY)
    assert both == forecast.Lost(42.0, 35_000, 14_000)


@pytest.mark.parametrize(("first", "size"), [("2026-03-08", 15), ("2026-03-11", 40)])
def test_a_forecast_that_does_not_reach_says_nothing(first: str, size: int) -> None:
    assert forecast.lost_ahead([payload(first, [1.0] * size)], [0.5], TODAY) is None


def test_nothing_known_is_no_forecast_and_a_dead_series_one_of_nought() -> None:
    days = np.datetime64("2026-01-01") + np.arange(60)
    assert forecast.make(np.full(60, np.nan), days, 14) is None
    made = forecast.make(np.zeros(60), days, 14)
    assert made is not None
    assert made.payload["mean"] == [0.0] * 14
    assert made.payload["first_date"] == "2026-03-02"
    assert set(made.payload["lower"]) == set(made.payload["upper"]) == {"80", "95"}
