"""A channel's performance report as columns: a history of it has a row a listing and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sandbox.calendar import IntArray, same_number

if TYPE_CHECKING:
    from sandbox.simulated import World

_ODD_FEEDS = ("feed_stale", "feed_duplicate", "currency_switched")


@dataclass(frozen=True, slots=True)
class Figures:
    """One entry a row, by day then listing; ``day`` counts from the first simulated one."""

    day: IntArray
    listing: IntArray
    impressions: IntArray
    views: IntArray
    bookings: IntArray
    revenue_minor: IntArray
    currency: list[str]

    def at(self, rows: IntArray) -> Figures:
        """Some of the rows."""
        return Figures(
            self.day[rows], self.listing[rows], self.impressions[rows], self.views[rows], self.bookings[rows],
            self.revenue_minor[rows], [self.currency[k] for k in rows.tolist()],
        )  # fmt: skip


def figures(world: World, channel: str, start: date, end: date) -> Figures:
    """Both days included; a stale feed's rows end, a duplicated feed has its rows twice."""
    low, high = max(world.day_index(start), 0), min(world.day_index(end), world.history_days + world.live_days - 1)
    listings = np.array(world.index.listings.get(channel, ()), dtype=np.int64)
    days = np.arange(low, high + 1)
    times = np.ones((days.size, listings.size), dtype=np.int64)
    odd = [int(i) for i in listings if _is_odd_feed(world, int(i))]
    for i in odd:
        times[:, np.flatnonzero(listings == i)[0]] = _times(world, i, days)
    day = np.repeat(np.repeat(days, listings.size), times.ravel())
    listing = np.repeat(np.tile(listings, days.size), times.ravel())
    own = [world.portfolio.market(i).currency for i in range(len(world.portfolio))]
    revenue, currency = world.revenue_minor[listing, day], [own[i] for i in listing.tolist()]
    for k in np.flatnonzero(np.isin(listing, odd) & (day >= world.history_days)).tolist():
        i, shown = int(listing[k]), world.currency_on(int(listing[k]), world.first + timedelta(days=int(day[k])))
        if shown != own[i]:
            revenue[k], currency[k] = same_number(int(revenue[k]), own[i], shown), shown
    impressions, views = world.counts.impressions[listing, day], world.counts.views[listing, day]
    return Figures(day, listing, impressions, views, world.booked[listing, day], revenue, currency)


def _is_odd_feed(world: World, listing: int) -> bool:
    """Whether a listing's report is ever anything but its figures in its own currency."""
    return any(item.kind in _ODD_FEEDS for item in world.index.incidents.get(listing, ()))


def _times(world: World, listing: int, days: IntArray) -> list[int]:
    """How often a listing's row of each day is told.

    A feed that doubles its rows does so from its first day's report, which is about the day before; a stale one's
    report ends the day before it stopped, like any report.
    """
    through, found = world.known_through(listing), []
    for day in (world.first + timedelta(days=d) for d in days.tolist()):
        live = (day - world.t0).days + 1
        asked = (world.today() - world.t0).days if world.today else live
        doubled = (
            item.kind == "feed_duplicate" and item.covers(live) and item.covers(asked)
            for item in world.index.incidents.get(listing, ())
        )  # fmt: skip
        is_told = through is None or day < through
        found.append((2 if any(doubled) else 1) if is_told else 0)
    return found
