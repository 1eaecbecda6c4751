"""Listings drawn from real features and a stated mixture of volumes, and the portfolio file they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sandbox.calendar import (
    DATA,
    MARKETS,
    MINOR_DIGITS,
    FloatArray,
    IntArray,
    Market,
    fitted,
    fx_rates,
)

HOME_IMPRESSIONS_PER_DAY = 300.0
HOME_CTR = 0.2
HOME_CONVERSION = 0.009
HOME_WEEKLY = 7 * HOME_IMPRESSIONS_PER_DAY * HOME_CTR * HOME_CONVERSION
WEEKLY_RANGES = {"low": (0.15, 0.95), "mid": (1.0, 7.0), "high": (21.0, 105.0)}
TARGET_OCCUPANCY = 0.6
ROOM_TYPES = (
    "Standard Double",
    "Twin",
    "Superior Double",
    "Family Room",
    "Junior Suite",
)
HOUSE_WORDS = ("Casa", "Villa", "House", "Loft", "Studio", "Apartment")
NAME_WORDS = (
    "Azul",
    "Maple",
    "Harbour",
    "Garden",
    "Olive",
    "Lantern",
    "River",
    "Cedar",
    "Sunrise",
    "Stone",
    "Willow",
)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Listings as arrays, index ``i`` the same everywhere; ``ctr`` and ``conversion`` are true rates."""

    property_id: tuple[str, ...]
    property_name: tuple[str, ...]
    room_id: tuple[str, ...]
    unit_id: tuple[str, ...]
    rate_id: tuple[str, ...]
    title: tuple[str, ...]
    third: tuple[str, ...]
    market_index: IntArray
    weekly_bookings: FloatArray
    unit_count: IntArray
    base_price_minor: IntArray
    impressions_per_day: FloatArray
    ctr: FloatArray
    conversion: FloatArray

    def __len__(self) -> int:
        return len(self.room_id)

    def market(self, index: int) -> Market:
        """The market of one listing."""
        return MARKETS[int(self.market_index[index])]

    def to_json(self) -> dict[str, Any]:
        """The portfolio file: exactly the field names the worker's importer documents."""
        numbers = range(len(self))
        properties = {self.property_id[i]: self._property(i) for i in reversed(numbers)}
        return {
            "currency": "EUR",
            "properties": [properties[pid] for pid in dict.fromkeys(self.property_id)],
            "units": [self._unit(i) for i in numbers],
            "listings": [self._listing(i) for i in numbers],
        }

    def _property(self, i: int) -> dict[str, Any]:
        market = self.market(i)
        return {
            "external_id": self.property_id[i],
            "name": self.property_name[i],
            "market": market.name,
            "country": market.country,
            "subdivision": market.subdivision,
            "timezone": market.timezone,
            "currency": market.currency,
            "priority": round(float((self.weekly_bookings < self.weekly_bookings[i]).mean()), 2),
        }

    def _unit(self, i: int) -> dict[str, Any]:
        base = int(self.base_price_minor[i])
        return {
            "external_id": self.unit_id[i],
            "property_external_id": self.property_id[i],
            "name": self.title[i],
            "unit_count": int(self.unit_count[i]),
            "base_price_minor": base,
            "floor_price_minor": base * 2 // 5,
        }

    def _listing(self, i: int) -> dict[str, Any]:
        return {
            "external_id": self.room_id[i],
            "unit_external_id": self.unit_id[i],
            "channel": "booking_com",
            "title": self.title[i],
            "rate_plan_external_id": self.rate_id[i],
        }


def _thirds(listings: int) -> list[str]:
    """A third under one booking a week, a third 1 to 7, a third over 7; what is left over goes to the busy."""
    third = listings // 3
    return ["low"] * third + ["mid"] * third + ["high"] * (listings - 2 * third)


