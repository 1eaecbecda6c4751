"""The true loss: what the twin world without an incident would have booked, at true rates, minus this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sandbox.calendar import FloatArray, IntArray, eur_cents_per_minor, fitted
from sandbox.capacity import SHIFT_DAYS, fits
from sandbox.demand import BoolArray, Funnel, cancel_rate
from sandbox.effects import PAID_KINDS, STAY_KINDS, Rates, acceptance, currency_ratio, funnel_factors, paid_minor
from sandbox.incidents import Incident
from sandbox.kinds import MARKET
from sandbox.portfolio import Portfolio

# Of the bookings an incident costs a listing this share goes to other listings of its market: an assumption.
SPILL_SHARE = 0.2
_LEADS = 60

# Nights taken of a listing's unit at the start of a day, counted from the first simulated one.
SoldNights = Callable[[int, int], IntArray]


@dataclass(frozen=True, slots=True)
class Setting:
    """What losses are counted on: the listings, their demand and prices, and both worlds' sold nights."""

    portfolio: Portfolio
    funnel: Funnel
    price: IntArray
    blocked: BoolArray
    history_days: int
    sold_without: SoldNights
    sold_with: SoldNights


@dataclass(frozen=True, slots=True)
class _Stays:
    """The fitted stays of bookings made on one day, each with its share of all, cancelled ones left out of ``kept``."""

    checkin: IntArray
    nights: IntArray
    share: FloatArray
    kept: FloatArray


def _stays(portfolio: Portfolio, i: int, day: int) -> _Stays:
    part = fitted()["profiles"][portfolio.market(i).profile]
    quantiles = np.array(part["lead_time_quantiles_days"])
    middle = (np.arange(_LEADS) + 0.5) / _LEADS
    lead = np.floor(np.interp(middle, np.linspace(0, 1, len(quantiles)), quantiles)).astype(np.int64)
    long = np.array(part["nights_share"]) / np.sum(part["nights_share"])
    checkin, nights = np.meshgrid(day + lead, np.arange(1, long.size + 1), indexing="ij")
    share = np.broadcast_to(long / _LEADS, checkin.shape)
    kept = share * (1 - cancel_rate(part, lead))[:, None]
    return _Stays(checkin.ravel(), nights.ravel(), share.ravel(), kept.ravel())


def stay_value(setting: Setting, i: int, day: int, item: Incident | None, sold: IntArray) -> float:
    """Expected kept revenue (own minor units) of one event drawn on ``day``, sold-out nights considered.

    Guests who find no unit move to the nearest free dates as in the simulation; those an incident turns away do not.
    """
    book, line, history = setting.portfolio, setting.price[i], setting.history_days
    stays = _stays(book, i, day)
    taken = np.where(setting.blocked[i], book.unit_count[i], sold)[None]
    units = book.unit_count[i : i + 1]
    unit = np.zeros(stays.checkin.size, dtype=np.int64)
    free = fits(taken, units, unit, stays.checkin, stays.nights)
    start, found = stays.checkin.copy(), free.astype(np.float64)
    moves = np.flatnonzero(~free) if item is None or item.kind not in STAY_KINDS else np.array([], dtype=np.int64)
    if moves.size:
        near = stays.checkin[moves, None] + SHIFT_DAYS
        nights = np.broadcast_to(stays.nights[moves, None], near.shape)
        open_ = fits(taken, units, np.zeros(near.shape, dtype=np.int64), near, nights) & (near >= day)
        start[moves] = near[np.arange(moves.size), open_.argmax(axis=1)]
        found[moves] = open_.any(axis=1)
    value = stays.kept * found
    if item is None:
        return float(value @ paid_minor(None, book, i, line, start, stays.nights, history))
    accepted = acceptance(item, book, i, line, stays.checkin, stays.nights, history)
    paid = paid_minor(item, book, i, line, start, stays.nights, history)
    ratio = currency_ratio(item, book.market(i).currency) if item.kind == "currency_switched" else 1.0
    return float(value @ (accepted * paid)) * ratio


