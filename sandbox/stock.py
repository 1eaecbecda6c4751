"""Nights taken of every unit as known on a day: worked out for all units at once, as all are asked on the same day."""

from __future__ import annotations

import threading
from functools import lru_cache

import numpy as np

from sandbox.calendar import IntArray
from sandbox.reservations import Reservations

# A day's and its neighbours' across time zones, and the days at which stale feeds stand.
_DAYS_KEPT = 8


class Stock:
    """What is sold at the local start of a day; the latest days asked for are kept."""

    def __init__(self, made: Reservations, unit_index: IntArray, nights: int) -> None:
        self._made, self._nights = made, nights
        self._units = int(unit_index.max()) + 1
        self._unit = unit_index[made.listing]
        self._lock = threading.Lock()
        self._on = lru_cache(maxsize=_DAYS_KEPT)(self._counted)

    def sold(self, unit: int, day: int) -> IntArray:
        """Rooms of a unit taken on each night."""
        with self._lock:
            taken = self._on(day)
        return np.asarray(taken[unit])

    def _counted(self, day: int) -> IntArray:
        made, width = self._made, self._nights + 1
        rows = np.flatnonzero((made.day < day) & ((made.cancel_day < 0) | (made.cancel_day >= day)))
        start = self._unit[rows] * width + made.checkin[rows]
        size = self._units * width
        step = np.bincount(start, minlength=size) - np.bincount(start + made.nights[rows], minlength=size)
        return np.cumsum(step.reshape(self._units, width), axis=1)[:, :-1].astype(np.int32)
