"""Watches: what is looked at, and how, read from watches.toml and refused by name where wrong."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from detectors.baselines import weekday_season
from detectors.rules import band, sequential
from python_nodes.domain.metrics import METRICS
from python_nodes.errors import ConfigError

DEFAULT_PATH = Path(__file__).resolve().parent.parent / "watches.toml"
_KEYS = {
    "metric", "exposure", "reported_metric", "baseline", "rule", "direction", "cause", "baseline_params", "rule_params",
    "budget",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """False alerts allowed, in all, over so many listings and days.

    A series' share of them grows with the square of its expected bookings a day up to ``full_share_bookings``.
    """

    false_alerts: float = 0.5
    listings: int = 200
    days: float = 14.0
    full_share_bookings: float = 4.0


P = TypeVar("P", weekday_season.Params, sequential.Params, band.Params, Budget)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One metric of every listing, looked at in one way."""

    name: str
    metric: str
    exposure: str | None
    reported_metric: str
    baseline_params: weekday_season.Params
    rule_params: sequential.Params | band.Params
    budget: Budget
    cause: str


def load_watches(path: Path = DEFAULT_PATH) -> list[Watch]:
    """Read the watches.

    Raises
    ------
    ConfigError
        Naming the watch and what is wrong with it.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}") from error
    return [_watch(name, table) for name, table in tables.items()]


def _watch(name: str, table: Any) -> Watch:
    """Turn one table into a Watch."""
    if not isinstance(table, dict):
        raise ConfigError(f"watch {name}: not a table")
    for key in table:
        if key not in _KEYS:
            raise ConfigError(f"watch {name}: unknown parameter {key}")
    for key in ("metric", "exposure", "reported_metric"):
        if key in table and table[key] not in METRICS:
            raise ConfigError(f"watch {name}: {key} = {table[key]!r} is no metric")
    if "metric" not in table:
        raise ConfigError(f"watch {name}: metric is missing")
    if table.get("baseline") != "weekday_season":
        raise ConfigError(f"watch {name}: unknown baseline {table.get('baseline')!r}")
    if table.get("direction", "down") != "down":
        raise ConfigError(f"watch {name}: direction {table['direction']!r} is not supported by its rule")
    return Watch(
        name=name, metric=table["metric"], exposure=table.get("exposure"),
        reported_metric=str(table.get("reported_metric", table["metric"])),
        baseline_params=_params(name, weekday_season.Params, table.get("baseline_params", {})),
        rule_params=_rule(name, table),
        budget=_params(name, Budget, table.get("budget", {})), cause=str(table.get("cause", "unknown")),
    )  # fmt: skip


def _rule(name: str, table: Mapping[str, Any]) -> sequential.Params | band.Params:
    """Return the settings of the rule that the watch names."""
    given = table.get("rule_params", {})
    if table.get("rule") == "sequential":
        return _params(name, sequential.Params, given)
    if table.get("rule") == "band":
        return _params(name, band.Params, given)
    raise ConfigError(f"watch {name}: unknown rule {table.get('rule')!r}")


def _params(watch: str, cls: type[P], given: Mapping[str, Any]) -> P:
    """Build ``cls`` from a table, refusing names it does not have."""
    known = {field.name for field in dataclasses.fields(cls)}
    for key, value in given.items():
        if key not in known:
            raise ConfigError(f"watch {watch}: unknown parameter {key}")
        if isinstance(value, (str, bool)):
            raise ConfigError(f"watch {watch}: {key} must be a number")
    ready: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return cls(**ready)
