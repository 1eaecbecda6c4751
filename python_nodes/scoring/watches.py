"""Watches: what is looked at, and how, read from watches.toml and refused by name where wrong."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from detectors.baselines import weekday_season, yearly_regression
from detectors.rules import band, sequential, trend
from python_nodes.domain.metrics import METRICS, FloatArray
from python_nodes.errors import ConfigError
from python_nodes.scoring import budget as budgets
from python_nodes.scoring.budget import Budget, Dated
from python_nodes.scoring.learn.applied import Learnt

DEFAULT_PATH = Path(__file__).resolve().parent.parent / "watches.toml"
_KEYS = {
    "kind", "metric", "exposure", "peers", "scope", "reported_metric", "baseline", "rule", "direction", "cause",
    "history_days", "noise", "baseline_params", "rule_params", "budget", "loss",
}  # fmt: skip
_BASELINE = {False: "weekday_season", True: "yearly_regression"}
"""What a single listing is held against, and what a whole market's count is; a rate of it by its listings' own."""
_SCOPES = ("listing", "market", "channel", None)
RuleParams = sequential.Params | band.Params | trend.Params


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What share of bookings a finding is taken to cost, where the metric is no count of the funnel itself.

    At first ``1 - ratio ** power``; what the counts of ``follows``, another watch, show since the onset weighs as they
    come in, against ``prior_counts`` of what was assumed. What wears on further steps of the funnel loses by those too:
    ``also`` are the watches of their counts.
    """

    follows: str = ""
    also: tuple[str, ...] = ()
    power: float = 1.0
    prior_counts: float = 10.0


P = TypeVar(
    "P", weekday_season.Params, yearly_regression.Params, sequential.Params, band.Params, trend.Params, Budget, Loss
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One metric of every listing, looked at in one way; ``kind`` is what its findings are called.

    ``by_market`` takes the market's own movement for what the values are proportional to, beside ``exposure``;
    ``by_shared`` takes out what befell a whole channel or market; ``of_market`` looks at each market as a whole by
    ``market_params``, and finds it on each listing of the market; so does ``of_rate`` ("market" or "channel") with a
    rate, by its listings' own baselines.
    ``history_days`` is how many last days are read. ``is_relative``: its noise is a share of what is expected
    (`detectors.spread`). ``tails`` say how its statistic behaves on quiet days, the newest last; without any, theory.
    ``learnt`` is what people's verdicts changed; of each row ``allowed`` is left of its false alerts by that.
    """

    name: str
    kind: str
    metric: str
    exposure: str | None
    by_market: bool
    by_shared: bool = False
    of_market: bool
    of_rate: str | None = None
    history_days: int
    reported_metric: str
    baseline_params: weekday_season.Params
    market_params: yearly_regression.Params
    rule_params: RuleParams
    budget: Budget
    loss: Loss
    cause: str
    is_relative: bool = False
    tails: tuple[Dated, ...] = ()
    learnt: Learnt | None = None
    allowed: FloatArray | None = dataclasses.field(default=None, compare=False, repr=False)


def load_watches(path: Path = DEFAULT_PATH) -> list[Watch]:
    """Read the watches.

    Raises
    ------
    ConfigError
        Naming the watch and what is wrong with it.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path.name}: {error}") from error
    total = budgets.total_of(tables.pop("budget", {}))
    watches = _budgeted([_watch(name, table) for name, table in tables.items()], total)
    for watch in watches:
        for name in (watch.loss.follows, *watch.loss.also):
            if name not in {"", *tables}:
                raise ConfigError(f"watch {watch.name}: loss follows {name!r}, which is no watch")
    return watches


def with_budget(watches: Sequence[Watch], false_alerts: float, listings: int = 100, days: float = 7.0) -> list[Watch]:
    """Return the watches with another budget in all: so many false alerts over so many listings (0: all) and days."""
    return _budgeted(watches, Budget(false_alerts=false_alerts, listings=listings, days=days))


def _budgeted(watches: Sequence[Watch], total: Budget) -> list[Watch]:
    """Part the budget among the watches, and give each what is shipped of its statistic."""
    known = [budgets.shipped().get(watch.name) for watch in watches]
    parts = budgets.parted(total, [watch.budget for watch in watches], known)
    return [
        dataclasses.replace(
            watch, budget=part, tails=watch.tails or ((Dated(None, tails),) if part.share and tails else ())
        )
        for watch, part, tails in zip(watches, parts, known, strict=True)
    ]


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
    noise = table.get("noise", "counts")
    if noise not in ("counts", "share"):
        raise ConfigError(f"watch {name}: unknown noise {noise!r}")
    scope, baseline = table.get("scope"), table.get("baseline_params", {})
    of_rate = scope if scope in ("market", "channel") and "exposure" in table else None
    of_market = scope == "market" and of_rate is None
    for key, words in (
        ("baseline", (_BASELINE[of_market],)), ("peers", ("market", "shared", None)), ("scope", _SCOPES),
    ):  # fmt: skip
        if table.get(key) not in words:
            raise ConfigError(f"watch {name}: unknown {key} {table.get(key)!r}")
    if scope in ("market", "channel") and table.get("rule") != "sequential":
        raise ConfigError(f"watch {name}: a {scope} is judged by the sequential rule only")
    if scope == "channel" and of_rate is None:
        raise ConfigError(f"watch {name}: a channel is judged by a rate, and exposure is missing")
    return Watch(
        name=name, kind=str(table.get("kind", name)), metric=table["metric"], exposure=table.get("exposure"),
        by_market=table.get("peers") == "market", by_shared=table.get("peers") == "shared", of_market=of_market,
        of_rate=of_rate,
        history_days=_history_days(name, table), reported_metric=str(table.get("reported_metric", table["metric"])),
        baseline_params=_params(name, weekday_season.Params, {} if of_market else baseline),
        market_params=_params(name, yearly_regression.Params, baseline if of_market else {}),
        rule_params=_rule(name, table), budget=_params(name, Budget, table.get("budget", {})),
        loss=_loss(name, table.get("loss", {})), cause=str(table.get("cause", "unknown")),
        is_relative=noise == "share",
    )  # fmt: skip


def _history_days(name: str, table: Mapping[str, Any]) -> int:
    """Read how far back a watch looks."""
    given = table.get("history_days", 400)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise ConfigError(f"watch {name}: history_days must be a whole number of days")
    return given


def _rule(name: str, table: Mapping[str, Any]) -> RuleParams:
    """Return the settings of the rule that the watch names, turned the way it looks."""
    rule, given, direction = table.get("rule"), table.get("rule_params", {}), table.get("direction", "down")
    if direction not in ("down", "up") or (direction == "up" and rule == "sequential"):
        raise ConfigError(f"watch {name}: direction {direction!r} is not supported by its rule")
    rises = direction == "up"
    if rule == "sequential":
        return _params(name, sequential.Params, given)
    if rule == "band":
        return dataclasses.replace(_params(name, band.Params, given), rises=rises)
    if rule == "trend":
        return dataclasses.replace(_params(name, trend.Params, given), rises=rises)
    raise ConfigError(f"watch {name}: unknown rule {rule!r}")


def _loss(name: str, given: Mapping[str, Any]) -> Loss:
    """Read how a finding's loss is told."""
    numbers = {key: value for key, value in given.items() if key not in ("follows", "also")}
    also = given.get("also", [])
    if not isinstance(also, list):
        raise ConfigError(f"watch {name}: also must be a list of watches")
    loss = _params(name, Loss, numbers)
    return dataclasses.replace(loss, follows=str(given.get("follows", "")), also=tuple(map(str, also)))


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
