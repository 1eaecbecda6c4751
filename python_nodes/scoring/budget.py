"""One budget of false alerts for the whole sweep, parted among the watches, and how each one's statistic behaves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from detectors.calibrate import Tails
from python_nodes.errors import ConfigError

TAILS_PATH = Path(__file__).resolve().parent.parent / "data" / "tails.json"
OWN = "own"
"""The one key of the profile that a tenant's own tails are kept under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """False alerts expected, over so many listings and days; ``listings`` of 0 are all that a tenant has.

    A watch with a ``share`` has that part of the one budget (beside the others' shares), by cuts learnt from quiet
    days; one without has a budget of its own, of the series that it looks at, by its rule's bound. A series' part grows
    with the square of its expected count a day up to ``full_share_bookings``, and is none from ``none_from_bookings``
    on (0: no such end), where another watch sees as much sooner. ``spends`` is the part that comes of what the cut
    allows, the rule asking for more than that: what such a watch leaves is the others'.
    """

    false_alerts: float = 0.5
    listings: int = 200
    days: float = 14.0
    share: float = 0.0
    full_share_bookings: float = 4.0
    none_from_bookings: float = 0.0
    spends: float = 1.0


@dataclass(frozen=True, slots=True)
class Dated:
    """What was known of a watch's statistic from a day on; None is what is shipped."""

    since_date: date | None
    tails: Tails


def total_of(table: Any) -> Budget:
    """Read the one budget.

    Raises
    ------
    ConfigError
        Naming what is wrong.
    """
    if not isinstance(table, dict) or set(table) - {"false_alerts", "listings", "days"}:
        raise ConfigError(f"budget: false_alerts, listings and days may be set, not {table!r}")
    numbers: dict[str, Any] = {"false_alerts": 0.045, "listings": 100, "days": 7.0} | table
    if any(isinstance(one, bool) or not isinstance(one, int | float) or one < 0 for one in numbers.values()):
        raise ConfigError("budget: false_alerts, listings and days must be numbers, and not negative")
    if not numbers["days"] or not isinstance(numbers["listings"], int):
        raise ConfigError("budget: days must be more than 0, and listings whole")
    return Budget(**numbers)


def parted(total: Budget, budgets: Sequence[Budget], known: Sequence[Tails | None]) -> list[Budget]:
    """Give each watch with a share its part of the whole; what is ``known`` of its statistic says what it spends."""
    spends = [tails.spends if tails else 1.0 for tails in known]
    whole = sum(one.share * part for one, part in zip(budgets, spends, strict=True))
    return [
        replace(
            one, false_alerts=total.false_alerts * one.share * part / whole, listings=total.listings, days=total.days,
            spends=part,
        ) if one.share else one
        for one, part in zip(budgets, spends, strict=True)
    ]  # fmt: skip


@lru_cache
def shipped(path: Path = TAILS_PATH) -> Mapping[str, Tails]:
    """Return the tails learnt on simulated quiet worlds, by watch (docs/detection/budget.md)."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {name: from_json(one) for name, one in told.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path.name}: {error}") from error


def from_json(told: Mapping[str, Any]) -> Tails:
    """Read tails as `to_json` wrote them."""
    edges, values = (np.asarray(told[name], dtype=np.float64) for name in ("edges", "values"))
    return Tails(edges, values, float(told["clustering"]), float(told["spends"]))


def to_json(tails: Tails) -> dict[str, Any]:
    """Write tails in plain numbers."""
    return {
        "edges": tails.edges.tolist(), "values": np.round(tails.values, 5).tolist(),
        "clustering": round(tails.clustering, 5), "spends": round(tails.spends, 4),
    }  # fmt: skip
