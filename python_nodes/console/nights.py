"""The next nights as calendars of months: each night's state, its price, and how dear it is among the others."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from python_nodes.console.words import day_of

NIGHTS = 90
STEPS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One night: ``look`` is its class in the page, ``figure`` what stands in its cell, ``said`` all of it in words."""

    day: date
    look: str
    figure: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month's weeks from Monday; None where the range, or the month, does not reach."""

    name: str
    weeks: tuple[tuple[Night | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nights:
    """The months, how many nights are in which state, and the prices' ends."""

    months: tuple[Month, ...]
    counts: Mapping[str, int]
    cheapest: str
    dearest: str


def lay(rows: Sequence[Mapping[str, Any]], first: date) -> Nights:
    """Lay out the ninety nights from ``first``; a night that was never told is said to be unknown."""
    told = {day_of(row["time"]): row for row in rows}
    prices = sorted(float(row["price"]) for row in rows if row["price"] is not None and row["state"] == "open")
    days = [first + timedelta(days=at) for at in range(NIGHTS)]
    nights = {day: _night(day, told.get(day), prices) for day in days}
    counts: dict[str, int] = {}
    for night in nights.values():
        state = "open" if night.look.startswith("heat") else night.look
        counts[state] = counts.get(state, 0) + 1
    currency = str(rows[0]["currency"]) if rows else ""
    return Nights(
        months=tuple(_month(year, month, nights) for year, month in sorted({(day.year, day.month) for day in days})),
        counts=counts, cheapest=f"{prices[0]:,.0f} {currency}" if prices else "",
        dearest=f"{prices[-1]:,.0f} {currency}" if prices else "",
    )  # fmt: skip


def _month(year: int, month: int, nights: Mapping[date, Night]) -> Month:
    weeks = calendar.Calendar().monthdatescalendar(year, month)
    laid = tuple(tuple(nights.get(day) if day.month == month else None for day in week) for week in weeks)
    return Month(name=f"{date(year, month, 1):%B %Y}", weeks=tuple(week for week in laid if any(week)))


def _night(day: date, row: Mapping[str, Any] | None, prices: Sequence[float]) -> Night:
    named = f"{day.day} {day:%B}"
    if row is None:
        return Night(day=day, look="unknown", figure="–", said=f"{named}: never told")
    state = str(row["state"])
    if state == "closed":
        is_odd = row.get("operator_open") is True
        said = "closed on the channel, open in your own calendar" if is_odd else "closed"
        return Night(day=day, look="closed", figure="closed" if not is_odd else "closed!", said=f"{named}: {said}")
    if state == "sold out":
        return Night(day=day, look="sold", figure="sold", said=f"{named}: sold out")
    if row["price"] is None:
        return Night(day=day, look="noprice", figure="none", said=f"{named}: open without a price")
    price = float(row["price"])
    said = f"{named}: open, {price:,.0f} {row['currency']}"
    if row.get("min_stay_nights") and row["min_stay_nights"] > 1:
        said += f", at least {row['min_stay_nights']} nights"
    return Night(day=day, look=f"heat-{_step(price, prices)}", figure=f"{price:,.0f}", said=said)


def _step(price: float, prices: Sequence[float]) -> int:
    low, high = prices[0], prices[-1]
    return 0 if high <= low else min(STEPS - 1, int(STEPS * (price - low) / (high - low)))
