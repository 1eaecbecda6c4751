"""What each kind of incident does: to search, clicks and conversion, to the stays guests accept, to what they pay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sandbox.calendar import FloatArray, IntArray, eur_cents_per_minor, same_number
from sandbox.demand import BoolArray
from sandbox.incidents import Incident
from sandbox.portfolio import Portfolio

# Assumptions, all of them; docs/sandbox.md lists them. Kinked demand: a price below the usual one brings fewer guests
# than it loses, one above drives more away.
ELASTICITY_BELOW = 0.6
ELASTICITY_ABOVE = 1.8
CROSS_ELASTICITY = 1.2
RANK_POWER = 0.7
REVIEW_CTR_PER_POINT = 0.08
REVIEW_CONVERSION_PER_POINT = 0.2
# The greatest rise of bookings that a fee left out can bring; each stay is thinned to its own.
_FEE_BOOST = 1.5
# Incidents that change what nights cost or whether they can be had: guests they meet do not move to other dates.
STAY_KINDS = ("calendar_closed", "rate_missing", "min_stay_raised", "price_error")
# Incidents that change what every stay costs.
PAID_KINDS = ("fee_missing", "currency_switched")


@dataclass(frozen=True, slots=True)
class Rates:
    """Factors on impressions, click-through and conversion, shape (n_listings, live_days)."""

    impressions: FloatArray
    ctr: FloatArray
    conversion: FloatArray


def demand_response(ratio: FloatArray) -> FloatArray:
    """Bookings relative to usual when a stay costs ``ratio`` of its usual price."""
    return np.asarray(np.where(ratio < 1, ratio**-ELASTICITY_BELOW, ratio**-ELASTICITY_ABOVE))


def currency_ratio(item: Incident, own: str) -> float:
    """The value of an amount whose number stays and whose currency changes, relative to its own."""
    other = same_number(1_000_000, own, item.currency) * eur_cents_per_minor(item.currency)
    return other / (1_000_000 * eur_cents_per_minor(own))


def boost(item: Incident, own: str) -> float:
    """How many more events than usual are drawn, of which each stay's acceptance keeps its share."""
    if item.kind == "price_error":
        return float(max(1.0, item.factor**-ELASTICITY_BELOW))
    if item.kind == "fee_missing":
        return _FEE_BOOST
    if item.kind == "currency_switched":
        return float(max(1.0, currency_ratio(item, own) ** -ELASTICITY_BELOW))
    return 1.0


def funnel_factors(item: Incident, own: str, holidays: Sequence[int]) -> Rates:
    """Factors of one incident on each of its days, shape (n_days,); ``holidays`` are its market's live holidays."""
    days = np.arange(item.first_day, item.last_day + 1)
    impressions, ctr = np.ones(days.size), np.ones(days.size)
    conversion = np.full(days.size, boost(item, own))
    left = 1 - item.severity
    if item.kind == "listing_down":
        impressions[:] = 0.0
    elif item.kind in ("rank_drop", "market_demand_drop"):
        impressions[:] = left
    elif item.kind == "public_holiday":
        impressions[np.isin(days, holidays)] = left
    elif item.kind == "local_event":
        impressions[:] = 1 + item.severity
    elif item.kind == "ctr_drop":
        ctr[:] = left
    elif item.kind in ("conversion_drop", "rate_plan_gap"):
        conversion[:] = left
    elif item.kind == "competitor_undercut":
        conversion[:] = item.factor**CROSS_ELASTICITY
    elif item.kind == "amenity_missing":
        # Searches filtered by the amenity no longer find it, and some who do miss it.
        impressions[:], conversion[:] = left, 1 - item.severity / 2
    elif item.kind == "review_drop":
        ctr[:] = np.exp(-REVIEW_CTR_PER_POINT * item.points)
        conversion[:] = np.exp(-REVIEW_CONVERSION_PER_POINT * item.points)
    elif item.kind == "slow_decline":
        faded = 1 - item.severity * np.arange(1, days.size + 1) / days.size
        impressions[:] = conversion[:] = np.sqrt(faded)
    return Rates(impressions, ctr, conversion)


