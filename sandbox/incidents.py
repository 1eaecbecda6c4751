"""Labelled incidents from a scenario file: parsed, checked by name, placed on listings, turned into effects."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.calendar import MARKETS, public_holidays
from sandbox.portfolio import WEEKLY_RANGES, Portfolio

KINDS = (
    "listing_down",
    "calendar_closed",
    "price_error",
    "conversion_drop",
    "public_holiday",
)
_COMMON = ("id", "kind", "select", "start_day", "days")
FIELDS: dict[str, tuple[str, ...]] = {
    "listing_down": _COMMON,
    "calendar_closed": (*_COMMON, "nights"),
    "price_error": (*_COMMON, "nights", "factor"),
    "conversion_drop": (*_COMMON, "severity"),
    "public_holiday": (*_COMMON, "severity"),
}
SELECT_FIELDS = ("third", "market", "rank", "listing")
DEFAULT_NIGHTS = (0, 119)


class ScenarioError(ValueError):
    """A scenario file cannot be used; the message names the file, the incident and the field."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One placed incident: live days ``first_day`` to ``last_day`` count from 0; ``nights`` from its first day."""

    incident_id: str
    kind: str
    listings: tuple[int, ...]
    market: str
    first_day: int
    last_day: int
    severity: float
    factor: float
    nights: tuple[int, int]

    @property
    def is_control(self) -> bool:
        """A control is no incident: an alert on it is false."""
        return self.kind == "public_holiday"

    def covers(self, live_day: int) -> bool:
        """Whether it is going on on a live day, counted from 0."""
        return self.first_day <= live_day <= self.last_day


