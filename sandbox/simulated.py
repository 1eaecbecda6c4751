"""A finished simulation, asked by day: reports, bookings, availability, health, the operator's calendar, the truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from sandbox.calendar import IntArray
from sandbox.demand import BoolArray, Counts
from sandbox.incidents import Incident
from sandbox.portfolio import Portfolio
from sandbox.reservations import Reservations, incident_nights, wrong_prices
from sandbox.rows import AriRow, BookingRow, HealthRow, OperatorRow, PerformanceRow

GIVEN_NAMES = ("Ana", "Ben", "Carla", "Dai", "Elin", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Keiko", "Lena", "Mia")
FAMILY_NAMES = ("Alder", "Brook", "Costa", "Dune", "Ebner", "Flores", "Grove", "Hill", "Ito", "Jensen", "Lopes", "Moor")


@dataclass(frozen=True, slots=True)
class World:
    """A finished simulation from ``t0 - history_days`` to ``t0 + live_days - 1``; nothing here reads a clock.

    Both ends of every date range are inclusive. ``twin`` is the live window's funnel without any incident.
    """

    t0: date
    currency: str
    history_days: int
    live_days: int
    portfolio: Portfolio
    price: IntArray
    blocked: BoolArray
    counts: Counts
    twin: Counts
    reservations: Reservations
    placed: tuple[Incident, ...]
    losses_minor: tuple[int, ...]
    booked: IntArray
    revenue_minor: IntArray

    @property
    def first(self) -> date:
        """The first simulated day."""
        return self.t0 - timedelta(days=self.history_days)

    def _index(self, day: date) -> int:
        return (day - self.first).days

    def _rooms(self, property_id: str) -> list[int]:
        rooms = [i for i, pid in enumerate(self.portfolio.property_id) if pid == property_id]
        if not rooms:
            raise KeyError(property_id)
        return rooms

    def _active(self, listing: int, day: date) -> list[Incident]:
        live = (day - self.t0).days
        return [item for item in self.placed if listing in item.listings and item.covers(live)]

    def portfolio_json(self) -> dict[str, Any]:
        """``{"currency", "properties", "units", "listings"}`` with exactly the portfolio file's field names."""
        return self.portfolio.to_json()

    def property_ids(self) -> list[str]:
        """All property external ids, in portfolio order."""
        return list(dict.fromkeys(self.portfolio.property_id))

    def performance(self, start: date, end: date) -> list[PerformanceRow]:
        """The performance report's rows of all listings, by day then listing."""
        low, high = (
            max(self._index(start), 0),
            min(self._index(end), self.history_days + self.live_days - 1),
        )
        book, rows = self.portfolio, []
        currency = [book.market(i).currency for i in range(len(book))]
        for d in range(low, high + 1):
            day = self.first + timedelta(days=d)
            columns = (
                self.counts.impressions,
                self.counts.views,
                self.booked,
                self.revenue_minor,
            )
            seen = zip(*(column[:, d].tolist() for column in columns), strict=True)
            for i, (impressions, views, bookings, revenue) in enumerate(seen):
                rows.append(
                    PerformanceRow(
                        day,
                        book.property_id[i],
                        book.room_id[i],
                        impressions,
                        views,
                        bookings,
                        revenue,
                        currency[i],
                    )
                )
        return rows

    def _booking(self, k: int) -> BookingRow:
        r, book = self.reservations, self.portfolio
        i, guest = int(r.listing[k]), int(r.guest[k])
        checkin = self.first + timedelta(days=int(r.checkin[k]))
        name = f"{GIVEN_NAMES[guest % len(GIVEN_NAMES)]} {FAMILY_NAMES[guest // 64 % len(FAMILY_NAMES)]}"
        return BookingRow(
            reservation_id=str(2_000_000_000 + k),
            property_id=book.property_id[i],
            room_id=book.room_id[i],
            rate_id=book.rate_id[i],
            booked_at=datetime.fromtimestamp(int(r.booked_s[k]), UTC),
            cancelled_at=datetime.fromtimestamp(int(r.cancelled_s[k]), UTC) if r.cancelled_s[k] >= 0 else None,
            checkin=checkin,
            checkout=checkin + timedelta(days=int(r.nights[k])),
            guest_name=name,
            total_minor=int(r.total_minor[k]),
            currency=book.market(i).currency,
        )

    def bookings(self, start: date, end: date) -> list[BookingRow]:
        """Bookings made on property-local days ``start`` to ``end``, in order of ``booked_at``."""
        day = self.reservations.day
        rows = np.flatnonzero((day >= self._index(start)) & (day <= self._index(end)))
        return [self._booking(int(k)) for k in rows]

    def cancellations(self, day: date) -> list[BookingRow]:
        """Bookings cancelled on that property-local day, in order of ``cancelled_at``."""
        r = self.reservations
        index = self._index(day)
        rows = np.flatnonzero(r.cancel_day == index) if index >= 0 else np.array([], dtype=np.int64)
        return [self._booking(int(k)) for k in rows[np.argsort(r.cancelled_s[rows], kind="stable")]]

    def _units_left(self, listing: int, day: int, first: int, last: int) -> IntArray:
        """Units still free at the local start of ``day``: what was booked before it and still stands is gone."""
        r = self.reservations
        stands = (r.listing == listing) & (r.day < day) & ((r.cancel_day < 0) | (r.cancel_day >= day))
        stands &= (r.cancel_day < 0) | (r.cancel_day > r.day)
        step = np.zeros(self.price.shape[1] + 1, dtype=np.int64)
        np.add.at(step, r.checkin[stands], 1)
        np.add.at(step, r.checkin[stands] + r.nights[stands], -1)
        sold = np.cumsum(step)[first : last + 1]
        return np.asarray(np.maximum(self.portfolio.unit_count[listing] - sold, 0))

    def ari(self, property_id: str, day: date, first: date, last: date) -> list[AriRow]:
        """What the channel shows on ``day`` for nights ``first`` to ``last``, live incidents included."""
        low, high = (
            max(self._index(first), 0),
            min(self._index(last), self.price.shape[1] - 1),
        )
        rows = []
        for i in self._rooms(property_id):
            price, open_ = self.price[i], ~self.blocked[i]
            for item in self._active(i, day):
                if item.kind == "price_error":
                    price = wrong_prices(item, price, self.history_days)
                elif item.kind == "calendar_closed":
                    begin, end = incident_nights(item, self.history_days)
                    open_[begin : end + 1] = False
            left = self._units_left(i, self._index(day), low, high).tolist()
            room, rate = self.portfolio.room_id[i], self.portfolio.rate_id[i]
            for k, night in enumerate(range(low, high + 1)):
                is_open = bool(open_[night])
                rows.append(
                    AriRow(
                        room, rate, self.first + timedelta(days=night), int(price[night]),
                        is_open, left[k] if is_open else 0, 1, 0,
                        self.portfolio.market(i).currency,
                    )
                )  # fmt: skip
        return rows

    def health(self, property_id: str, day: date) -> list[HealthRow]:
        """The channel's word on each room of a property on ``day``; unknown property: KeyError."""
        rows = []
        for i in self._rooms(property_id):
            status, since, detail = "bookable", self.first, ""
            for item in self.placed:
                if item.kind != "listing_down" or i not in item.listings:
                    continue
                start, end = (self.t0 + timedelta(days=d) for d in (item.first_day, item.last_day + 1))
                if start <= day < end:
                    status, since, detail = (
                        "suspended",
                        start,
                        "The room is not shown in search results.",
                    )
                elif day >= end:
                    since = end
            rows.append(
                HealthRow(
                    self.portfolio.room_id[i],
                    status,
                    datetime(since.year, since.month, since.day, tzinfo=UTC),
                    detail,
                )
            )
        return rows

    def operator_calendar(self, day: date, first: date, last: date) -> list[OperatorRow]:
        """The operator's own calendar, which no incident touches and which is the same whenever it is read."""
        low, high = (
            max(self._index(first), 0),
            min(self._index(last), self.price.shape[1] - 1),
        )
        return [
            OperatorRow(
                unit,
                self.first + timedelta(days=night),
                not self.blocked[i, night],
                int(self.portfolio.unit_count[i]),
            )
            for i, unit in enumerate(self.portfolio.unit_id)
            for night in range(low, high + 1)
        ]

    def incidents(self) -> list[dict[str, Any]]:
        """What truly happened, in the words of ``/truth``; ``true_loss_minor`` in EUR cents."""
        told = []
        for item, loss in zip(self.placed, self.losses_minor, strict=True):
            i = item.listings[0]
            told.append(
                {
                    "id": item.incident_id,
                    "kind": item.kind,
                    "scope": "market" if item.is_control else "listing",
                    "is_control": item.is_control,
                    "listing": None if item.is_control else self.portfolio.room_id[i],
                    "property": None if item.is_control else self.portfolio.property_id[i],
                    "market": item.market,
                    "start": (self.t0 + timedelta(days=item.first_day)).isoformat(),
                    "end": (self.t0 + timedelta(days=item.last_day)).isoformat(),
                    "true_loss_minor": loss,
                }
            )
        return told

    def listing_table(self) -> list[dict[str, Any]]:
        """Per listing: listing, property, unit, market, weekly_bookings."""
        book = self.portfolio
        return [
            {
                "listing": book.room_id[i],
                "property": book.property_id[i],
                "unit": book.unit_id[i],
                "market": book.market(i).name,
                "weekly_bookings": round(float(book.weekly_bookings[i]), 2),
            }
            for i in range(len(book))
        ]
