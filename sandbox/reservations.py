"""Booking events become reservations: prices, capacity, cancellation, instants in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from sandbox.calendar import MARKETS, FloatArray, IntArray, day_numbers, utc_offsets_s
from sandbox.capacity import fit_capacity
from sandbox.demand import BoolArray, Events, hashed_uniform
from sandbox.effects import PAID_KINDS, STAY_KINDS, acceptance, paid_minor
from sandbox.incidents import Incident
from sandbox.portfolio import Portfolio

LOCAL_MORNING_S = 6 * 3600
LOCAL_DAY_S = 18 * 3600 - 60


@dataclass(frozen=True, slots=True)
class Reservations:
    """All bookings in order of ``booked_s`` (seconds since 1970, UTC); days and nights count from the first day.

    ``cancelled_s`` and ``cancel_day`` are -1 where a booking stands.
    """

    listing: IntArray
    day: IntArray
    checkin: IntArray
    nights: IntArray
    total_minor: IntArray
    cancel_day: IntArray
    booked_s: IntArray
    cancelled_s: IntArray
    guest: IntArray


def stay_totals(price: IntArray, listing: IntArray, checkin: IntArray, nights: IntArray) -> FloatArray:
    """Price of stays, from the night-by-night calendar."""
    running = np.concatenate([np.zeros((len(price), 1), dtype=np.int64), np.cumsum(price, axis=1)], axis=1)
    return np.asarray(running[listing, checkin + nights] - running[listing, checkin], dtype=np.float64)


def apply_incidents(
    events: Events, incidents: Sequence[Incident], portfolio: Portfolio, price: IntArray, seed: int, history_days: int
) -> tuple[Events, FloatArray, BoolArray]:
    """Thin the events incidents turn away; what each pays relative to the calendar's price; which may not move."""
    keep, paid = events.keep.copy(), np.ones(events.listing.size)
    fixed = np.zeros(events.listing.size, dtype=np.bool_)
    chance = hashed_uniform(seed, 9, events.listing, events.day, events.number)
    live = events.day - history_days
    for item in incidents:
        if item.kind not in (*STAY_KINDS, *PAID_KINDS):
            continue
        going = np.flatnonzero((live >= item.first_day) & (live <= item.last_day))
        for i in item.listings:
            rows = going[events.listing[going] == i]
            checkin, nights = events.day[rows] + events.lead[rows], events.nights[rows]
            keep[rows] &= chance[rows] < acceptance(item, portfolio, i, price[i], checkin, nights, history_days)
            shown = paid_minor(item, portfolio, i, price[i], checkin, nights, history_days)
            paid[rows] = shown / paid_minor(None, portfolio, i, price[i], checkin, nights, history_days)
            fixed[rows] = item.kind in STAY_KINDS
    return replace(events, keep=keep), paid, fixed


def explode(events: Events, paid: FloatArray, fixed: BoolArray) -> tuple[Events, FloatArray, BoolArray]:
    """One row a room, those turned away left out, in order of day."""
    kept = np.flatnonzero(events.keep)
    kept = kept[np.argsort(events.day[kept], kind="stable")]
    rows = np.repeat(kept, events.rooms[kept])
    fields = {name: getattr(events, name)[rows] for name in Events.__slots__}
    return Events(**fields), paid[rows], fixed[rows]


class _Instants:
    """Made-up moments of a property-local day as UTC seconds since 1970."""

    def __init__(self, portfolio: Portfolio, seed: int, first: date, days: int) -> None:
        self._seed, self._market = seed, portfolio.market_index
        self._midnight_s = day_numbers(first, days) * 86400
        self._offset_s = np.stack([utc_offsets_s(market, first, days) for market in MARKETS])

    def at(self, channel: int, listing: IntArray, day: IntArray, number: IntArray) -> IntArray:
        """One moment between morning and midnight of each day."""
        chance = hashed_uniform(self._seed, channel, listing, day, number)
        second = LOCAL_MORNING_S + (chance * LOCAL_DAY_S).astype(np.int64)
        return np.asarray(self._midnight_s[day] + second - self._offset_s[self._market[listing], day], dtype=np.int64)


def settle(
    portfolio: Portfolio, seed: int, first: date, price: IntArray, blocked: BoolArray, events: Events, paid: FloatArray,
    fixed: BoolArray,
) -> Reservations:  # fmt: skip
    """Turn one-a-room events into reservations the counterparts can serve."""
    first_of = portfolio.first_listings()
    unit = portfolio.unit_index[events.listing]
    checkin = fit_capacity(events, unit, portfolio.unit_count[first_of], blocked[first_of], fixed)
    rows = np.flatnonzero(checkin >= 0)
    listing, day, checkin, nights = (
        events.listing[rows],
        events.day[rows],
        checkin[rows],
        events.nights[rows],
    )
    usual = stay_totals(price, listing, checkin, nights) + portfolio.fee_minor[listing]
    total = np.round(usual * paid[rows]).astype(np.int64)
    after = np.minimum(events.cancel_after[rows], checkin - day)
    cancel_day = np.where(after >= 0, day + after, -1)
    number = events.number[rows]
    instant = _Instants(portfolio, seed, first, price.shape[1])
    booked = instant.at(20, listing, day, number)
    later = instant.at(21, listing, np.maximum(cancel_day, 0), number)
    cancelled = np.where(cancel_day >= 0, np.maximum(later, booked + 60), -1)
    guest = (hashed_uniform(seed, 22, listing, day, number) * 2**31).astype(np.int64)
    order = np.argsort(booked, kind="stable")
    columns = (
        listing,
        day,
        checkin,
        nights,
        total,
        cancel_day,
        booked,
        cancelled,
        guest,
    )
    return Reservations(*(column[order] for column in columns))
