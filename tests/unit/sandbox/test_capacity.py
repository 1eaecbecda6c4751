"""Nights are sold in the order of booking days, once each, whatever the channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from sandbox.calendar import IntArray
from sandbox.capacity import fit_capacity
from sandbox.demand import Events

NO = (-1, -1, -1)


def _events(day: Sequence[int], lead: Sequence[int], nights: Sequence[int], cancel: Sequence[int]) -> Events:
    n = len(day)
    columns = [np.array(column, dtype=np.int64) for column in (range(n), day, range(n), lead, nights, [1] * n, cancel)]
    return Events(*columns, np.ones(n, dtype=np.bool_))


def _fit(events: Events, units: int, fixed: bool = False, blocked: Sequence[int] = ()) -> list[int]:
    closed = np.zeros((1, 90), dtype=np.bool_)
    closed[0, list(blocked)] = True
    one = np.zeros(events.day.size, dtype=np.int64)
    stays: IntArray = fit_capacity(events, one, np.array([units]), closed, np.full(one.shape, fixed))
    return stays.tolist()


def test_the_second_guest_for_the_last_room_moves_to_the_nearest_free_date() -> None:
    assert _fit(_events((0, 1, 2), (10, 9, 8), (2, 2, 2), NO), units=1) == [10, 12, 8]


def test_guests_who_may_not_move_are_lost() -> None:
    assert _fit(_events((0, 1), (10, 9), (2, 2), (-1, -1)), units=1, fixed=True) == [10, -1]


def test_two_rooms_take_two_guests() -> None:
    assert _fit(_events((0, 0, 0), (10, 10, 10), (1, 1, 1), NO), units=2) == [10, 10, 11]


def test_a_cancelled_night_is_sold_again_but_not_before() -> None:
    assert _fit(_events((0, 4, 5), (10, 6, 5), (1, 1, 1), (5, -1, -1)), units=1) == [10, 11, 10]


def test_a_night_the_operator_closed_is_not_sold() -> None:
    assert _fit(_events((0,), (10,), (2,), (-1,)), units=3, blocked=(11,)) == [9]


def test_nobody_moves_into_the_past() -> None:
    assert _fit(_events((9, 10), (1, 0), (1, 1), (-1, -1)), units=1) == [10, 11]


@pytest.mark.parametrize("seed", range(3))
def test_never_more_stays_than_rooms(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, units = 400, 3
    day = np.sort(rng.integers(0, 30, n))
    events = _events(day.tolist(), rng.integers(0, 15, n).tolist(), rng.integers(1, 5, n).tolist(), [-1] * n)
    start = np.array(_fit(events, units))
    sold = np.zeros(90, dtype=np.int64)
    for s, nights in zip(start, events.nights, strict=True):
        if s >= 0:
            sold[s : s + nights] += 1
    assert sold.max() == units
    assert (start >= 0).sum() > 50