def _check_names(where: str, got: Iterable[str], allowed: tuple[str, ...]) -> None:
    for name in got:
        if name not in allowed:
            close = difflib.get_close_matches(name, allowed, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise ScenarioError(f"{where}: unknown field '{name}'{hint} Known: {', '.join(allowed)}")


def _number(
    where: str,
    item: dict[str, Any],
    name: str,
    low: float,
    high: float,
    default: float | None,
) -> float:
    value = item.get(name, default)
    if value is None:
        raise ScenarioError(f"{where}: field '{name}' is missing")
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ScenarioError(f"{where}: field '{name}' must be a number from {low:g} to {high:g}, got {value!r}")
    return float(value)


def _one_of(where: str, name: str, value: Any, allowed: Iterable[str]) -> str:
    options = [str(option) for option in allowed]
    if value not in options:
        close = difflib.get_close_matches(str(value), options, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise ScenarioError(f"{where}: field '{name}': unknown value {value!r}{hint} Known: {', '.join(options)}")
    return str(value)


def read_scenario(path: Path) -> list[dict[str, Any]]:
    """The file's incidents, every field checked by name and range."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{path.name}: cannot be read: {error}") from error
    _check_names(path.name, content, ("title", "description", "incident"))
    items = content.get("incident", [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ScenarioError(f"{path.name}: field 'incident' must be tables headed [[incident]]")
    seen: set[str] = set()
    for number, item in enumerate(items, start=1):
        name = item.get("id")
        where = f"{path.name}: incident {name if name is not None else f'number {number}'}"
        _check_item(where, item)
        if name in seen:
            raise ScenarioError(f"{where}: field 'id' is used twice")
        seen.add(str(name))
    return items


def _check_item(where: str, item: dict[str, Any]) -> None:
    if "kind" not in item:
        _check_names(
            where,
            item,
            tuple(dict.fromkeys(f for fields in FIELDS.values() for f in fields)),
        )
        raise ScenarioError(f"{where}: field 'kind' is missing")
    kind = _one_of(where, "kind", item["kind"], KINDS)
    _check_names(where, item, FIELDS[kind])
    if not isinstance(item.get("id"), str) or not item["id"]:
        raise ScenarioError(f"{where}: field 'id' is missing or no text")
    for name, low, high in (("start_day", 1, 400), ("days", 1, 400)):
        if _number(where, item, name, low, high, None) % 1:
            raise ScenarioError(f"{where}: field '{name}' must be a whole number")
    if kind in ("conversion_drop", "public_holiday"):
        _number(where, item, "severity", 0.01, 1.0, None)
    if kind == "price_error" and _number(where, item, "factor", 0.01, 100, None) == 1:
        raise ScenarioError(f"{where}: field 'factor' of 1 is no error")
    nights = item.get("nights", list(DEFAULT_NIGHTS))
    whole = isinstance(nights, list) and len(nights) == 2 and all(type(n) is int for n in nights)
    if not whole or not 0 <= nights[0] <= nights[1] <= 400:
        raise ScenarioError(
            f"{where}: field 'nights' must be [first, last], whole days after the start, got {nights!r}"
        )
    select = item.get("select")
    if not isinstance(select, dict):
        raise ScenarioError(f"{where}: field 'select' is missing or no table")
    _check_names(f"{where}: select", select, SELECT_FIELDS)
    if "third" in select:
        _one_of(where, "select.third", select["third"], WEEKLY_RANGES)
    if "market" in select:
        _one_of(where, "select.market", select["market"], [m.name for m in MARKETS])
    if "rank" in select and (type(select["rank"]) is not int or select["rank"] < 0):
        raise ScenarioError(f"{where}: field 'select.rank' must be a whole number from 0")
    if kind == "public_holiday" and list(select) != ["market"]:
        raise ScenarioError(f"{where}: field 'select' of a public_holiday must name a market and nothing else")


def place(path: Path, portfolio: Portfolio, seed: int, t0: date, live_days: int) -> list[Incident]:
    """Place a scenario's incidents on listings; the same seed picks the same, and no listing twice unless named."""
    rng = np.random.default_rng([seed, 2])
    order = rng.permutation(len(portfolio))
    taken: set[int] = set()
    placed = []
    items = read_scenario(path)
    explicit = {item["select"]["listing"] for item in items if "listing" in item["select"]}
    taken.update(i for i, room in enumerate(portfolio.room_id) if room in explicit)
    for item in items:
        where = f"{path.name}: incident {item['id']}"
        first = int(item["start_day"]) - 1
        if item["kind"] == "public_holiday":
            listings = _market_listings(portfolio, item["select"]["market"])
        else:
            listings = (_pick(where, item["select"], portfolio, order, taken),)
            taken.update(listings)
        if first >= live_days:
            continue
        last = min(first + int(item["days"]), live_days) - 1
        market = portfolio.market(listings[0])
        if item["kind"] == "public_holiday" and not public_holidays(market, t0 + timedelta(first), last - first + 1):
            known = public_holidays(market, t0, live_days)
            told = ", ".join(f"day {(day - t0).days + 1} {name}" for day, name in known.items()) or "none"
            raise ScenarioError(
                f"{where}: field 'start_day': no holiday of {market.name} falls then; in the live window: {told}"
            )
        nights = item.get("nights", DEFAULT_NIGHTS)
        placed.append(
            Incident(
                item["id"], item["kind"], listings, market.name, first, last,
                float(item.get("severity", 1.0)), float(item.get("factor", 1.0)), (int(nights[0]), int(nights[1])),
            )
        )  # fmt: skip
    return placed


def _market_listings(portfolio: Portfolio, market: str) -> tuple[int, ...]:
    return tuple(i for i in range(len(portfolio)) if portfolio.market(i).name == market)


def _pick(
    where: str,
    select: dict[str, Any],
    portfolio: Portfolio,
    order: np.ndarray[Any, Any],
    taken: set[int],
) -> int:
    """One listing: the one named, or of those that fit and are free the ``rank``-th by volume, else by lot."""
    if "listing" in select:
        if select["listing"] not in portfolio.room_id:
            raise ScenarioError(f"{where}: field 'select.listing': no listing {select['listing']!r}")
        return portfolio.room_id.index(select["listing"])
    fits = [
        int(i)
        for i in order
        if i not in taken
        and select.get("third", portfolio.third[i]) == portfolio.third[i]
        and select.get("market", portfolio.market(int(i)).name) == portfolio.market(int(i)).name
    ]
    rank = int(select.get("rank", 0))
    if rank >= len(fits):
        raise ScenarioError(
            f"{where}: field 'select' {select}: {len(fits)} free listings fit, rank {rank} is wanted; "
            f"take more --listings than {len(portfolio)}"
        )
    if "rank" in select:
        fits.sort(key=lambda i: -portfolio.weekly_bookings[i])
    return fits[rank]
