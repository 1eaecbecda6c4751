"""Booking events become reservations: prices, capacity, cancellation, instants in UTC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from sandbox.calendar import MARKETS, FloatArray, IntArray, day_numbers, utc_offsets_s
from sandbox.demand import (
    ELASTICITY_BELOW,
    BoolArray,
    Events,
    demand_response,
    hashed_uniform,
)
from sandbox.incidents import Incident
from sandbox.portfolio import Portfolio

SHIFT_DAYS = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 10, -10, 14, 21, 28)
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


def incident_nights(item: Incident, history_days: int) -> tuple[int, int]:
    """First and last night an incident touches, counted from the first simulated day."""
    start = history_days + item.first_day
    return start + item.nights[0], start + item.nights[1]


def stay_acceptance(
    item: Incident,
    price: IntArray,
    checkin: IntArray,
    nights: IntArray,
    history_days: int,
) -> FloatArray:
    """Chance that guests who wanted a stay at ``item``'s listing still book it, given how many events were drawn."""
    first, last = incident_nights(item, history_days)
    if item.kind == "calendar_closed":
        return np.asarray((checkin > last) | (checkin + nights - 1 < first), dtype=np.float64)
    if item.kind == "price_error":
        wrong = wrong_prices(item, price, history_days)
        one = np.zeros(checkin.shape, dtype=np.int64)
        ratio = stay_totals(wrong[None], one, checkin, nights) / stay_totals(price[None], one, checkin, nights)
        return np.asarray(demand_response(ratio) / max(1.0, item.factor**-ELASTICITY_BELOW))
    return np.ones(checkin.shape)


def wrong_prices(item: Incident, price: IntArray, history_days: int) -> IntArray:
    """One listing's calendar as a price error shows it."""
    first, last = incident_nights(item, history_days)
    wrong = price.copy()
    wrong[first : last + 1] = np.maximum(1, np.round(price[first : last + 1] * item.factor)).astype(np.int64)
    return wrong


def apply_incidents(
    events: Events,
    incidents: list[Incident],
    price: IntArray,
    seed: int,
    history_days: int,
) -> tuple[Events, FloatArray]:
    """Thin the events incidents turn away, and the price per room each event pays relative to the calendar's."""
    keep, paid = events.keep.copy(), np.ones(events.listing.size)
    chance = hashed_uniform(seed, 9, events.listing, events.day, events.number)
    checkin = events.day + events.lead
    for item in incidents:
        if item.kind not in ("calendar_closed", "price_error"):
            continue
        live = events.day - history_days
        rows = np.flatnonzero((events.listing == item.listings[0]) & (live >= item.first_day) & (live <= item.last_day))
        line = price[item.listings[0]]
        keep[rows] &= chance[rows] < stay_acceptance(item, line, checkin[rows], events.nights[rows], history_days)
        if item.kind == "price_error":
            one = np.zeros(rows.size, dtype=np.int64)
            usual = stay_totals(line[None], one, checkin[rows], events.nights[rows])
            wrong = wrong_prices(item, line, history_days)
            paid[rows] = stay_totals(wrong[None], one, checkin[rows], events.nights[rows]) / usual
    return replace(events, keep=keep), paid


def explode(events: Events, paid: FloatArray) -> tuple[Events, FloatArray]:
    """One row a room, those turned away left out, in order of day."""
    kept = np.flatnonzero(events.keep)
    kept = kept[np.argsort(events.day[kept], kind="stable")]
    rows = np.repeat(kept, events.rooms[kept])
    fields = {name: getattr(events, name)[rows] for name in Events.__slots__}
    return Events(**fields), paid[rows]


def fit_capacity(events: Events, unit_count: IntArray, blocked: BoolArray, fixed: BoolArray) -> IntArray:
    """Check-in of each room, moved to a near date where its own is sold out; -1 where none is free.

    ``fixed`` rows do not move (their dates are part of an incident's true loss).
    """
    checkin = (events.day + events.lead).tolist()
    sold = [[int(units) * int(b) for b in row] for units, row in zip(unit_count, blocked, strict=True)]
    leaving: dict[int, list[int]] = {}
    listing, days, nights = (
        events.listing.tolist(),
        events.day.tolist(),
        events.nights.tolist(),
    )
    cancel, units, stays = (
        events.cancel_after.tolist(),
        unit_count.tolist(),
        fixed.tolist(),
    )
    today = -1
    for i, day in enumerate(days):
        while today < day:
            today += 1
            for k in leaving.pop(today, ()):
                _add(sold[listing[k]], checkin[k], nights[k], -1)
        line = sold[listing[i]]
        start = _free_start(line, checkin[i], nights[i], day, units[listing[i]], stays[i])
        checkin[i] = start
        if start >= 0 and cancel[i] != 0:
            _add(line, start, nights[i], 1)
            if cancel[i] > 0:
                leaving.setdefault(day + cancel[i], []).append(i)
    return np.array(checkin, dtype=np.int64)


def _add(line: list[int], start: int, nights: int, step: int) -> None:
    for night in range(start, start + nights):
        line[night] += step


def _free_start(line: list[int], wanted: int, nights: int, day: int, units: int, fixed: bool) -> int:
    for shift in SHIFT_DAYS:
        start = wanted + shift
        if start >= day and max(line[start : start + nights]) < units:
            return start
        if fixed:
            return -1
    return -1


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
    fixed_from: int, fixed_listings: set[int],
) -> Reservations:  # fmt: skip
    """Turn one-a-room events into reservations the counterparts can serve."""
    fixed = np.isin(events.listing, list(fixed_listings)) & (events.day >= fixed_from)
    checkin = fit_capacity(events, portfolio.unit_count, blocked, fixed)
    rows = np.flatnonzero(checkin >= 0)
    listing, day, checkin, nights = (
        events.listing[rows],
        events.day[rows],
        checkin[rows],
        events.nights[rows],
    )
    total = np.round(stay_totals(price, listing, checkin, nights) * paid[rows]).astype(np.int64)
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
