"""Learn the shipped tails from quiet worlds and write them: ``python -m bench._tails [SEED ...]`` (1100 to 1123).

``--only WATCH`` learns one watch's anew and leaves the others' as they are.

First the statistic's quantiles by volume. Then the watches run with these and a budget larger than the shipped one: how
many alarms begin for each point allowed is a watch's clustering; what part of those allowed comes, what it spends.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import fields, replace

import numpy as np

from bench import _quiet
from detectors import calibrate
from detectors.calibrate import Tails
from detectors.rules import sequential
from detectors.series import Forecast
from python_nodes.domain.metrics import FloatArray
from python_nodes.scoring import budget, cuts, own_tails
from python_nodes.scoring.watches import Watch, load_watches

SEEDS = range(1100, 1124)
EDGES: dict[str, tuple[float, ...]] = {
    "conversion_drop": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
    "demand_drop": (4.0, 8.0),
    "ctr_drop": (10.0, 30.0, 100.0, 300.0, 1000.0),
    "conversion_silence": (0.03, 0.06, 0.2, 0.6),
}
ASKED = 0.3
COUNTED, GATED = 0.3, 0.01
"""A first guess at the clustering: of the sequential rule, and of rules that ask for more than their cut. The latter's
is no less than this, since what hardly ever comes is not to be relied on for more."""
LEAST_SPENT = 0.02
Points = dict[str, list[FloatArray]]


def learnt(worlds: list[_quiet.Quiet], watches: list[Watch]) -> dict[str, Tails]:
    """Return each watch's tails, a clustering of 1 for now."""
    statistic: Points = defaultdict(list)
    information: Points = defaultdict(list)
    for world in worlds:
        for name, one in world.looked(watches).items():
            rows = own_tails.firsts(one.watch, world.listings)
            statistic[name].append(np.asarray(one.statistic[rows].ravel(), dtype=np.float32))
            information[name].append(np.asarray(one.information[rows].ravel(), dtype=np.float32))
    found = {}
    for name, parts in statistic.items():
        edges = np.array(EDGES.get(name, ()), dtype=np.float64)
        points, told = np.concatenate(parts).astype(np.float64), np.concatenate(information[name]).astype(np.float64)
        found[name] = calibrate.learn(np.where(points > -1e3, points, np.nan), told, edges, 1.0)
    return found


def clustered(worlds: list[_quiet.Quiet], watches: list[Watch], tails: dict[str, Tails]) -> dict[str, Tails]:
    """Add how many alarms begin for each point above the cut, and what part of those allowed comes at all.

    Told at a budget larger than the shipped one. The sequential rule asks for nothing but its cut, so clustering makes
    it spend what it is allowed; unless nothing comes, since its cut does not go under `cuts.LEAST_EVIDENCE`.
    """
    gated = {one.name for one in watches if not isinstance(one.rule_params, sequential.Params)}
    guessed = {name: replace(one, clustering=GATED if name in gated else COUNTED) for name, one in tails.items()}
    result = {}
    for name, (begun, above) in _played(worlds, watches, guessed).items():
        clustering = max((begun + 0.5) / above, GATED if name in gated else 0.0)
        spends = begun / above / clustering
        result[name] = replace(guessed[name], clustering=clustering, spends=float(np.clip(spends, LEAST_SPENT, 1.0)))
    return result


def _played(worlds: list[_quiet.Quiet], watches: list[Watch], tails: dict[str, Tails]) -> dict[str, tuple[int, float]]:
    """Return by watch of ``tails`` how many alarms began and how many points above the cut were allowed."""
    total = budget.Budget(false_alerts=ASKED, listings=100, days=7.0)
    parts = budget.parted(total, [one.budget for one in watches], [None] * len(watches))
    ready = [
        replace(one, budget=part, tails=(budget.Dated(None, tails[one.name]),))
        for one, part in zip(watches, parts, strict=True) if one.name in tails
    ]  # fmt: skip
    found = dict.fromkeys(tails, (0, 0.0))
    for world in worlds:
        for name, one in world.looked(ready).items():
            rows = own_tails.firsts(one.watch, world.listings)
            states = one.states[rows]
            told = Forecast(*(getattr(one.forecast, part.name)[rows] for part in fields(Forecast)))
            rates = cuts.rates(one.watch, told, states.shape[1], len(world.listings))[:, 1:]
            begun, above = found[name]
            new = int((states[:, 1:] & ~states[:, :-1]).sum())
            found[name] = begun + new, above + float(np.minimum(rates / tails[name].clustering, cuts.MOST).sum())
    return found


def main(arguments: list[str]) -> None:
    """Learn and write."""
    parser = argparse.ArgumentParser(prog="bench._tails", description=__doc__)
    parser.add_argument("seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--only", help="this watch's alone")
    asked = parser.parse_args(arguments)
    watches = load_watches()
    worlds = [_quiet.draw(seed) for seed in asked.seeds]
    tails = learnt(worlds, [one for one in watches if asked.only in (None, one.name)])
    made = {name: budget.to_json(one) for name, one in clustered(worlds, watches, tails).items()}
    kept = {} if asked.only is None else {name: budget.to_json(one) for name, one in budget.shipped().items()}
    told = dict(sorted({**kept, **made}.items()))
    budget.TAILS_PATH.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
