"""Losses told beside true losses, over incidents of every kind: how far off, and how often the interval holds.

Meant is the loss of the whole incident, as the alert tells it at noon of the incident's last day:
``lost_so_far_minor``, that day included, beside ``true_loss_minor`` of the sandbox's twin world; of an incident on
several listings of a unit or market, their alert's sum. Judged are those with a true loss of more than 50 US dollars
that a guard or watch tells on that day; how many it does not tell stands beside. Of several findings on a listing the
guard's counts, else the costliest.

Seeds 3200 to 3209 judge and nothing was chosen on them. Doubts, their parts and sums, and the guards' shares of nights
for sale were chosen on 3000 to 3007, and widened after a look at 3100 to 3105, which had been meant to judge (0.75
held).
What incidents there are (`_money.SIZES`) was drawn up before any was looked at.

NIGHTPORTER_MONEY_SEEDS chooses seeds (``3200-3204``). A world's result is kept under the temporary folder until the
sources change, so that a run that was stopped goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bench import _money
from bench.scenarios import seeds_of
from bench.score import row_of
from python_nodes.alerts import impact
from python_nodes.alerts.impact import ImpactSettings
from python_nodes.domain.findings import Anomaly, Impact
from sandbox.calendar import fx_rates
from sandbox.incidents import Incident

SEEDS = "3200-3209"
LEAST_USD = 50.0
ERROR_GOAL, HELD_GOAL = 0.25, (0.75, 0.85)
ROOT = Path(__file__).parent.parent


def judge(seed: int) -> list[dict[str, Any]]:
    """Return what was told of each incident of one world beside what it cost."""
    world = _money.world_of(seed)
    settings = ImpactSettings(usd_rate=1.0 / fx_rates()["USD"])
    return [
        {"seed": seed, "kind": item.kind, "scope": item.scope, "true": true,
         "weekly": float(world.portfolio.weekly_bookings[list(item.listings)].sum()), **_told(wave, item, settings)}
        for wave in _money.waves(world) for item, true in wave.incidents
    ]  # fmt: skip


def _told(wave: _money.Wave, item: Incident, settings: ImpactSettings) -> dict[str, Any]:
    """Return the amounts of the alert on an incident; None of each where there is none."""
    members = [cost for row in item.listings if (cost := _of_listing(wave, row, item, settings)) is not None]
    if not members:
        return {"told": None, "low": None, "high": None}
    cost = impact.combine(members, settings) if len(members) > 1 else members[0]
    return {"told": cost.lost_so_far_minor, "low": cost.parts["lost_so_far_low_minor"],
            "high": cost.parts["lost_so_far_high_minor"]}  # fmt: skip


def _of_listing(wave: _money.Wave, row: int, item: Incident, settings: ImpactSettings) -> Impact | None:
    found = [one for one in wave.found.get(row, ()) if one.kind.startswith("market_") == (item.scope == "market")]
    by_guard: list[Anomaly] = [one for one in found if one.p_value is None]
    costs = impact.assess(by_guard or found, wave.worth, wave.listings, wave.day, settings)
    return max(costs, key=lambda cost: cost.lost_so_far_minor, default=None)


def kept_in() -> Path:
    """Return where this state of the sources keeps its results."""
    folders = ("detectors", "python_nodes/scoring", "python_nodes/guards", "python_nodes/alerts", "sandbox")
    sources = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    sources += [ROOT / "python_nodes/watches.toml", *sorted((ROOT / "bench").glob("_[ms]*.py")), Path(__file__)]
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    return Path(os.environ.get("NIGHTPORTER_MONEY_KEPT", Path(tempfile.gettempdir()) / "nightporter-money" / made_of))


def results(seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Judge each seed, or read what was judged before."""
    folder, found = kept_in(), []
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        path = folder / f"{seed}.json"
        if not path.is_file():
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(judge(seed)), encoding="utf-8")
            part.replace(path)
        found += json.loads(path.read_text(encoding="utf-8"))
        Console(stderr=True).print(f"money: seed {seed} done")
    return found


def figures(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the worlds together."""
    least = LEAST_USD * 100.0 / fx_rates()["USD"]
    large = [one for one in found if one["true"] > least]
    told = [one for one in large if one["told"]]
    error, held = _error(told), _held(told)
    rows = [
        row_of(f"median absolute error of {len(told)} losses over 50 USD", error, "share", None, None, ERROR_GOAL,
               at_most=True),
        row_of("held by their 80 % interval, at least 0.75", held, "share", None, None, HELD_GOAL[0]),
        row_of("held by their 80 % interval, at most 0.85", held, "share", None, None, HELD_GOAL[1], at_most=True),
        row_of("incidents judged, at least 1,000", float(len(told)), "incidents", None, None, 1000.0),
        row_of("told ÷ true, median", float(np.median([one["told"] / one["true"] for one in told])), "ratio", None,
               None, None),
        row_of("told ÷ true, of the sums", sum(one["told"] for one in told) / sum(one["true"] for one in told),
               "ratio", None, None, None),
        row_of("incidents over 50 USD that nothing tells on their last day", float(len(large) - len(told)),
               "incidents", None, None, None),
    ]  # fmt: skip
    for name in ("kind", "scope"):
        for value in sorted({one[name] for one in told}):
            rows.append(_part(value, [one for one in told if one[name] == value]))
    edges = (("under 1 booking a week", 0.0, 1.0), ("1 to 7 a week", 1.0, 7.0), ("over 7 a week", 7.0, np.inf))
    return rows + [_part(name, [one for one in told if low <= one["weekly"] < high]) for name, low, high in edges]


def _part(name: str, some: Sequence[dict[str, Any]]) -> dict[str, Any]:
    ratio = float(np.median([one["told"] / one["true"] for one in some])) if some else float("nan")
    words = f"{name}: median error of {len(some)}; told ÷ true {ratio:.2f}, held {_held(some):.2f}"
    return row_of(words, _error(some), "share", None, None, None)


def _error(some: Sequence[dict[str, Any]]) -> float:
    return float(np.median([abs(one["told"] / one["true"] - 1.0) for one in some])) if some else float("nan")


def _held(some: Sequence[dict[str, Any]]) -> float:
    return float(np.mean([one["low"] <= one["true"] <= one["high"] for one in some])) if some else float("nan")


def run() -> list[dict[str, Any]]:
    """Play the judging seeds and tell what was reached."""
    return figures(results(seeds_of(os.environ.get("NIGHTPORTER_MONEY_SEEDS", SEEDS))))
