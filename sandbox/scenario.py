"""Scenario files: TOML, every field checked by name and range before anything is simulated."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.calendar import MARKETS, MINOR_DIGITS
from sandbox.channels import CHANNELS
from sandbox.kinds import DEFAULT_NIGHTS, KINDS, MARKET, Bound, Kind, fields_of
from sandbox.portfolio import WEEKLY_RANGES

SELECT_FIELDS = ("third", "channel", "market", "rank", "listing")
_LONGEST_NIGHT = 400


class ScenarioError(ValueError):
    """A scenario file cannot be used; the message names the file, the incident and the field."""


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


def _check_names(where: str, got: Iterable[str], allowed: Iterable[str]) -> None:
    known = tuple(dict.fromkeys(allowed))
    for name in got:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise ScenarioError(f"{where}: unknown field '{name}'{hint} Known: {', '.join(known)}")


def _check_number(where: str, item: dict[str, Any], name: str, bound: Bound) -> float:
    value = item.get(name, bound.default)
    if value is None:
        raise ScenarioError(f"{where}: field '{name}' is missing")
    if isinstance(value, bool) or not isinstance(value, int | float) or not bound.low <= value <= bound.high:
        raise ScenarioError(
            f"{where}: field '{name}' must be a number from {bound.low:g} to {bound.high:g}, got {value!r}"
        )
    return float(value)


def _check_one_of(where: str, name: str, value: Any, allowed: Iterable[str]) -> str:
    options = [str(option) for option in allowed]
    if value not in options:
        close = difflib.get_close_matches(str(value), options, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise ScenarioError(f"{where}: field '{name}': unknown value {value!r}{hint} Known: {', '.join(options)}")
    return str(value)


def _check_item(where: str, item: dict[str, Any]) -> None:
    if "kind" not in item:
        _check_names(where, item, (name for kind in KINDS.values() for name in fields_of(kind)))
        raise ScenarioError(f"{where}: field 'kind' is missing")
    kind = KINDS[_check_one_of(where, "kind", item["kind"], KINDS)]
    _check_names(where, item, fields_of(kind))
    if not isinstance(item.get("id"), str) or not item["id"]:
        raise ScenarioError(f"{where}: field 'id' is missing or no text")
    for name in ("start_day", "days"):
        if _check_number(where, item, name, Bound(1, 400)) % 1:
            raise ScenarioError(f"{where}: field '{name}' must be a whole number")
    for name, bound in kind.numbers.items():
        value = _check_number(where, item, name, bound)
        if name == "factor" and value == 1:
            raise ScenarioError(f"{where}: field 'factor' of 1 is no error")
        if name == "min_stay_nights" and value % 1:
            raise ScenarioError(f"{where}: field '{name}' must be a whole number")
    _check_nights(where, item.get("nights", list(DEFAULT_NIGHTS)))
    if "currency" in item:
        _check_one_of(where, "currency", item["currency"], MINOR_DIGITS)
    _check_one_of(where, "scope", item.get("scope", kind.scopes[0]), kind.scopes)
    _check_select(where, item.get("select"), kind)


def _check_nights(where: str, nights: Any) -> None:
    whole = isinstance(nights, list) and len(nights) == 2 and all(type(n) is int for n in nights)
    if not whole or not 0 <= nights[0] <= nights[1] <= _LONGEST_NIGHT:
        raise ScenarioError(
            f"{where}: field 'nights' must be [first, last], whole days after the start, got {nights!r}"
        )


def _check_select(where: str, select: Any, kind: Kind) -> None:
    if not isinstance(select, dict):
        raise ScenarioError(f"{where}: field 'select' is missing or no table")
    _check_names(f"{where}: select", select, SELECT_FIELDS)
    for name, allowed in (("third", tuple(WEEKLY_RANGES)), ("channel", CHANNELS)):
        if name in select:
            _check_one_of(where, f"select.{name}", select[name], allowed)
    if "market" in select:
        _check_one_of(where, "select.market", select["market"], [m.name for m in MARKETS])
    if "rank" in select and (type(select["rank"]) is not int or select["rank"] < 0):
        raise ScenarioError(f"{where}: field 'select.rank' must be a whole number from 0")
    if kind.scopes == (MARKET,) and list(select) != ["market"]:
        raise ScenarioError(f"{where}: field 'select' of a {kind.name} must name a market and nothing else")
