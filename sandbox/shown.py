"""What the channels show of a listing on a day: calendar, prices, health, reviews, content, rank and competitors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sandbox.calendar import FloatArray, IntArray, same_number
from sandbox.demand import hashed_uniform
from sandbox.effects import RANK_POWER, touched_nights, wrong_prices
from sandbox.incidents import Incident
from sandbox.rows import AriRow, ContentRow, HealthRow, MarketRow, ReviewRow

if TYPE_CHECKING:
    from sandbox.simulated import World

AMENITIES = (
    "air conditioning", "balcony", "crib", "dishwasher", "elevator", "heating", "kitchen", "parking", "pool", "washer",
    "wifi", "workspace",
)  # fmt: skip
_SURE = ("heating", "wifi")
_WORST_RANK = 250


def units_left(world: World, listing: int, day: int, first: int, last: int) -> IntArray:
    """The unit's rooms still free at the local start of ``day``: what was booked before it and still stands is gone."""
    book = world.portfolio
    sold = world.stock.sold(int(book.unit_index[listing]), day)
    return np.asarray(np.maximum(book.unit_count[listing] - sold[first : last + 1], 0))


def seen_day(world: World, listing: int, day: date) -> date:
    """The day whose state a listing's feed shows: an earlier one while it is stale."""
    return world.stale_since(listing, day) or day


def ari(world: World, listings: tuple[int, ...], day: date, first: date, last: date) -> list[AriRow]:
    """Nights ``first`` to ``last`` of some listings."""
    low, high = max(world.day_index(first), 0), min(world.day_index(last), world.price.shape[1] - 1)
    nights = [world.first + timedelta(days=night) for night in range(low, high + 1)]
    rows: list[AriRow] = []
    for i in listings:
        book, as_of = world.portfolio, seen_day(world, i, day)
        price, has_price, open_, min_stay = _calendar(world, i, as_of)
        own, shown_in = book.market(i).currency, world.currency_on(i, as_of)
        left = np.where(open_[low : high + 1], units_left(world, i, world.day_index(as_of), low, high), 0)
        feeless = any(item.kind == "fee_missing" for item in world.active(i, as_of))
        fee = 0 if feeless else same_number(int(book.fee_minor[i]), own, shown_in)
        columns = (column[low : high + 1].tolist() for column in (price, has_price, open_, min_stay))
        for night, amount, priced, is_open, stay, free in zip(nights, *columns, left.tolist(), strict=True):
            shown = (amount if own == shown_in else same_number(amount, own, shown_in)) if priced else None
            rows.append(AriRow(book.room_id[i], book.rate_id[i], night, shown, is_open, free, stay, fee, shown_in))
    return rows


def _calendar(world: World, i: int, day: date) -> tuple[IntArray, np.ndarray, np.ndarray, IntArray]:
    """Prices, whether there is one, whether it is open and the minimum stay of each night."""
    price, open_ = world.price[i].copy(), ~world.blocked[i]
    has_price, min_stay = np.ones(price.size, dtype=np.bool_), np.ones(price.size, dtype=np.int64)
    live = (day - world.t0).days
    for tweak in world.tweaks:
        if tweak.listing == i and tweak.day <= live:
            nights = slice(world.history_days + tweak.first, world.history_days + tweak.last + 1)
            price[nights] = np.round(price[nights] * tweak.factor)
    for item in world.active(i, day):
        begin, end = touched_nights(item, world.history_days)
        if item.kind == "price_error":
            price = wrong_prices(item, price, world.history_days)
        elif item.kind == "calendar_closed":
            open_[begin : end + 1] = False
        elif item.kind == "rate_missing":
            has_price[begin : end + 1] = False
        elif item.kind == "min_stay_raised":
            min_stay[begin : end + 1] = item.min_stay_nights
    return price, has_price, open_, min_stay


def health(world: World, i: int, day: date) -> HealthRow:
    """The channel's word on a room; a suspension is dated by its own day."""
    day = seen_day(world, i, day)
    status, since, detail = "bookable", world.first, ""
    for item in world.index.incidents.get(i, ()):
        if item.kind != "listing_down":
            continue
        start, end = (world.t0 + timedelta(days=d) for d in (item.first_day, item.last_day + 1))
        if start <= day < end:
            status, since, detail = "suspended", start, "The room is not shown in search results."
        elif day >= end:
            since = end
    changed_at = datetime(since.year, since.month, since.day, tzinfo=UTC)
    return HealthRow(world.portfolio.room_id[i], status, changed_at, detail)


