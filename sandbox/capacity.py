"""Sells units' nights in the order of booking days: a night sold on one channel is gone on all."""

from __future__ import annotations

import numpy as np

from sandbox.calendar import IntArray
from sandbox.demand import BoolArray, Events

SHIFT_DAYS = np.array((0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 10, -10, 14, 21, 28))
LONGEST_STAY = 14
_STAY = np.arange(LONGEST_STAY)


def opening_stock(unit_count: IntArray, blocked: BoolArray) -> IntArray:
    """Units of each night that are taken before anybody books: all of them where the operator closed."""
    return np.asarray(unit_count[:, None] * blocked, dtype=np.int32)


def fit_capacity(
    events: Events, unit: IntArray, unit_count: IntArray, blocked: BoolArray, fixed: BoolArray
) -> IntArray:
    """Check-in of each room in order of days, moved to a near date where its own is sold out; -1 where none is free.

    ``unit`` is each row's unit; ``fixed`` rows do not move (an incident has changed what the dates near theirs cost).
    Of one day's guests those whose nights suffice for all come first; the others take turns, one a unit at a time.
    """
    sold = opening_stock(unit_count, blocked)
    checkin = events.day + events.lead
    nights = events.nights
    # A booking cancelled on its own day gives its nights back the next morning.
    leaves = np.where(events.cancel_after >= 0, events.day + np.maximum(events.cancel_after, 1), -1)
    by_leave = np.argsort(leaves, kind="stable")
    last = int(events.day.max(initial=-1)) + 1
    leave_at = np.searchsorted(leaves[by_leave], np.arange(last + 1))
    day_at = np.searchsorted(events.day, np.arange(last + 1))
    for today in range(last):
        gone = by_leave[leave_at[today] : leave_at[today + 1]]
        _count(sold, unit[gone], checkin[gone], nights[gone], -1)
        rows = np.arange(day_at[today], day_at[today + 1])
        _count(sold, unit[rows], checkin[rows], nights[rows], 1)
        short = rows[~fits(sold, unit_count + 1, unit[rows], checkin[rows], nights[rows])]
        _count(sold, unit[short], checkin[short], nights[short], -1)
        turn = _turns(unit[short])
        for number in range(int(turn.max(initial=-1)) + 1):
            some = short[turn == number]
            start = _free_start(sold, unit_count, unit[some], checkin[some], nights[some], today, fixed[some])
            checkin[some] = start
            _count(sold, unit[some], start, nights[some], 1)
    return checkin


def _turns(unit: IntArray) -> IntArray:
    """Number of earlier rows of the same unit."""
    order = np.argsort(unit, kind="stable")
    first = np.searchsorted(unit[order], unit[order])
    turn = np.empty(unit.size, dtype=np.int64)
    turn[order] = np.arange(unit.size) - first
    return turn


def _count(sold: IntArray, unit: IntArray, start: IntArray, nights: IntArray, step: int) -> None:
    """Take or give back stays; rows that found no place (-1) hold none."""
    held = np.flatnonzero(start >= 0)
    line = np.repeat(unit[held], nights[held])
    ends = np.cumsum(nights[held])
    night = np.arange(line.size) - np.repeat(ends - nights[held], nights[held]) + np.repeat(start[held], nights[held])
    np.add.at(sold, (line, night), step)


def fits(sold: IntArray, unit_count: IntArray, unit: IntArray, start: IntArray, nights: IntArray) -> BoolArray:
    """Whether stays find a free unit on each of their nights; shapes broadcast."""
    night = start[..., None] + _STAY
    taken = sold[unit[..., None], np.clip(night, 0, sold.shape[1] - 1)] >= unit_count[unit][..., None]
    return np.asarray(~(taken & (nights[..., None] > _STAY)).any(axis=-1))


def _free_start(
    sold: IntArray,
    unit_count: IntArray,
    unit: IntArray,
    wanted: IntArray,
    nights: IntArray,
    today: int,
    fixed: BoolArray,
) -> IntArray:
    """The wanted start where it is free, else the nearest free one, else -1."""
    start = np.where(fits(sold, unit_count, unit, wanted, nights), wanted, -1)
    moving = np.flatnonzero((start < 0) & ~fixed)
    if moving.size:
        near = wanted[moving, None] + SHIFT_DAYS
        free = fits(sold, unit_count, np.broadcast_to(unit[moving, None], near.shape), near, nights[moving, None])
        free &= near >= today
        best = free.argmax(axis=1)
        start[moving] = np.where(free.any(axis=1), near[np.arange(moving.size), best], -1)
    return start