def accepted_share(setting: Setting, i: int, day: int, item: Incident) -> float:
    """Share of the events drawn on ``day`` whose stay guests still book."""
    stays = _stays(setting.portfolio, i, day)
    line = setting.price[i]
    accepted = acceptance(item, setting.portfolio, i, line, stays.checkin, stays.nights, setting.history_days)
    return float(stays.share @ accepted)


def lost_bookings(setting: Setting, item: Incident, holidays: Sequence[int]) -> FloatArray:
    """Bookings an incident costs each of its listings on each of its days, shape (n_listings, n_days); none below 0."""
    book, funnel = setting.portfolio, setting.funnel
    days = setting.history_days + np.arange(item.first_day, item.last_day + 1)
    lost = np.zeros((len(item.listings), days.size))
    for row, i in enumerate(item.listings):
        factors = funnel_factors(item, book.market(i).currency, holidays)
        left = factors.impressions * factors.ctr * factors.conversion
        left = left * accepted_share(setting, i, int(days[0]), item)
        usual = funnel.mean_impressions[i, days] * book.ctr[i] * book.conversion[i]
        lost[row] = usual * np.maximum(1 - left, 0)
    return lost


def spill_factors(
    setting: Setting, placed: Sequence[Incident], live_days: int, holidays: Mapping[str, Sequence[int]]
) -> tuple[FloatArray, list[float]]:
    """Factors on all listings' impressions from their neighbours' losses, and the bookings each incident spilled."""
    book = setting.portfolio
    live = slice(setting.history_days, setting.history_days + live_days)
    usual = setting.funnel.mean_impressions[:, live] * (book.ctr * book.conversion)[:, None]
    factors, spilled = np.ones(usual.shape), []
    for item in placed:
        if item.scope == MARKET:
            spilled.append(0.0)
            continue
        lost = SPILL_SHARE * lost_bookings(setting, item, holidays[item.market]).sum(axis=0)
        others = np.setdiff1d(np.flatnonzero(book.market_index == book.market_index[item.listings[0]]), item.listings)
        days = np.arange(item.first_day, item.last_day + 1)
        there = usual[np.ix_(others, days)].sum(axis=0)
        factors[np.ix_(others, days)] *= 1 + np.divide(lost, there, out=np.zeros_like(lost), where=there > 0)
        spilled.append(float(lost[there > 0].sum()))
    return factors, spilled


def true_loss_minor(setting: Setting, item: Incident, holidays: Sequence[int]) -> int:
    """Loss in EUR cents by booking date from the incident's start to its end, before commission.

    Expected booking revenue without minus with, less expected cancellations; the means of the demand, not its noise.
    """
    return round(sum(_listing_loss(setting, item, i, holidays) for i in item.listings))


def _listing_loss(setting: Setting, item: Incident, i: int, holidays: Sequence[int]) -> float:
    book, funnel = setting.portfolio, setting.funnel
    own = book.market(i).currency
    factors: Rates = funnel_factors(item, own, holidays)
    change = factors.impressions * factors.ctr * factors.conversion
    days = setting.history_days + np.arange(item.first_day, item.last_day + 1)
    usual, left = np.zeros(days.size), np.zeros(days.size)
    # A market's incident has hundreds of listings: what their stays are worth is worked out on its middle day only.
    for k in range(days.size) if item.scope != MARKET else (days.size // 2,):
        day = int(days[k])
        nights = setting.sold_without(i, day)
        usual[k] = left[k] = stay_value(setting, i, day, None, nights)
        if item.kind in (*STAY_KINDS, *PAID_KINDS):
            sold = setting.sold_with(i, day) if item.kind in STAY_KINDS else nights
            left[k] = stay_value(setting, i, day, item, sold)
    if item.scope == MARKET:
        usual[:], left[:] = usual[days.size // 2], left[days.size // 2]
    bookings = funnel.mean_impressions[i, days] * book.ctr[i] * book.conversion[i]
    return float(bookings @ (usual - left * change)) * eur_cents_per_minor(own)
