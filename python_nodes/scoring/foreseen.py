"""Findings about the days to come, as alerts are made of them: nothing is lost yet, so ``share_lost`` is 0."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray, Economics
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import outlooks
from python_nodes.scoring.finals import Nights
from python_nodes.scoring.opportunity import Cheap
from python_nodes.scoring.outlooks import Months, Weeks

MONTH_MISSED, RUNNING_EMPTY, BELOW_PEERS = "month_missed", "calendar_running_empty", "price_below_peers"
SLOW, CHEAP = "pace_behind", "priced_low"
"""Their causes."""
SHOWN_DAYS = 56
EPOCH = date(1970, 1, 1)


def of_months(
    listings: Sequence[ListingInfo], place_of: IntArray, found: Sequence[Months], told: Sequence[BoolArray],
    nights: Nights, years: Sequence[tuple[int, int]], today: int,
) -> list[Anomaly]:  # fmt: skip
    """Tell each listing of a place of the month that it misses by most, and name the others."""
    result = []
    for place in np.flatnonzero(np.logical_or.reduce(list(told), axis=0)).tolist() if told else []:
        missed = [at for at, mask in enumerate(told) if mask[place]]
        worst = max(missed, key=lambda at: float(found[at].wanted[place] - found[at].expected[place]))
        one = found[worst]
        evidence = _month(one, place) | {
            "also_missed": [_day(found[at].first_day).strftime("%Y-%m") for at in missed if at != worst],
            "chart": _books(one, place, nights, years[worst], today),
        }
        rate = max(float((one.wanted - one.expected)[place] / max(float(one.nights_at_stake[place]), 1e-9)), 1.0)
        numbers = {"observed": float(one.expected[place]) / rate, "expected": float(one.wanted[place]) / rate,
                   "lower": float(one.lower[place]) / rate, "upper": float(one.upper[place]) / rate}  # fmt: skip
        result += [
            _finding(listings[row], MONTH_MISSED, "pickup_nights", today, float(one.probability[place]), SLOW, numbers,
                     {name: told for name, told in evidence.items() if told not in (None, [])})
            for row in np.flatnonzero(place_of == place).tolist()
        ]  # fmt: skip
    return result


def _month(one: Months, place: int) -> dict[str, Any]:
    held_against = "target_minor" if one.is_target[place] else "last_year_minor"
    return {
        "month": _day(one.first_day).strftime("%Y-%m"),
        "probability": round(float(one.probability[place]), 3),
        "will_bring_minor": round(float(one.expected[place])),
        "between_minor": [round(float(one.lower[place])), round(float(one.upper[place]))],
        held_against: round(float(one.wanted[place])),
        "on_the_books_minor": round(float(one.on_books[place])),
        "at_stake_minor": round(float(one.wanted[place] - one.expected[place])),
        "with_its_market": True if one.with_market[place] else None,
    }


def _books(one: Months, place: int, nights: Nights, year: tuple[int, int], today: int) -> dict[str, Any]:
    """Keep how the month's books filled up to now, beside last year's at the same lead, and where they will end."""
    days = range(today - SHOWN_DAYS, today + 1)
    back = one.first_day - year[0]
    now = outlooks.curve(nights, place, (one.first_day, one.last_day), days)
    then = outlooks.curve(nights, place, year, [day - back for day in days])
    return {
        "shows": "books",
        "days": [_day(day).isoformat() for day in days],
        "observed": _rounded(now), "last_year": _rounded(then),
        "ends": {"day": _day(one.last_day).isoformat(), "mean": round(float(one.expected[place])),
                 "lower": round(float(one.lower[place])), "upper": round(float(one.upper[place])),
                 "wanted": round(float(one.wanted[place]))},
    }  # fmt: skip


def of_weeks(
    listings: Sequence[ListingInfo], place_of: IntArray, found: Weeks, told: BoolArray, rate: FloatArray,
    by_night: FloatArray, usual_by_night: FloatArray, today: int,
) -> list[Anomaly]:  # fmt: skip
    """Tell each listing of a place that its next weeks stay unsold; ``by_night`` (n_places, window) are its books."""
    result = []
    for place in np.flatnonzero(told).tolist():
        usual, expected = float(found.usual[place]), float(found.expected[place])
        evidence = {
            "nights_ahead": by_night.shape[1],
            "probability": round(float(found.probability[place]), 3),
            "booked_nights": round(float(found.on_books[place])),
            "will_sell_nights": round(expected, 1),
            "between_nights": [round(float(found.lower[place]), 1), round(float(found.upper[place]), 1)],
            "usual_nights": round(usual, 1),
            "at_stake_minor": round((usual - expected) * float(rate[place])),
            "chart": {"shows": "nights", "days": [_day(today + at).isoformat() for at in range(by_night.shape[1])],
                      "observed": _rounded(by_night[place]), "usual": _rounded(usual_by_night[place])},
        }  # fmt: skip
        numbers = {"observed": expected, "expected": usual, "lower": float(found.lower[place]),
                   "upper": float(found.upper[place])}  # fmt: skip
        result += [
            _finding(listings[row], RUNNING_EMPTY, "pickup_nights", today, float(found.probability[place]), SLOW,
                     numbers, evidence)
            for row in np.flatnonzero(place_of == place).tolist()
        ]  # fmt: skip
    return result


def of_prices(
    listings: Sequence[ListingInfo], found: Cheap, told: BoolArray, economics: Economics, days: DayArray,
    shown: FloatArray, today: int,
) -> list[Anomaly]:  # fmt: skip
    """Tell each listing that asks far less than its peers what a higher price would bring a day."""
    result = []
    a_day = economics.bookings_per_day * economics.revenue_per_booking_minor * economics.kept_share
    for row in np.flatnonzero(told).tolist():
        own, peer = float(found.own_price[row]), float(found.peer_price[row])
        evidence = {
            "price": round(own, 2), "peers_price": round(peer, 2), "price_currency": listings[row].currency,
            "demand_rise_share": round(float(found.demand[row]) - 1.0, 3),
            "gain_per_day_minor": {name: round(float(a_day[row] * found.gain[row, at]))
                                   for at, name in enumerate(("low", "mid", "high"))},
            "chart": {"shows": "demand", "days": [str(day) for day in days], "observed": _rounded(shown[row]),
                      "own_price": round(own, 2), "peers_price": round(peer, 2)},
        }  # fmt: skip
        numbers: dict[str, float | None] = {"observed": own, "expected": peer, "lower": None, "upper": None}
        sure = 1.0 - float(found.chance[row])
        result.append(
            _finding(listings[row], BELOW_PEERS, "listed_price", today, sure, CHEAP, numbers, evidence)
        )  # fmt: skip
    return result


def _finding(
    listing: ListingInfo, kind: str, metric: str, today: int, sure: float, cause: str,
    numbers: dict[str, Any], evidence: dict[str, Any],
) -> Anomaly:  # fmt: skip
    return Anomaly(
        listing_id=listing.listing_id, kind=kind, metric=metric, onset_date=_day(today),
        p_value=round(1.0 - sure, 6), share_lost=0.0, confidence=sure, cause=cause,
        direction="up" if kind == BELOW_PEERS else "down", evidence=evidence,
        **{name: None if value is None else round(value, 2) for name, value in numbers.items()},
    )  # fmt: skip


def _day(number: int) -> date:
    return EPOCH + timedelta(days=number)


def _rounded(values: FloatArray) -> list[float | None]:
    return [round(float(one), 2) if np.isfinite(one) else None for one in values]