def all_rates(
    placed: Sequence[Incident], portfolio: Portfolio, live_days: int, holidays: Mapping[str, Sequence[int]]
) -> Rates:
    """Factors of all incidents together on all listings and live days."""
    shape = (len(portfolio), live_days)
    rates = Rates(np.ones(shape), np.ones(shape), np.ones(shape))
    for item in placed:
        one = funnel_factors(item, portfolio.market(item.listings[0]).currency, holidays[item.market])
        cells = np.array(item.listings)[:, None], np.arange(item.first_day, item.last_day + 1)
        rates.impressions[cells] *= one.impressions
        rates.ctr[cells] *= one.ctr
        rates.conversion[cells] *= one.conversion
    return rates


def touched_nights(item: Incident, history_days: int) -> tuple[int, int]:
    """First and last night an incident touches, counted from the first simulated day."""
    start = history_days + item.first_day
    return start + item.nights[0], start + item.nights[1]


def wrong_prices(item: Incident, price: IntArray, history_days: int) -> IntArray:
    """One listing's calendar as a price error shows it."""
    first, last = touched_nights(item, history_days)
    wrong = price.copy()
    wrong[first : last + 1] = np.maximum(1, np.round(price[first : last + 1] * item.factor)).astype(np.int64)
    return wrong


def line_totals(line: IntArray, checkin: IntArray, nights: IntArray) -> FloatArray:
    """Price of stays at one listing, from its night-by-night calendar."""
    running = np.concatenate([[0], np.cumsum(line)])
    return np.asarray(running[checkin + nights] - running[checkin], dtype=np.float64)


def _touches(item: Incident, checkin: IntArray, nights: IntArray, history_days: int) -> BoolArray:
    first, last = touched_nights(item, history_days)
    return np.asarray((checkin <= last) & (checkin + nights - 1 >= first))


def acceptance(
    item: Incident, portfolio: Portfolio, i: int, line: IntArray, checkin: IntArray, nights: IntArray, history_days: int
) -> FloatArray:
    """Chance that guests who wanted a stay at listing ``i`` still book it, given how many events were drawn."""
    own = portfolio.market(i).currency
    if item.kind in ("calendar_closed", "rate_missing"):
        return np.asarray(~_touches(item, checkin, nights, history_days), dtype=np.float64)
    if item.kind == "min_stay_raised":
        first, last = touched_nights(item, history_days)
        asked = (checkin >= first) & (checkin <= last) & (nights < item.min_stay_nights)
        return np.asarray(~asked, dtype=np.float64)
    usual = line_totals(line, checkin, nights)
    if item.kind == "price_error":
        ratio = line_totals(wrong_prices(item, line, history_days), checkin, nights) / usual
    elif item.kind == "fee_missing":
        ratio = usual / (usual + portfolio.fee_minor[i])
    elif item.kind == "currency_switched":
        ratio = np.full(usual.shape, currency_ratio(item, own))
    else:
        return np.ones(checkin.shape)
    return np.asarray(np.minimum(demand_response(ratio) / boost(item, own), 1.0))


def paid_minor(
    item: Incident | None, portfolio: Portfolio, i: int, line: IntArray, checkin: IntArray, nights: IntArray,
    history_days: int,
) -> FloatArray:  # fmt: skip
    """What stays at listing ``i`` cost with the fee, as the incident shows it; the number, whatever the currency."""
    if item is not None and item.kind == "price_error":
        line = wrong_prices(item, line, history_days)
    fee = 0 if item is not None and item.kind == "fee_missing" else portfolio.fee_minor[i]
    return np.asarray(line_totals(line, checkin, nights) + fee)
