"""A finished simulation, asked by channel and day: reports, bookings, availability, content, the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from sandbox import shown, truth
from sandbox.calendar import IntArray
from sandbox.changelog import Change, Tweak
from sandbox.demand import BoolArray, Counts
from sandbox.figures import Figures, figures
from sandbox.incidents import Incident
from sandbox.index import Index
from sandbox.portfolio import Portfolio
from sandbox.reservations import Reservations
from sandbox.rows import (
    AriRow,
    BookingRow,
    ChangeRow,
    ContentRow,
    HealthRow,
    MarketRow,
    OperatorRow,
    PerformanceRow,
    ReviewRow,
)
from sandbox.sales import Sales, moments
from sandbox.stock import Stock
from sandbox.truth import Outcome


@dataclass(frozen=True, slots=True)
class World:
    """A finished simulation from ``t0 - history_days`` to ``t0 + live_days - 1``; nothing here reads a clock.

    Both ends of every date range are inclusive. ``twin`` is the live window's funnel without any incident.
    ``today`` tells on which day it is asked, which matters for a stale feed only; without it no feed is stale where a
    method has no day of its own.
    """

    t0: date
    currency: str
    history_days: int
    live_days: int
    seed: int
    portfolio: Portfolio
    price: IntArray
    blocked: BoolArray
    counts: Counts
    twin: Counts
    reservations: Reservations
    booked: IntArray
    revenue_minor: IntArray
    placed: tuple[Incident, ...]
    outcomes: tuple[Outcome, ...]
    too_late: tuple[dict[str, Any], ...]
    changes: tuple[Change, ...]
    tweaks: tuple[Tweak, ...]
    index: Index
    stock: Stock
    today: Callable[[], date] | None = None

    @property
    def first(self) -> date:
        """The first simulated day."""
        return self.t0 - timedelta(days=self.history_days)

    def as_seen(self, day: date) -> World:
        """This world as its counterparts answer on a day: a stale feed gives what it gave before."""
        return self.as_seen_by(lambda: day)

    def as_seen_by(self, today: Callable[[], date]) -> World:
        """This world with a clock that tells on which day it is asked."""
        return replace(self, today=today)

    def day_index(self, day: date) -> int:
        """Days from the first simulated one."""
        return (day - self.first).days

    def dates(self, days: IntArray) -> list[str]:
        """Days of the world, or nights of its calendar, counted from the first simulated day, as ISO dates."""
        told = _iso_dates(self.first, self.price.shape[1] + 1)
        return [told[day] for day in days.tolist()]

    def rooms(self, channel: str, property_id: str) -> tuple[int, ...]:
        """Listings of what a channel calls a property; unknown: KeyError."""
        return self.index.rooms[channel, property_id]

    def active(self, listing: int, day: date) -> list[Incident]:
        """Incidents that go on at a listing on a day."""
        live = (day - self.t0).days
        return [item for item in self.index.incidents.get(listing, ()) if item.covers(live)]

    def stale_since(self, listing: int, day: date) -> date | None:
        """The last day before a listing's feed, as asked on ``day``, went stale; None while it is fresh."""
        begun = [item.first_day for item in self.active(listing, day) if item.kind == "feed_stale"]
        return self.t0 + timedelta(days=min(begun) - 1) if begun else None

    def currency_on(self, listing: int, day: date) -> str:
        """What a listing charges in on a day: its property's currency, unless it was switched by mistake."""
        for item in self.active(listing, day):
            if item.kind == "currency_switched":
                return item.currency
        return self.portfolio.market(listing).currency

    def portfolio_json(self) -> dict[str, Any]:
        """``{"currency", "properties", "units", "listings"}`` with exactly the portfolio file's field names."""
        return self.portfolio.to_json()

    def property_ids(self, channel: str) -> list[str]:
        """What a channel calls its properties, in portfolio order."""
        return [place for name, place in self.index.rooms if name == channel]

    def zones(self, channel: str) -> dict[str, ZoneInfo]:
        """The time zone of each property on a channel."""
        rooms = self.index.rooms
        return {p: ZoneInfo(self.portfolio.market(rooms[channel, p][0]).timezone) for p in self.property_ids(channel)}

    def currencies(self, channel: str) -> dict[str, str]:
        """The currency of each property on a channel."""
        rooms = self.index.rooms
        return {p: self.portfolio.market(rooms[channel, p][0]).currency for p in self.property_ids(channel)}

    def figures(self, channel: str, start: date, end: date) -> Figures:
        """A channel's performance report as columns."""
        return figures(self, channel, start, end)

    def performance(self, channel: str, start: date, end: date) -> list[PerformanceRow]:
        """A channel's performance report, by day then listing; a duplicated feed has its rows twice."""
        told, book, first = self.figures(channel, start, end), self.portfolio, self.first
        listing = told.listing.tolist()
        columns = (
            [first + timedelta(days=d) for d in told.day.tolist()], [book.channel_property_id[i] for i in listing],
            [book.room_id[i] for i in listing], told.impressions.tolist(), told.views.tolist(), told.bookings.tolist(),
            told.revenue_minor.tolist(), told.currency,
        )  # fmt: skip
        return [PerformanceRow(*row) for row in zip(*columns, strict=True)]

    def known_through(self, listing: int) -> date | None:
        """Where the feed is stale today, the day it stopped; None while it is fresh, or with no day to ask on."""
        return self.stale_since(listing, self.today()) if self.today else None

    def switched(self) -> list[int]:
        """Listings whose currency is ever switched by mistake."""
        told = self.index.incidents.items()
        return [i for i, items in told if any(item.kind == "currency_switched" for item in items)]

    def booking(self, k: int) -> BookingRow:
        """One reservation by its place in ``reservations``."""
        return self.booking_rows(np.array([k]))[0]

    def booking_rows(self, places: IntArray) -> list[BookingRow]:
        """Reservations by their places in ``reservations``, in the order given."""
        told, made, first = self.sales(places), self.reservations, self.first
        checkin, nights = made.checkin[places].tolist(), made.nights[places].tolist()
        cancelled_s = made.cancelled_s[places].tolist()
        columns = (
            told.reservation_id, told.property_id, told.room_id, told.rate_id, moments(made.booked_s[places]),
            [datetime.fromtimestamp(second, UTC) if second >= 0 else None for second in cancelled_s],
            [first + timedelta(days=day) for day in checkin],
            [first + timedelta(days=day + stay) for day, stay in zip(checkin, nights, strict=True)],
            told.guest_name, told.total_minor, told.currency,
        )  # fmt: skip
        return [BookingRow(*row) for row in zip(*columns, strict=True)]

    def sales(self, places: IntArray) -> Sales:
        """Reservations as columns of text."""
        return Sales(self, places)

    def _fresh(self, rows: IntArray, day: IntArray) -> IntArray:
        """Of some reservations those whose event on ``day`` a stale feed has already told."""
        told = np.ones(len(rows), dtype=np.bool_)
        for i in {i for item in self.placed if item.kind == "feed_stale" for i in item.listings}:
            stopped = self.known_through(i)
            if stopped is not None:
                told &= (self.reservations.listing[rows] != i) | (day <= self.day_index(stopped))
        return rows[told]

    def booking_places(self, channel: str, start: date, end: date) -> IntArray:
        """Where a channel's bookings made on property-local days ``start`` to ``end`` stand, in order of time."""
        r = self.reservations
        rows = np.flatnonzero((r.day >= self.day_index(start)) & (r.day <= self.day_index(end)))
        rows = rows[np.isin(r.listing[rows], self.index.listings.get(channel, ()))]
        return self._fresh(rows, r.day[rows])

    def cancellation_places(self, channel: str, day: date) -> IntArray:
        """Where a channel's bookings cancelled on that property-local day stand, in order of their cancellation."""
        r = self.reservations
        index = self.day_index(day)
        rows = np.flatnonzero(r.cancel_day == index) if index >= 0 else np.array([], dtype=np.int64)
        rows = rows[np.isin(r.listing[rows], self.index.listings.get(channel, ()))]
        rows = rows[np.argsort(r.cancelled_s[rows], kind="stable")]
        return self._fresh(rows, r.cancel_day[rows])

    def bookings(self, channel: str, start: date, end: date) -> list[BookingRow]:
        """A channel's bookings made on property-local days ``start`` to ``end``, in order of ``booked_at``."""
        return self.booking_rows(self.booking_places(channel, start, end))

    def cancellations(self, channel: str, day: date) -> list[BookingRow]:
        """A channel's bookings cancelled on that property-local day, in order of ``cancelled_at``."""
        return self.booking_rows(self.cancellation_places(channel, day))

    def ari(self, channel: str, property_id: str, day: date, first: date, last: date) -> list[AriRow]:
        """What a channel shows on ``day`` for nights ``first`` to ``last``, live incidents included."""
        return shown.ari(self, self.rooms(channel, property_id), day, first, last)

    def health(self, channel: str, property_id: str, day: date) -> list[HealthRow]:
        """The channel's word on each room of a property on ``day``; unknown property: KeyError."""
        return [shown.health(self, i, day) for i in self.rooms(channel, property_id)]

    def reviews(self, channel: str, property_id: str, day: date) -> list[ReviewRow]:
        """Review score and count of each room of a property on ``day``."""
        return [shown.review(self, i, day) for i in self.rooms(channel, property_id)]

    def content(self, channel: str, property_id: str, day: date) -> list[ContentRow]:
        """Amenities and rate plans of each room of a property on ``day``."""
        return [shown.content(self, i, day) for i in self.rooms(channel, property_id)]

    def market_watch(self, day: date) -> list[MarketRow]:
        """What a rank tracker and a rate shopper saw of all listings on ``day``."""
        return shown.market_watch(self, day)

    def change_log(self, channel: str, day: date) -> list[ChangeRow]:
        """The operator's log of changes at a channel's listings on ``day``, in order of time."""
        return [change.row for change in self.changes if change.row.channel == channel and change.day == day]

    def calendar_span(self, first: date, last: date) -> tuple[int, int]:
        """The first and last simulated night of some."""
        return max(self.day_index(first), 0), min(self.day_index(last), self.price.shape[1] - 1)

    def operator_calendar(self, day: date, first: date, last: date) -> list[OperatorRow]:
        """The operator's own calendar, which no incident touches and which is the same whenever it is read."""
        low, high = self.calendar_span(first, last)
        book, start = self.portfolio, self.first
        return [
            OperatorRow(
                book.unit_id[i], start + timedelta(days=night), not self.blocked[i, night], int(book.unit_count[i])
            )
            for i in book.first_listings()
            for night in range(low, high + 1)
        ]

    def incidents(self) -> list[dict[str, Any]]:
        """What truly happened, in the words of ``/truth``; losses in EUR cents."""
        return truth.incidents(self)

    def listing_table(self) -> list[dict[str, Any]]:
        """Per listing: listing, channel, property, unit, market, weekly_bookings."""
        return truth.listings(self.portfolio)


@lru_cache(maxsize=4)
def _iso_dates(first: date, count: int) -> tuple[str, ...]:
    return tuple((first + timedelta(days=k)).isoformat() for k in range(count))