def review(world: World, i: int, day: date) -> ReviewRow:
    """Score and count; one booking in four leaves a review."""
    day = seen_day(world, i, day)
    score = float(world.portfolio.review_score_10[i])
    score -= sum(item.points for item in world.active(i, day) if item.kind == "review_drop")
    before = int(world.booked[i, : max(world.day_index(day), 0)].sum())
    return ReviewRow(world.portfolio.room_id[i], round(max(score, 1.0), 1), 12 + before // 4)


def content(world: World, i: int, day: date) -> ContentRow:
    """Amenities of the unit and the listing's two rate plans, less what is missing."""
    day = seen_day(world, i, day)
    amenities = list(_amenities(world.seed, int(world.portfolio.unit_index[i])))
    plans = [world.portfolio.rate_id[i], f"{world.portfolio.room_id[i]}-nonref"]
    kinds = {item.kind for item in world.active(i, day)}
    if "amenity_missing" in kinds:
        amenities.remove("wifi")
    if "rate_plan_gap" in kinds:
        plans.pop()
    return ContentRow(world.portfolio.room_id[i], tuple(amenities), tuple(sorted(plans)))


@lru_cache(maxsize=20_000)
def _amenities(seed: int, unit: int) -> tuple[str, ...]:
    u = hashed_uniform(seed, 40, np.full(len(AMENITIES), unit), np.arange(len(AMENITIES)))
    return tuple(name for name, chance in zip(AMENITIES, u, strict=True) if name in _SURE or chance < 0.5)


@dataclass(frozen=True, slots=True)
class Market:
    """What a rank tracker and a rate shopper saw, one entry a listing that is in the search results."""

    listing: IntArray
    rank: IntArray
    competitor_price_minor: IntArray


def market(world: World, day: date) -> Market:
    """Rank and competitors' price of every listing that is in the search results on ``day``."""
    d, book = world.day_index(day), world.portfolio
    listing = np.arange(len(book))
    noise = hashed_uniform(world.seed, 41, listing, np.full(len(book), d))
    rank = _usual_rank(world, listing) * np.exp(0.3 * (noise - 0.5))
    competitors = world.price[:, d] * (0.9 + 0.2 * hashed_uniform(world.seed, 42, listing))
    competitors *= 1 + 0.04 * (hashed_uniform(world.seed, 43, listing, np.full(len(book), d)) - 0.5)
    live = (day - world.t0).days
    for item in world.placed:
        if item.covers(live):
            rows = np.array(item.listings)
            rank[rows] *= _rank_factor(item, live)
            competitors[rows] *= {"competitor_undercut": item.factor, "local_event": 1.1}.get(item.kind, 1.0)
    found = np.flatnonzero(np.isfinite(rank))
    ranks = np.clip(np.round(rank[found]), 1, _WORST_RANK).astype(np.int64)
    return Market(found, ranks, np.maximum(np.round(competitors[found]), 1).astype(np.int64))


def market_watch(world: World, day: date) -> list[MarketRow]:
    """The same as rows."""
    seen, book = market(world, day), world.portfolio
    columns = (seen.listing.tolist(), seen.rank.tolist(), seen.competitor_price_minor.tolist())
    return [
        MarketRow(book.channel[i], book.room_id[i], rank, price, book.market(i).currency)
        for i, rank, price in zip(*columns, strict=True)
    ]


def _usual_rank(world: World, listing: IntArray) -> FloatArray:
    """2 to 60, better for those who sell more, with a lot of its own."""
    order = np.argsort(np.argsort(-world.portfolio.weekly_bookings)) / max(len(listing) - 1, 1)
    return np.asarray(2 + 58 * (0.7 * order + 0.3 * hashed_uniform(world.seed, 44, listing)))


def _rank_factor(item: Incident, live: int) -> float:
    """Impressions go with rank to the power of -0.7; a listing that is down is in no results."""
    if item.kind == "listing_down":
        return float("inf")
    if item.kind == "rank_drop":
        return float(max(1 - item.severity, 0.01) ** (-1 / RANK_POWER))
    if item.kind == "slow_decline":
        done = (live - item.first_day + 1) / (item.last_day - item.first_day + 1)
        return float(max(1 - item.severity * done, 0.01) ** (-0.5 / RANK_POWER))
    return 1.0
