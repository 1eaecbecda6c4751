"""Where things stand in the simulation's arrays, looked up once so that no request searches them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sandbox.calendar import IntArray
from sandbox.incidents import Incident
from sandbox.portfolio import Portfolio
from sandbox.reservations import Reservations


@dataclass(frozen=True, slots=True)
class Index:
    """Listings by channel and property, reservations by unit, and the incidents of each listing."""

    listings: dict[str, tuple[int, ...]]
    rooms: dict[tuple[str, str], tuple[int, ...]]
    by_unit: IntArray
    unit_at: IntArray
    incidents: dict[int, tuple[Incident, ...]]

    def reservations_of(self, unit: int) -> IntArray:
        """Rows of one unit's reservations."""
        return self.by_unit[self.unit_at[unit] : self.unit_at[unit + 1]]

    def places_of(self, made: Reservations, units: Iterable[int], listings: tuple[int, ...]) -> IntArray:
        """Rows of some listings' reservations, in their order; ``units`` are those listings' own."""
        rows = np.sort(np.concatenate([self.reservations_of(unit) for unit in dict.fromkeys(units)]))
        return np.asarray(rows[np.isin(made.listing[rows], listings)])

    def sold(self, made: Reservations, unit: int, day: int, nights: int) -> IntArray:
        """Rooms of a unit taken on each night as known at the local start of ``day``."""
        rows = self.reservations_of(unit)
        rows = rows[(made.day[rows] < day) & ((made.cancel_day[rows] < 0) | (made.cancel_day[rows] >= day))]
        step = np.zeros(nights + 1, dtype=np.int64)
        np.add.at(step, made.checkin[rows], 1)
        np.add.at(step, made.checkin[rows] + made.nights[rows], -1)
        return np.asarray(np.cumsum(step)[:nights])


def build_index(portfolio: Portfolio, made: Reservations, placed: tuple[Incident, ...]) -> Index:
    """Look everything up once."""
    listings: dict[str, list[int]] = {}
    rooms: dict[tuple[str, str], list[int]] = {}
    for i, where in enumerate(zip(portfolio.channel, portfolio.channel_property_id, strict=True)):
        listings.setdefault(where[0], []).append(i)
        rooms.setdefault(where, []).append(i)
    touched: dict[int, list[Incident]] = {}
    for item in placed:
        for i in item.listings:
            touched.setdefault(i, []).append(item)
    unit = portfolio.unit_index[made.listing]
    by_unit = np.argsort(unit, kind="stable")
    return Index(
        {channel: tuple(found) for channel, found in listings.items()},
        {where: tuple(found) for where, found in rooms.items()},
        by_unit,
        np.searchsorted(unit[by_unit], np.arange(int(portfolio.unit_index.max()) + 2)),
        {i: tuple(items) for i, items in touched.items()},
    )