def _properties(thirds: list[str], rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Property number and market of each listing: homes alone, room types two to five in a hotel."""
    prop: list[int] = []
    market: list[int] = []
    number, room_left = -1, 0
    for third in thirds:
        if third == "high" and room_left > 0:
            room_left -= 1
        else:
            number += 1
            room_left = int(rng.integers(1, len(ROOM_TYPES))) if third == "high" else 0
        prop.append(number)
        market.append(number % len(MARKETS))
    return prop, market


def mean_kept_nights(profile: str) -> float:
    """Nights a booking takes up on average, cancelled ones counted as none."""
    part = fitted()["profiles"][profile]
    nights = float(np.dot(np.arange(1, len(part["nights_share"]) + 1), part["nights_share"]))
    edges = part["cancellation"]["lead_edges_days"]
    which = np.searchsorted(edges, part["lead_time_quantiles_days"], side="right") - 1
    return nights * float(1 - np.array(part["cancellation"]["rate"])[which].mean())


def draw_portfolio(seed: int, listings: int) -> Portfolio:
    """Draw ``listings`` listings; same seed, same portfolio."""
    if listings < len(MARKETS):
        raise ValueError(f"listings: at least {len(MARKETS)} are needed, one a market, got {listings}")
    rng = np.random.default_rng([seed, 1])
    thirds = _thirds(listings)
    prop, market = _properties(thirds, rng)
    low, high = (np.array([WEEKLY_RANGES[t][k] for t in thirds]) for k in (0, 1))
    weekly = np.exp(rng.uniform(np.log(low), np.log(high)))
    real = pl.read_csv(DATA / "albany_listings_cut.csv.gz")
    row = rng.integers(0, real.height, listings)
    rating = real["review_scores_rating"].fill_null(4.6).to_numpy()[row]
    # A quiet listing is both seen less and liked less: half of the gap to a home's volume goes to each.
    gap = np.minimum(weekly / HOME_WEEKLY, 1.0)
    ctr = HOME_CTR * np.exp(rng.normal(0, 0.08, listings)) * (0.8 + 0.2 * rating / 5)
    conversion = np.where(
        low < 1,
        HOME_CONVERSION * np.sqrt(gap),
        HOME_CONVERSION * (0.8 + 0.2 * rating / 4.7),
    )
    kept = np.array([mean_kept_nights(MARKETS[m].profile) for m in market])
    unit_count = np.maximum(1, np.ceil(weekly / 7 * kept / TARGET_OCCUPANCY)).astype(np.int64)
    base = _base_prices(real["base_price_usd"].to_numpy()[row], market)
    return _named(prop, market, thirds, weekly, unit_count, base, ctr, conversion, rng)


def _base_prices(usd: NDArray[np.float64], market: list[int]) -> IntArray:
    """Real Albany prices in each market's currency and at its level, in minor units."""
    rates = fx_rates()
    scale = [MARKETS[m].price_level * rates[MARKETS[m].currency] / rates["USD"] for m in market]
    digits = [10 ** MINOR_DIGITS[MARKETS[m].currency] for m in market]
    return np.asarray(np.round(usd * np.array(scale)) * np.array(digits), dtype=np.int64)


def _named(
    prop: list[int],
    market: list[int],
    thirds: list[str],
    weekly: FloatArray,
    unit_count: IntArray,
    base: IntArray,
    ctr: FloatArray,
    conversion: FloatArray,
    rng: np.random.Generator,
) -> Portfolio:
    """Give listings, units and properties the ids and made-up names they are known by."""
    words = rng.integers(0, len(NAME_WORDS), max(prop) + 1)
    names, titles, rooms = [], [], []
    for i, (p, third) in enumerate(zip(prop, thirds, strict=True)):
        place, word = MARKETS[market[i]].name, NAME_WORDS[words[p]]
        room = i - prop.index(p)
        kind = f"Hotel {word}" if third == "high" else f"{HOUSE_WORDS[p % len(HOUSE_WORDS)]} {word}"
        name = f"{kind} {place} {p + 1}"
        names.append(name)
        titles.append(f"{name}, {ROOM_TYPES[room]}" if third == "high" else name)
        rooms.append(f"{1_000_001 + p}{room + 1:02d}")
    return Portfolio(
        property_id=tuple(str(1_000_001 + p) for p in prop),
        property_name=tuple(names),
        room_id=tuple(rooms),
        unit_id=tuple(f"unit-{i + 1:04d}" for i in range(len(prop))),
        rate_id=tuple(f"{room}-flex" for room in rooms),
        title=tuple(titles),
        third=tuple(thirds),
        market_index=np.array(market, dtype=np.int64),
        weekly_bookings=weekly,
        unit_count=unit_count,
        base_price_minor=base,
        impressions_per_day=weekly / 7 / (ctr * conversion),
        ctr=ctr,
        conversion=conversion,
    )
