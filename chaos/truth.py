"""What the sandbox has issued by a moment, told by the same world drawn anew and not by anything that was stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from python_nodes.local import n8n
from python_nodes.local.servers import WorldArguments
from sandbox import exports, files
from sandbox.world import DEFAULT_T0, World, build_world

Booking = tuple[str, str]
"""A channel and what it calls the reservation."""
Day = tuple[str, str, date]
"""A channel, what it calls the listing, and a day there."""
AT_ONCE = frozenset({"listing_down", "calendar_closed", "rate_missing", "price_error"})
"""Incidents that a guard sees in the first answer it gets."""


@dataclass(slots=True)
class Truth:
    """The world that the sandbox serves, and how far it has got."""

    world: World
    today: date
    _seen: World = field(init=False)

    def __post_init__(self) -> None:
        self._seen = self.world.as_seen_by(lambda: self.today)

    def write_downloads(self, day: date, folder: Path) -> None:
        """Let people download what they would on that day."""
        self.today = day
        files.write_calendar(self._seen, folder, day)
        exports.write_recent(self._seen, folder, day)

    def bookings(self, until: datetime) -> Mapping[Booking, datetime]:
        """Every booking ever made up to a moment, and when."""
        last = until.date() + timedelta(days=1)
        return {
            (channel, row.reservation_id): row.booked_at
            for channel in sorted(set(self.world.portfolio.channel))
            for row in self.world.bookings(channel, self.world.first, min(last, self._end()))
            if row.booked_at <= until
        }

    def views(self, start: date, end: date) -> dict[Day, tuple[int, int]]:
        """Impressions and views of each listing and day, both ends included."""
        return {
            (channel, row.room_id, row.date): (row.search_views, row.page_views)
            for channel in sorted(set(self.world.portfolio.channel))
            for row in self.world.performance(channel, start, end)
        }

    def due(self, day: date) -> list[dict[str, Any]]:
        """Incidents that have begun by that day and that nobody could overlook."""
        return [
            one for one in self.world.incidents()
            if one["kind"] in AT_ONCE and date.fromisoformat(one["start"]) <= day
        ]  # fmt: skip

    def _end(self) -> date:
        return self.world.t0 + timedelta(days=self.world.live_days - 1)


def of(told: WorldArguments) -> Truth:
    """Draw the world of the sandbox's arguments."""
    world = build_world(
        told.seed, told.listings, told.days, told.live_days, DEFAULT_T0, told.scenario, told.channels,
        n8n.cache_dir().with_name("worlds"),
    )  # fmt: skip
    return Truth(world, world.t0)
