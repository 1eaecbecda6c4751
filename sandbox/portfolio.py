"""Listings drawn from real features and a stated mixture of volumes, and the portfolio file they make."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
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
from sandbox.channels import CHANNELS, FEE_SHARE, PRICE_RATIO, home_channels, hotel_channels, listing_ids

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
    """Listings as arrays, index ``i`` the same everywhere; ``ctr`` and ``conversion`` are true rates.

    A unit's listings share ``unit_index``, ``unit_count`` and ``base_price_minor``; ``price_ratio`` and ``fee_minor``
    are the channel's.
    """

    property_id: tuple[str, ...]
    property_name: tuple[str, ...]
    channel: tuple[str, ...]
    channel_property_id: tuple[str, ...]
    room_id: tuple[str, ...]
    unit_id: tuple[str, ...]
    rate_id: tuple[str, ...]
    title: tuple[str, ...]
    third: tuple[str, ...]
    unit_index: IntArray
    market_index: IntArray
    weekly_bookings: FloatArray
    unit_count: IntArray
    base_price_minor: IntArray
    price_ratio: FloatArray
    fee_minor: IntArray
    impressions_per_day: FloatArray
    ctr: FloatArray
    conversion: FloatArray
    review_score_10: FloatArray

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
            "units": [self._unit(i) for i in self.first_listings()],
            "listings": [self._listing(i) for i in numbers],
        }

    def first_listings(self) -> list[int]:
        """The first listing of each unit, in order of units."""
        return [int(i) for i in np.unique(self.unit_index, return_index=True)[1]]

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
            "channel": self.channel[i],
            "title": self.title[i],
            "rate_plan_external_id": self.rate_id[i],
            "channel_property_id": self.channel_property_id[i],
        }


def _thirds(listings: int) -> list[str]:
    """A third under one booking a week, a third 1 to 7, a third over 7; what is left over goes to the busy."""
    third = listings // 3
    return ["low"] * third + ["mid"] * third + ["high"] * (listings - 2 * third)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each listing is: its unit, its property, the room's number in it, its market and its channel."""

    unit: list[int]
    place: list[int]
    room: list[int]
    market: list[int]
    third: list[str]
    channel: list[str]


def _places(thirds: list[str], channels: Sequence[str], rng: np.random.Generator) -> _Places:
    """Units one after the other, each with its listings: homes alone, room types two to five in a hotel."""
    made = _Places([], [], [], [], [], [])
    unit, place, room, room_left = -1, -1, 0, 0
    while len(made.unit) < len(thirds):
        third = thirds[len(made.unit)]
        unit += 1
        if third == "high" and room_left > 0:
            room_left, room = room_left - 1, room + 1
        else:
            place, room = place + 1, 0
            room_left = int(rng.integers(1, len(ROOM_TYPES))) if third == "high" else 0
        sold_on = hotel_channels(channels) if third == "high" else home_channels(channels, rng)
        free = thirds[len(made.unit) :].count(third)
        for channel in sold_on[:free]:
            made.unit.append(unit)
            made.place.append(place)
            made.room.append(room)
            made.market.append(place % len(MARKETS))
            made.third.append(third)
            made.channel.append(channel)
    return made


def mean_kept_nights(profile: str) -> float:
    """Nights a booking takes up on average, cancelled ones counted as none."""
    part = fitted()["profiles"][profile]
    nights = float(np.dot(np.arange(1, len(part["nights_share"]) + 1), part["nights_share"]))
    edges = part["cancellation"]["lead_edges_days"]
    which = np.searchsorted(edges, part["lead_time_quantiles_days"], side="right") - 1
    return nights * float(1 - np.array(part["cancellation"]["rate"])[which].mean())


