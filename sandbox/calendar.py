"""Markets, and how weekday, season, growth and public holidays move their demand and prices."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DATA = Path(__file__).parent / "data"
GROWTH_PER_YEAR = 1.04
# The fitted effect of Portuguese holidays is weak and of unsure sign; this stated one is what the sandbox uses.
HOLIDAY_FACTOR = 0.85
MINOR_DIGITS = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0}


@dataclass(frozen=True, slots=True)
class Market:
    """A place people search in; ``profile`` names the fitted hotel whose demand it repeats."""

    name: str
    country: str
    subdivision: str | None
    timezone: str
    currency: str
    profile: str
    price_level: float


MARKETS: tuple[Market, ...] = (
    Market("Lisbon", "PT", "11", "Europe/Lisbon", "EUR", "city", 1.1),
    Market("Albany", "US", "NY", "America/New_York", "USD", "city", 1.0),
    Market("Kyoto", "JP", None, "Asia/Tokyo", "JPY", "city", 1.0),
    Market("Algarve", "PT", "08", "Europe/Lisbon", "EUR", "resort", 1.0),
    Market("Miami", "US", "FL", "America/New_York", "USD", "resort", 1.5),
    Market("Porto", "PT", "13", "Europe/Lisbon", "EUR", "city", 0.9),
)


@cache
def fitted() -> dict[str, Any]:
    """The shipped fit; ``python -m sandbox.fit`` remakes it."""
    return dict(json.loads((DATA / "demand_fit.json").read_text()))


@cache
def fx_rates() -> dict[str, float]:
    """Units of each currency for one EUR, fixed."""
    return dict(json.loads((DATA / "fx.json").read_text())["rates"])


def eur_cents_per_minor(currency: str) -> float:
    """How many EUR cents one minor unit of a currency is."""
    return float(100.0 / (fx_rates()[currency] * 10 ** MINOR_DIGITS[currency]))


def same_number(amount: int, own: str, other: str) -> int:
    """The minor units that show an amount's number in another currency: 120.00 EUR becomes 120 JPY."""
    return round(amount * 10.0 ** (MINOR_DIGITS[other] - MINOR_DIGITS[own]))


def _shape(params: dict[str, Any], number: IntArray) -> FloatArray:
    """Weekday times season of one fitted part, mean about one over a year."""
    weekday = np.array(params["weekday"])[(number + 3) % 7]
    beta = params["season_log_harmonics"]

    def season(days: IntArray) -> FloatArray:
        phase = 2 * np.pi * (days % 365.25) / 365.25
        waves = [f(k * phase) for k in range(1, len(beta) // 2 + 1) for f in (np.sin, np.cos)]
        return np.exp(
            sum(
                (b * w for b, w in zip(beta, waves, strict=True)),
                start=np.zeros(len(days)),
            )
        )

    return np.asarray(weekday * season(number) / season(np.arange(365)).mean())


def day_numbers(first: date, count: int) -> IntArray:
    """Days since 1970 of ``count`` days from ``first``."""
    start = int(np.datetime64(first, "D").astype(np.int64))
    return np.arange(start, start + count, dtype=np.int64)


def public_holidays(market: Market, first: date, count: int) -> dict[date, str]:
    """Real public holidays of a market in ``count`` days from ``first``."""
    last = first + timedelta(days=count - 1)
    known = holidays.country_holidays(
        market.country,
        subdiv=market.subdivision,
        years=range(first.year, last.year + 1),
        language="en_US",
    )
    return {day: name for day, name in sorted(known.items()) if first <= day <= last}


def demand_factor(market: Market, first: date, count: int) -> FloatArray:
    """Demand by booking date relative to a listing's mean: weekday, season, growth, holidays."""
    number = day_numbers(first, count)
    factor = _shape(fitted()["profiles"][market.profile]["intensity"], number)
    factor = factor * GROWTH_PER_YEAR ** (np.arange(count) / 365.25)
    for day in public_holidays(market, first, count):
        factor[(day - first).days] *= HOLIDAY_FACTOR
    return factor


def price_factor(market: Market, first: date, count: int) -> FloatArray:
    """Price by night relative to a unit's base price; the same for a night whenever it is looked at."""
    return _shape(fitted()["profiles"][market.profile]["price"], day_numbers(first, count))


def utc_offsets_s(market: Market, first: date, count: int) -> IntArray:
    """Offset from UTC at each local noon; bookings are made by day, when no clock changes."""
    zone = ZoneInfo(market.timezone)
    noon = datetime(first.year, first.month, first.day, 12, tzinfo=zone)
    # Adding days to an aware time keeps the wall clock, so each noon gets the offset of its own day.
    shifts = ((noon + timedelta(days=k)).utcoffset() for k in range(count))
    return np.array(
        [int(shift.total_seconds()) if shift is not None else 0 for shift in shifts],
        dtype=np.int64,
    )
