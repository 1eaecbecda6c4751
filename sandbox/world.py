"""The simulated world that every counterpart reads: build it once, then ask it by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from sandbox.rows import AriRow, BookingRow, HealthRow, OperatorRow, PerformanceRow


class World(Protocol):
    """A finished simulation from ``t0 - history_days`` to ``t0 + live_days - 1``; nothing here reads a clock.

    Both ends of every date range are inclusive.
    """

    t0: date
    currency: str
    history_days: int
    live_days: int

    def portfolio_json(self) -> dict[str, Any]:
        """``{"currency", "properties", "units", "listings"}`` with exactly the portfolio file's field names."""
        ...

    def property_ids(self) -> Sequence[str]:
        """All property external ids, in portfolio order."""
        ...

    def performance(self, start: date, end: date) -> list[PerformanceRow]:
        """The performance report's rows of all listings, by day then listing."""
        ...

    def bookings(self, start: date, end: date) -> list[BookingRow]:
        """Bookings made on property-local days ``start`` to ``end``, in order of ``booked_at``."""
        ...

    def cancellations(self, day: date) -> list[BookingRow]:
        """Bookings cancelled on that property-local day, in order of ``cancelled_at``."""
        ...

    def ari(self, property_id: str, day: date, first: date, last: date) -> list[AriRow]:
        """What the channel shows on ``day`` for nights ``first`` to ``last``, live incidents included."""
        ...

    def health(self, property_id: str, day: date) -> list[HealthRow]:
        """The channel's word on each room of a property on ``day``; unknown property: KeyError."""
        ...

    def operator_calendar(self, day: date, first: date, last: date) -> list[OperatorRow]:
        """The operator's own calendar, which no incident touches."""
        ...

    def incidents(self) -> list[dict[str, Any]]:
        """Keys id, kind, scope, is_control, listing, property, market, start, end (ISO), true_loss_minor (EUR cents)."""
        ...

    def listing_table(self) -> list[dict[str, Any]]:
        """Per listing: listing, property, unit, market, weekly_bookings."""
        ...


# def build_world(seed: int, listings: int, history_days: int, live_days: int, t0: date, scenario: Path | None) -> World
# raises sandbox.incidents.ScenarioError (message names file and field). DEFAULT_T0 = date(2026, 3, 30), a Monday.
BuildSignature = tuple[int, int, int, int, date, Path | None]
