"""A chart in words, for who cannot see it and who has no time to: figures, how they stand, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from python_nodes.console.plot import USUAL

SUMMED = frozenset({"bookings a day", "money", "views in search results", "page views", "nights", "alerts"})
"""Units of which days add up."""
NOUNS = {"bookings a day": "bookings", "page views": "page views", "views in search results": "views in search results"}
_HUNDRED, _TEN = 100, 10
_SMALL_SHARE = 0.1


def figure(value: float | None, unit: str, currency: str = "") -> str:
    """Word one figure in its unit; what is missing is said to be."""
    if value is None:
        return "no figure"
    if unit == "share":
        return f"{_HUNDRED * value:.{2 if abs(value) < _SMALL_SHARE else 1}f} %"
    digits = 0 if abs(value) >= _HUNDRED or value == int(value) else 1 if abs(value) >= _TEN else 2
    return f"{value:,.{digits}f}" + (f" {currency}" if currency else "")


def change(share: float | None) -> str:
    """Word a relative change."""
    if share is None:
        return "nothing to compare with"
    percent = round(_HUNDRED * share)
    return "as expected" if percent == 0 else f"{abs(percent)} % {'over' if percent > 0 else 'under'}"


def chart(spec: Mapping[str, Any]) -> str:
    """Say what a chart shows, in a few sentences."""
    told = {line["key"]: line["values"] for line in spec["lines"]}
    days = [at for at, value in enumerate(told["observed"]) if value is not None]
    if not days:
        return "No day of this range has a figure."
    sentences = [_level(spec, told, days), _outside(spec, told["observed"]), _missing(told["observed"])]
    return " ".join(one for one in sentences if one)


def stacked(spec: Mapping[str, Any]) -> str:
    """Say what a stack of counts adds up to."""
    sums = {line["name"].lower(): sum(value or 0 for value in line["values"]) for line in spec["lines"]}
    return f"{sum(sums.values()):.0f} in {len(spec['lines'][0]['values'])} days: " + ", ".join(
        f"{count:.0f} {name}" for name, count in sums.items()
    )


def _level(spec: Mapping[str, Any], told: Mapping[str, Sequence[float | None]], days: Sequence[int]) -> str:
    observed, unit, currency = told["observed"], spec["unit"], spec["currency"]
    if unit not in SUMMED:
        last = days[-1]
        said = f"{figure(observed[last], unit, currency)} on {_day(spec, last)}"
        wanted = told.get("expected", [None] * len(observed))[last]
        return f"{said}, {figure(wanted, unit, currency)} expected." if wanted is not None else f"{said}."
    total = sum(observed[at] or 0 for at in days)
    said = f"{figure(total, unit, currency)} {NOUNS.get(unit, '')}".rstrip()
    span = "on 1 day" if len(days) == 1 else f"in {len(days)} days"
    both = [at for at in days if told.get("expected", [None] * len(observed))[at] is not None]
    wanted = sum(told["expected"][at] or 0 for at in both) if both else 0.0
    if not wanted:
        return f"{said} {span}."
    against = sum(observed[at] or 0 for at in both) / wanted - 1
    return f"{said} {span}, {change(against)}{'' if round(_HUNDRED * against) == 0 else ' expectation'}."


def _outside(spec: Mapping[str, Any], observed: Sequence[float | None]) -> str:
    if spec.get("band") != USUAL:
        return ""
    judged = [
        (value, low, high)
        for value, low, high in zip(observed, spec["lower"], spec["upper"], strict=True)
        if value is not None and low is not None and high is not None
    ]
    if not judged:
        return ""
    below, above = sum(value < low for value, low, _ in judged), sum(value > high for value, _, high in judged)
    if not below and not above:
        return "Every day within the usual range."
    parts = [f"{count} {word}" for count, word in ((below, "below"), (above, "above")) if count]
    return f"Days outside the usual range: {', '.join(parts)}."


def _missing(observed: Sequence[float | None]) -> str:
    """Count the gaps from the first told day on; today alone is not missing yet."""
    first = next(at for at, value in enumerate(observed) if value is not None)
    until = len(observed) - (1 if observed[-1] is None else 0)
    count = sum(value is None for value in observed[first:until])
    return f"{count} {'day is' if count == 1 else 'days are'} missing." if count else ""


def _day(spec: Mapping[str, Any], at: int) -> str:
    found = date.fromisoformat(spec["start"]) + timedelta(days=at)
    return f"{found.day} {found:%B}"
