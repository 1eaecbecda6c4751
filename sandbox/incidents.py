"""Labelled incidents: placed on listings, units, properties or markets; the same seed places the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.calendar import MARKETS, public_holidays
from sandbox.kinds import DEFAULT_NIGHTS, KINDS, LISTING, MARKET, PROPERTY, UNIT, Kind
from sandbox.portfolio import Portfolio
from sandbox.scenario import ScenarioError, read_scenario

__all__ = ["Incident", "Placing", "ScenarioError", "place", "read_scenario"]

_OTHER_CURRENCY = {"EUR": "USD", "USD": "EUR", "JPY": "USD", "GBP": "EUR"}
_ONE_CHANNEL = ("feed_stale", "feed_duplicate")


@dataclass(frozen=True, slots=True)
class Incident:
    """One placed incident: live days ``first_day`` to ``last_day`` count from 0; ``nights`` from its first day.

    ``factor``, ``severity``, ``points``, ``min_stay_nights`` and ``currency`` mean something to some kinds only.
    """

    incident_id: str
    kind: str
    scope: str
    listings: tuple[int, ...]
    market: str
    first_day: int
    last_day: int
    severity: float
    factor: float
    points: float
    min_stay_nights: int
    currency: str
    nights: tuple[int, int]
    leaves_trace: bool = False

    @property
    def is_control(self) -> bool:
        """A control is no incident: an alert on it is false."""
        return KINDS[self.kind].is_control

    @property
    def is_direct(self) -> bool:
        """Whether it shows at once, without any statistics."""
        return KINDS[self.kind].is_direct

    def covers(self, live_day: int) -> bool:
        """Whether it is going on on a live day, counted from 0."""
        return self.first_day <= live_day <= self.last_day


@dataclass(frozen=True, slots=True)
class Placing:
    """What a scenario became: incidents within the live days, and those that would start after them."""

    incidents: tuple[Incident, ...]
    too_late: tuple[dict[str, Any], ...]


def place(path: Path, portfolio: Portfolio, seed: int, t0: date, live_days: int) -> Placing:
    """Place a scenario's incidents; the same seed picks the same, and no listing twice unless named."""
    rng = np.random.default_rng([seed, 2])
    order = [int(i) for i in rng.permutation(len(portfolio))]
    items = read_scenario(path)
    explicit = {item["select"]["listing"] for item in items if "listing" in item["select"]}
    taken = {i for i, room in enumerate(portfolio.room_id) if room in explicit}
    groups = _groups(portfolio)
    placed, late = [], []
    for item in items:
        where = f"{path.name}: incident {item['id']}"
        kind = KINDS[item["kind"]]
        scope = str(item.get("scope", kind.scopes[0]))
        if scope == MARKET:
            listings = _market_listings(where, portfolio, item["select"]["market"])
        else:
            whole = groups["feed" if kind.name in _ONE_CHANNEL else scope]
            listings = whole[_pick(where, item["select"], kind, portfolio, order, whole, taken)]
            taken.update(listings)
        if int(item["start_day"]) > live_days:
            late.append({"id": item["id"], "kind": item["kind"], "start_day": int(item["start_day"])})
            continue
        if item.get("currency") == portfolio.market(listings[0]).currency:
            raise ScenarioError(f"{where}: field 'currency': {item['currency']} is what the listing has anyway")
        made = _incident(item, kind, scope, listings, portfolio, live_days)
        if kind.name == "public_holiday":
            _check_holiday(where, made, t0, live_days)
        placed.append(made)
    return Placing(tuple(placed), tuple(late))


def _incident(
    item: dict[str, Any], kind: Kind, scope: str, listings: tuple[int, ...], portfolio: Portfolio, live_days: int
) -> Incident:
    market = portfolio.market(listings[0])
    first = int(item["start_day"]) - 1
    currency = str(item.get("currency", _OTHER_CURRENCY[market.currency]))
    numbers = {name: float(item.get(name, bound.default) or 0.0) for name, bound in kind.numbers.items()}
    nights = item.get("nights", DEFAULT_NIGHTS)
    return Incident(
        incident_id=str(item["id"]), kind=kind.name, scope=scope, listings=listings, market=market.name,
        first_day=first, last_day=min(first + int(item["days"]), live_days) - 1,
        severity=numbers.get("severity", 1.0), factor=numbers.get("factor", 1.0), points=numbers.get("points", 0.0),
        min_stay_nights=int(numbers.get("min_stay_nights", 1)),
        currency=currency, nights=(int(nights[0]), int(nights[1])),
    )  # fmt: skip


def _check_holiday(where: str, item: Incident, t0: date, live_days: int) -> None:
    market = next(m for m in MARKETS if m.name == item.market)
    if public_holidays(market, t0 + timedelta(item.first_day), item.last_day - item.first_day + 1):
        return
    known = public_holidays(market, t0, live_days)
    told = ", ".join(f"day {(day - t0).days + 1} {name}" for day, name in known.items()) or "none"
    raise ScenarioError(
        f"{where}: field 'start_day': no holiday of {market.name} falls then; in the live window: {told}"
    )


def _market_listings(where: str, portfolio: Portfolio, market: str) -> tuple[int, ...]:
    found = tuple(i for i in range(len(portfolio)) if portfolio.market(i).name == market)
    if not found:
        raise ScenarioError(f"{where}: field 'select.market': no listing is in {market}; take more --listings")
    return found


def _groups(portfolio: Portfolio) -> dict[str, list[tuple[int, ...]]]:
    """For each scope the listings that belong with each listing; a feed is one property's on one channel."""
    book, n = portfolio, range(len(portfolio))
    keys: dict[str, Sequence[Any]] = {
        LISTING: n, UNIT: book.unit_id, PROPERTY: book.property_id, "feed": book.channel_property_id,
    }  # fmt: skip
    groups = {}
    for scope, key in keys.items():
        members: dict[Any, list[int]] = {}
        for i in n:
            members.setdefault(key[i], []).append(i)
        groups[scope] = [tuple(members[key[i]]) for i in n]
    return groups


def _pick(
    where: str, select: dict[str, Any], kind: Kind, portfolio: Portfolio, order: Sequence[int],
    whole: Sequence[tuple[int, ...]], taken: set[int],
) -> int:  # fmt: skip
    """One listing: the one named, or of those that fit and are free the ``rank``-th by volume, else by lot."""
    if "listing" in select:
        if select["listing"] not in portfolio.room_id:
            raise ScenarioError(f"{where}: field 'select.listing': no listing {select['listing']!r}")
        return portfolio.room_id.index(select["listing"])
    book = portfolio
    fits = [
        i
        for i in order
        if taken.isdisjoint(whole[i])
        and select.get("third", book.third[i]) == book.third[i]
        and select.get("channel", book.channel[i]) == book.channel[i]
        and select.get("market", book.market(i).name) == book.market(i).name
        and (kind.name != "fee_missing" or book.fee_minor[i] > 0)
    ]
    rank = int(select.get("rank", 0))
    if rank >= len(fits):
        raise ScenarioError(
            f"{where}: field 'select' {select}: {len(fits)} free listings fit, rank {rank} is wanted; "
            f"take more --listings than {len(book)}, or other --channels"
        )
    if "rank" in select:
        fits.sort(key=lambda i: -book.weekly_bookings[i])
    return fits[rank]