def draw_portfolio(seed: int, listings: int, channels: Sequence[str] = CHANNELS) -> Portfolio:
    """Draw ``listings`` listings over all ``channels``; same seed, same portfolio."""
    if listings < len(MARKETS):
        raise ValueError(f"listings: at least {len(MARKETS)} are needed, one a market, got {listings}")
    rng = np.random.default_rng([seed, 1])
    places = _places(_thirds(listings), channels, rng)
    unit = np.array(places.unit)
    low, high = (np.array([WEEKLY_RANGES[t][k] for t in places.third]) for k in (0, 1))
    weekly = np.exp(rng.uniform(np.log(low), np.log(high)))
    prices, ratings = _real_listings()
    row = rng.integers(0, prices.size, listings)[unit]
    rating = ratings[row]
    # A quiet listing is both seen less and liked less: half of the gap to a home's volume goes to each.
    gap = np.minimum(weekly / HOME_WEEKLY, 1.0)
    ctr = HOME_CTR * np.exp(rng.normal(0, 0.08, listings)) * (0.8 + 0.2 * rating / 5)
    conversion = np.where(
        low < 1,
        HOME_CONVERSION * np.sqrt(gap),
        HOME_CONVERSION * (0.8 + 0.2 * rating / 4.7),
    )
    kept = np.array([mean_kept_nights(MARKETS[m].profile) for m in places.market])
    together = np.bincount(unit, weekly)[unit]
    unit_count = np.maximum(1, np.ceil(together / 7 * kept / TARGET_OCCUPANCY)).astype(np.int64)
    base = _base_prices(prices[row], places.market)
    score = np.clip(np.round(2 * rating + rng.normal(0, 0.15, listings), 1), 2.0, 10.0)
    return _named(places, weekly, unit_count, base, ctr, conversion, score, rng)


def _real_listings() -> tuple[FloatArray, FloatArray]:
    """Prices in USD and ratings of real listings; one without a rating gets a usual one."""
    with gzip.open(DATA / "albany_listings_cut.csv.gz", "rt", encoding="utf-8", newline="") as source:
        real = list(csv.DictReader(source))
    prices = np.array([float(row["base_price_usd"]) for row in real])
    return prices, np.array([float(row["review_scores_rating"] or 4.6) for row in real])


def _base_prices(usd: NDArray[np.float64], market: list[int]) -> IntArray:
    """Real Albany prices in each market's currency and at its level, in minor units."""
    rates = fx_rates()
    scale = [MARKETS[m].price_level * rates[MARKETS[m].currency] / rates["USD"] for m in market]
    digits = [10 ** MINOR_DIGITS[MARKETS[m].currency] for m in market]
    return np.asarray(np.round(usd * np.array(scale)) * np.array(digits), dtype=np.int64)


def _named(
    places: _Places, weekly: FloatArray, unit_count: IntArray, base: IntArray, ctr: FloatArray, conversion: FloatArray,
    score: FloatArray, rng: np.random.Generator,
) -> Portfolio:  # fmt: skip
    """Give listings, units and properties the ids and made-up names they are known by."""
    words = rng.integers(0, len(NAME_WORDS), max(places.place) + 1)
    names, titles = [], []
    for p, room, market, third in zip(places.place, places.room, places.market, places.third, strict=True):
        word = NAME_WORDS[words[p]]
        kind = f"Hotel {word}" if third == "high" else f"{HOUSE_WORDS[p % len(HOUSE_WORDS)]} {word}"
        name = f"{kind} {MARKETS[market].name} {p + 1}"
        names.append(name)
        titles.append(f"{name}, {ROOM_TYPES[room]}" if third == "high" else name)
    ids = [listing_ids(*where) for where in zip(places.channel, places.place, places.room, strict=True)]
    share = np.array([FEE_SHARE[channel] for channel in places.channel])
    return Portfolio(
        property_id=tuple(str(1_000_001 + p) for p in places.place),
        property_name=tuple(names),
        channel=tuple(places.channel),
        channel_property_id=tuple(place for place, _ in ids),
        room_id=tuple(room for _, room in ids),
        unit_id=tuple(f"unit-{u + 1:04d}" for u in places.unit),
        rate_id=tuple(f"{room}-flex" for _, room in ids),
        title=tuple(titles),
        third=tuple(places.third),
        unit_index=np.array(places.unit, dtype=np.int64),
        market_index=np.array(places.market, dtype=np.int64),
        weekly_bookings=weekly,
        unit_count=unit_count,
        base_price_minor=base,
        price_ratio=np.array([PRICE_RATIO[channel] for channel in places.channel]),
        fee_minor=np.round(base * share).astype(np.int64),
        impressions_per_day=weekly / 7 / (ctr * conversion),
        ctr=ctr,
        conversion=conversion,
        review_score_10=score,
    )
