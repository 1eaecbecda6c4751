"""Books of now, of a year ago and in the end, on bookings whose answers can be counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from python_nodes.scoring import pickup
from python_nodes.scoring.pickup import YEAR, Nights, Pace

TODAY = 20_000
NEVER = np.iinfo(np.int64).max
LEAD, STAY, TOTAL = 20, 2, 200.0


def steady(n: int, begin: int = TODAY - 900, end: int = TODAY + 100, a_day: int = 1) -> dict[str, np.ndarray]:
    """Each listing sells a stay of two nights every day, twenty days ahead."""
    made = np.repeat(np.arange(begin, end), a_day)
    row = np.repeat(np.arange(n), len(made))
    booked = np.tile(made, n)
    return {
        "row": row, "check_in": booked + LEAD, "stay_nights": np.full(len(row), STAY), "from_day": booked,
        "until_day": np.full(len(row), NEVER), "total_minor": np.full(len(row), TOTAL),
    }  # fmt: skip


def paced(told: dict[str, np.ndarray], n: int, told_from: int = TODAY - 900, capacity: float = 50.0) -> Pace:
    return pickup.pace(
        pickup.nights_of(**told), np.zeros(n, dtype=np.int64), np.full(n, capacity), np.full(n, told_from), TODAY
    )  # fmt: skip


def without(told: dict[str, np.ndarray], gone: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[~gone] for name, column in told.items()}


def test_books_are_those_of_the_beginning_of_a_day() -> None:
    one = pickup.nights_of(
        *(np.array([value]) for value in (0, TODAY + 1, 3, TODAY - 5, TODAY - 1, 300.0))
    )  # row, check_in, stay, from_day, until_day, total
    for at, nights in ((TODAY - 5, 0), (TODAY - 4, 3), (TODAY - 1, 3), (TODAY, 0)):
        counted, money = pickup.books(one, at, TODAY, 10, 1)
        assert (counted.sum(), money.sum()) == (nights, 100.0 * nights), at
    counted, _ = pickup.books(one, TODAY - 2, TODAY, 10, 1)
    assert np.flatnonzero(counted[0]).tolist() == [1, 2, 3]


def test_a_steady_listing_is_where_it_was_and_ends_as_it_did() -> None:
    found = paced(steady(4), 4)
    assert found.nights[:, 0] == pytest.approx(28.0), "two a night, all sold two weeks ahead"
    assert found.nights_last_year == pytest.approx(found.nights)
    assert found.nights_market == pytest.approx(found.nights, rel=0.02)
    assert found.money[:, 0] == pytest.approx(2_800.0)
    assert found.nights_expected == pytest.approx(2.0 * np.tile(pickup.WINDOWS, (4, 1)), rel=0.05)
    assert found.money_expected == pytest.approx(100.0 * found.nights_expected, rel=0.02)


def test_what_is_told_later_changes_nothing() -> None:
    told = steady(3)
    later = {name: column.copy() for name, column in told.items()}
    later["until_day"][told["from_day"] < TODAY - 5] = TODAY + 1
    later["total_minor"][told["from_day"] >= TODAY] = 1e9
    one, other = paced(told, 3), paced(later, 3)
    for name in ("nights", "nights_last_year", "nights_market", "nights_expected", "money_expected"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_one_that_stopped_selling_is_behind_last_year_and_its_market() -> None:
    told = steady(4)
    found = paced(without(told, (told["row"] == 1) & (told["from_day"] >= TODAY - 7)), 4)
    assert (found.nights_last_year - found.nights_alike)[:, 1] == pytest.approx([0.0, 14.0, 0.0, 0.0])
    assert (found.nights_market - found.nights_alike)[1, 1] == pytest.approx(14.0, abs=1.0)
    assert np.abs((found.nights_market - found.nights_alike)[[0, 2, 3], 1]).max() < 5.0


def test_a_market_that_fell_is_no_listing_s_pace() -> None:
    told = steady(6)
    found = paced(without(told, (told["from_day"] >= TODAY - 14) & (told["from_day"] % 2 == 0)), 6)
    assert (found.nights_last_year - found.nights_alike)[:, 1].min() >= 14.0
    assert np.abs((found.nights_market - found.nights_alike)[:, 1]).max() < 2.0


def test_cancelled_nights_leave_the_books_and_are_expected_to() -> None:
    told = steady(4, a_day=4)
    quits = np.arange(len(told["row"])) % 4 == 0
    told["until_day"] = np.where(quits, told["check_in"] - 3, told["until_day"])
    found = paced(told, 4)
    assert found.nights_expected[:, 0] == pytest.approx(6.0 * 14, rel=0.05)
    assert found.nights[:, 0].max() > 6.0 * 14 + 10, "some of what is on the books will be cancelled"


def test_books_that_began_late_are_compared_by_what_was_booked_within_as_many_days() -> None:
    told = steady(4, begin=TODAY - YEAR - 16)
    found = paced(told, 4, told_from=TODAY - YEAR - 16)
    assert found.alike_days.tolist() == [16] * 4
    assert found.nights_last_year == pytest.approx(found.nights_alike)
    assert (found.nights_alike[:, 1] < found.nights[:, 1]).all()


def test_a_listing_without_a_last_year_is_held_against_the_market_only() -> None:
    told = steady(4)
    found = paced(without(told, (told["row"] == 2) & (told["from_day"] < TODAY - 100)), 4)
    assert np.isnan(found.nights_last_year[2]).all()
    assert np.isfinite(found.nights_last_year[[0, 1, 3]]).all()
    assert found.nights_market[2, 0] == pytest.approx(28.0, rel=0.15)


def test_nobody_expects_more_nights_than_there_are() -> None:
    found = paced(steady(4, a_day=3), 4, capacity=6.0)
    assert found.nights_expected[:, 3].max() <= 6.0 * 90
    tight = paced(steady(4, a_day=3), 4, capacity=4.0)
    assert tight.nights_expected[:, 3].max() <= np.maximum(tight.nights[:, 3], 0).max() + 4.0 * 90


def test_without_a_booking_all_is_nought_and_last_year_unknown() -> None:
    found = paced({name: column[:0] for name, column in steady(1).items()}, 2)
    assert not found.nights.any()
    assert np.isnan(found.nights_last_year).all()
    assert np.isfinite(found.nights_market).all()
    assert np.isfinite(found.money_expected).all()


def test_the_order_of_bookings_is_no_matter() -> None:
    told = steady(3)
    mixed = np.random.default_rng(0).permutation(len(told["row"]))
    one, other = paced(told, 3), paced({name: column[mixed] for name, column in told.items()}, 3)
    assert one.nights_expected == pytest.approx(other.nights_expected)
    assert replace(one, errors={}).method == other.method


def test_nights_of_a_stay_share_its_worth() -> None:
    found: Nights = pickup.nights_of(
        *(np.array(column) for column in ([0, 1], [5, 9], [3, 0], [1, 1], [NEVER, NEVER], [90.0, 50.0]))
    )  # fmt: skip
    assert found.night.tolist() == [5, 6, 7]
    assert found.worth_minor.tolist() == [30.0, 30.0, 30.0]
