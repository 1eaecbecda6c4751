"""Forward simulation: demand, impressions, views, booking events; twin worlds share the same random numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.calendar import (
    MARKETS,
    FloatArray,
    IntArray,
    demand_factor,
    fitted,
    price_factor,
)
from sandbox.portfolio import Portfolio
from sandbox.quantiles import binomial_quantile, poisson_quantile

BoolArray = NDArray[np.bool_]

HORIZON_NIGHTS = 660
GROUP_SHARE_OF_UNITS = 4


@dataclass(frozen=True, slots=True)
class Funnel:
    """True rates and common random numbers of all listings and days, shape (n_listings, n_days)."""

    mean_impressions: FloatArray
    noise: FloatArray
    noise_shape: FloatArray
    uniforms: FloatArray
    event_conversion: FloatArray
    group_chance: FloatArray
    group_cap: IntArray


@dataclass(frozen=True, slots=True)
class Counts:
    """What a world's funnel gave, shape (n_listings, n_days)."""

    impressions: IntArray
    views: IntArray
    events: IntArray


@dataclass(frozen=True, slots=True)
class Events:
    """Booking events drawn from the fit; every field has one entry an event."""

    listing: IntArray
    day: IntArray
    number: IntArray
    lead: IntArray
    nights: IntArray
    rooms: IntArray
    cancel_after: IntArray
    keep: BoolArray


def _profiles(portfolio: Portfolio) -> list[dict[str, Any]]:
    return [fitted()["profiles"][portfolio.market(i).profile] for i in range(len(portfolio))]


def price_matrix(portfolio: Portfolio, first: date, nights: int) -> IntArray:
    """The price calendar (n_listings, n_nights), minor units, without incidents."""
    factors = np.stack([price_factor(market, first, nights) for market in MARKETS])
    base = portfolio.base_price_minor * portfolio.price_ratio
    return np.round(base[:, None] * factors[portfolio.market_index]).astype(np.int64)


def build_funnel(portfolio: Portfolio, seed: int, first: date, days: int) -> Funnel:
    """True rates, and all randomness of the funnel drawn once for every twin."""
    from scipy import special

    rng = np.random.default_rng([seed, 3])
    n = len(portfolio)
    factors = np.stack([demand_factor(market, first, days) for market in MARKETS])
    shape = np.array([fitted()["profiles"][market.profile]["intensity"]["dispersion_shape"] for market in MARKETS])
    # Half of the fitted overdispersion is the market's, half the listing's own: an assumption, one hotel cannot tell.
    market_noise = special.gammaincinv(2 * shape[:, None], rng.random((len(MARKETS), days))) / (2 * shape[:, None])
    own = 2 * shape[portfolio.market_index][:, None]
    noise = market_noise[portfolio.market_index] * special.gammaincinv(own, rng.random((n, days))) / own
    cap = portfolio.unit_count // GROUP_SHARE_OF_UNITS
    chance, size = np.zeros(n), np.ones(n)
    for i, part in enumerate(_profiles(portfolio)):
        if cap[i] > 1:
            chance[i] = part["groups"]["event_share"]
            size[i] = np.minimum(part["groups"]["size_quantiles"], cap[i]).mean()
    return Funnel(
        mean_impressions=portfolio.impressions_per_day[:, None] * factors[portfolio.market_index],
        noise=noise,
        noise_shape=shape[portfolio.market_index],
        uniforms=rng.random((3, n, days)),
        event_conversion=portfolio.conversion / (1 + chance * (size - 1)),
        group_chance=chance,
        group_cap=cap,
    )


@dataclass(frozen=True, slots=True)
class TrueRates:
    """The rates the counts are drawn from, shape (n_listings, n_days)."""

    impressions: FloatArray
    ctr: FloatArray
    conversion: FloatArray


def usual_rates(funnel: Funnel, portfolio: Portfolio, days: slice) -> TrueRates:
    """True rates of some days in the world without incidents."""
    mean = (funnel.mean_impressions * funnel.noise)[:, days]
    return TrueRates(
        mean,
        np.broadcast_to(portfolio.ctr[:, None], mean.shape),
        np.broadcast_to(funnel.event_conversion[:, None], mean.shape),
    )


def run_funnel(funnel: Funnel, rates: TrueRates, days: slice) -> Counts:
    """Demand to impressions to views to booking events for some days."""
    u = funnel.uniforms[:, :, days]
    impressions = poisson_quantile(u[0], rates.impressions)
    views = binomial_quantile(u[1], impressions, np.minimum(rates.ctr, 1.0))
    return Counts(impressions, views, binomial_quantile(u[2], views, np.minimum(rates.conversion, 1.0)))


def hashed_uniform(seed: int, channel: int, *parts: IntArray) -> FloatArray:
    """Uniform numbers that hang on identity alone (splitmix64), so that twins draw the same for the same booking."""
    state = np.full(parts[0].shape, seed * 1_000_003 + channel, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            state = state ^ (part.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return np.asarray((state >> np.uint64(11)).astype(np.float64) / 2.0**53)


def draw_events(portfolio: Portfolio, funnel: Funnel, seed: int, counts: IntArray, first_day: int) -> Events:
    """Lead time, stay, rooms and cancellation of every booking event, from the fitted tables."""
    flat = counts.ravel()
    cell = np.repeat(np.arange(flat.size), flat)
    number = np.arange(cell.size) - np.repeat(np.cumsum(flat) - flat, flat)
    listing, day = np.divmod(cell, counts.shape[1])
    day = day + first_day
    u = [hashed_uniform(seed, k, listing, day, number) for k in range(6)]
    lead, nights, rooms, cancel = (np.zeros(cell.size, dtype=np.int64) for _ in range(4))
    group = u[2] < funnel.group_chance[listing]
    for name in {market.profile for market in MARKETS}:
        part = fitted()["profiles"][name]
        rows = np.array([portfolio.market(i).profile == name for i in range(len(portfolio))])[listing]
        lead[rows] = table(part["lead_time_quantiles_days"], u[0][rows])
        nights[rows] = 1 + np.searchsorted(np.cumsum(part["nights_share"])[:-1], u[1][rows], side="right")
        rooms[rows] = np.minimum(
            table(part["groups"]["size_quantiles"], u[3][rows]),
            funnel.group_cap[listing[rows]],
        )
        goes = u[4][rows] < cancel_rate(part, lead[rows])
        passed = np.interp(
            u[5][rows],
            np.linspace(0, 1, 101),
            part["cancellation"]["passed_share_quantiles"],
        )
        cancel[rows] = np.where(goes, np.floor(passed * lead[rows]), -1)
    rooms = np.where(group, np.maximum(rooms, 1), 1)
    return Events(
        listing,
        day,
        number,
        lead,
        nights,
        rooms,
        cancel,
        np.ones(cell.size, dtype=np.bool_),
    )


def table(quantiles: list[float], u: FloatArray) -> IntArray:
    """Draw whole numbers from an empirical quantile table."""
    return np.floor(np.interp(u, np.linspace(0, 1, len(quantiles)), quantiles)).astype(np.int64)


def cancel_rate(part: dict[str, Any], lead: IntArray) -> FloatArray:
    """Fitted chance that a booking of that lead time is cancelled."""
    edges = part["cancellation"]["lead_edges_days"]
    which = np.clip(np.searchsorted(edges, lead, side="right") - 1, 0, len(edges) - 2)
    return np.asarray(np.array(part["cancellation"]["rate"])[which])
