"""Learn the shipped tails from quiet worlds and write them: ``python -m bench._tails [SEED ...]`` (1100 to 1123).

First the statistic's quantiles by volume; then, with these, the watches run with the shipped budget and larger ones,
and how many alarms begin for each point allowed is each watch's clustering.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import fields, replace

import numpy as np

from bench import _quiet
from detectors import calibrate
from detectors.calibrate import Tails
from detectors.series import Forecast
from python_nodes.domain.metrics import FloatArray
from python_nodes.scoring import budget, cuts, own_tails
from python_nodes.scoring.watches import Watch, load_watches

SEEDS = range(1100, 1124)
EDGES: dict[str, tuple[float, ...]] = {
    "conversion_drop": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
    "demand_drop": (4.0, 8.0),
    "ctr_drop": (10.0, 30.0, 100.0, 300.0, 1000.0),
}
BUDGETS = (0.1, 0.5)
GUESS = 0.3
LEAST_CLUSTERING = 0.005
"""What a rule asks for besides its cut may leave next to no alarm; that is not to be relied on for more than this."""
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


def clustered(worlds: list[_quiet.Quiet], watches: list[Watch], tails: dict[str, Tails]) -> dict[str, float]:
    """Return how many alarms begin for each point above the cut that was allowed."""
    begun: dict[str, float] = defaultdict(float)
    allowed: dict[str, float] = defaultdict(float)
    guess = {name: replace(one, clustering=GUESS) for name, one in tails.items()}
    ready = [replace(one, tails=(budget.Dated(None, guess[one.name]),)) for one in watches]
    for world in worlds:
        for asked in BUDGETS:
            total = budget.Budget(false_alerts=asked, listings=100, days=7.0)
            parts = budget.parted(total, [one.budget for one in ready])
            played = [replace(one, budget=part) for one, part in zip(ready, parts, strict=True)]
            for name, one in world.looked(played).items():
                rows = own_tails.firsts(one.watch, world.listings)
                states = one.states[rows]
                begun[name] += float((states[:, 1:] & ~states[:, :-1]).sum())
                told = Forecast(*(getattr(one.forecast, part.name)[rows] for part in fields(Forecast)))
                rates = cuts.rates(one.watch, told, states.shape[1], len(world.listings))[:, 1:]
                allowed[name] += float(np.minimum(rates / GUESS, cuts.MOST).sum())
    return {name: max((begun[name] + 0.5) / allowed[name], LEAST_CLUSTERING) for name in tails}


def main(seeds: list[int]) -> None:
    """Learn and write."""
    watches = load_watches()
    worlds = [_quiet.draw(seed) for seed in seeds]
    tails = learnt(worlds, watches)
    clustering = clustered(worlds, watches, tails)
    made = {name: budget.to_json(replace(one, clustering=clustering[name])) for name, one in sorted(tails.items())}
    budget.TAILS_PATH.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or list(SEEDS))
