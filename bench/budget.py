"""False alerts asked for against those that come, on worlds in which nothing happens; and what p-values are worth.

The seeds here judge; the shipped tails were learnt on 1100 to 1123 (bench/_tails.py). "Own" cuts are those that a
tenant of the world would have: shipped ones fitted to the 90 days before. An alert is what a person would get: findings
of one listing that explain one another are one, and so is a market's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench import _quiet
from bench.score import row_of
from detectors import calibrate
from python_nodes.scoring import own_tails
from python_nodes.scoring.budget import Dated
from python_nodes.scoring.look import Looked
from python_nodes.scoring.watches import Watch, load_watches, with_budget

SEEDS = range(2100, 2116)
SHIPPED = 0.045
BUDGETS = (SHIPPED, 0.3, 1.0)
LEVELS = (0.1, 0.01, 0.001, 0.0001)
NEAR = 0.25
OWN = "own"


class Count:
    """Alerts of each world at one budget, in all and by watch."""

    def __init__(self) -> None:
        self.alerts: list[int] = []
        self.asked: list[float] = []
        self.by_watch: dict[str, int] = defaultdict(int)

    def add(self, world: _quiet.Quiet, watches: Sequence[Watch]) -> dict[str, Looked]:
        """Play a world, and return what each watch said."""
        looked = world.looked(watches)
        self.alerts.append(own_tails.begun(looked, world.listings))
        for name, one in looked.items():
            states = one.states[own_tails.firsts(one.watch, world.listings)]
            self.by_watch[name] += int((states[:, 1:] & ~states[:, :-1]).sum())
        weeks = (_quiet.LIVE_DAYS - 1) / 7.0 * len(world.listings) / 100.0
        self.asked.append(weeks * 100.0 * sum(one.budget.false_alerts / one.budget.listings for one in watches))
        return looked

    def reached(self) -> float:
        """Return alerts ÷ those asked for."""
        return sum(self.alerts) / sum(self.asked)

    def interval(self) -> tuple[float, float]:
        """Return the ratio's 95 % interval; worlds, not alerts, are what is independent."""
        mean = self.reached()
        error = 1.96 * float(np.std(self.alerts, ddof=1)) * len(self.alerts) ** 0.5 / sum(self.asked)
        return max(mean - error, 0.0), mean + error


def own(world: _quiet.Quiet, watches: Sequence[Watch]) -> list[Watch]:
    """Return the watches with the cuts learnt from the world's own days before the judged ones."""
    learnt = own_tails.learn(watches, world.matrix, world.listings, world.start).tails
    return [
        replace(one, tails=(*one.tails, Dated(world.start, learnt[one.name]))) if one.name in learnt else one
        for one in watches
    ]


def _none() -> list[float]:
    return [0.0] * len(LEVELS)


class Words:
    """How many quiet points were under each p-value, by watch and volume."""

    def __init__(self) -> None:
        self.under: dict[tuple[str, int], list[float]] = defaultdict(_none)
        self.points: dict[tuple[str, int], int] = defaultdict(int)

    def add(self, world: _quiet.Quiet, looked: Mapping[str, Looked]) -> None:
        """Judge each watch's statistic of every day."""
        for name, one in looked.items():
            if not one.watch.tails:
                continue
            rows, tails = own_tails.firsts(one.watch, world.listings), one.watch.tails[0].tails
            statistic, segment = one.statistic[rows], calibrate.segments(tails, one.information[rows])
            p_values = calibrate.p_values(tails, segment, statistic)
            for part in range(tails.values.shape[0]):
                chosen = p_values[(segment == part) & (statistic > -1e3)]
                self.points[name, part] += chosen.size
                for at, level in enumerate(LEVELS):
                    self.under[name, part][at] += float((chosen <= level).sum())

    def rows(self) -> list[dict[str, Any]]:
        """Return a row a watch and level, and one a volume segment at 0.001."""
        found = []
        for name in sorted({name for name, _ in self.points}):
            parts = sorted(part for one, part in self.points if one == name and self.points[name, part])
            total = sum(self.points[name, part] for part in parts)
            for at, level in enumerate(LEVELS):
                share = sum(self.under[name, part][at] for part in parts) / max(total, 1)
                found.append(row_of(f"{name}: p ≤ {level:g} of quiet points", share, "share", "asked", level, None))
            at = LEVELS.index(0.001)
            for part in parts if len(parts) > 1 else ():
                share = self.under[name, part][at] / self.points[name, part]
                found.append(row_of(f"{name}: p ≤ 0.001, volume {part + 1}", share, "share", "asked", 0.001, None))
        return found


@dataclass
class Played:
    """What came of some worlds: counts by the budget asked for, and by cuts of the tenant's own; and p-values."""

    counts: dict[str, Count]
    words: Words

    def add(self, other: Played) -> None:
        """Take another's worlds in."""
        for name, count in other.counts.items():
            mine = self.counts[name]
            mine.alerts += count.alerts
            mine.asked += count.asked
            for watch, number in count.by_watch.items():
                mine.by_watch[watch] += number
        for key, points in other.words.points.items():
            self.words.points[key] += points
            self.words.under[key] = [a + b for a, b in zip(self.words.under[key], other.words.under[key], strict=True)]


def play(seeds: Sequence[int]) -> Played:
    """Play the seeds at each budget by shipped cuts, and at the largest by own ones."""
    watches = load_watches()
    counts: dict[str, Count] = {f"{one:g}": Count() for one in BUDGETS} | {OWN: Count()}
    words = Words()
    for seed in seeds:
        world = _quiet.draw(seed)
        told = [counts[f"{asked:g}"].add(world, with_budget(watches, asked)) for asked in BUDGETS]
        words.add(world, told[0])
        counts[OWN].add(world, own(world, with_budget(watches, BUDGETS[-1])))
    return Played(counts, words)


def rows_of(played: Played) -> list[dict[str, Any]]:
    """Tell asked against reached, by watch, and what p-values were worth."""
    rows = []
    for asked, count in played.counts.items():
        low, high = count.interval()
        name = f"{asked} a week per 100 listings" if asked != OWN else f"{BUDGETS[-1]:g}, cuts learnt by the tenant"
        text = f"{name}: alerts, {sum(count.asked):.0f} asked for; reached {low:.2f} to {high:.2f} of it"
        one = row_of(text, float(sum(count.alerts)), "alerts", "asked", sum(count.asked), None)
        rows.append(one | {"goal": "±25 %", "holds": abs(count.reached() - 1.0) <= NEAR, "low": low, "high": high})
    largest = played.counts[f"{BUDGETS[-1]:g}"]
    rows += [
        row_of(f"at {BUDGETS[-1]:g}: {name}", float(number), "alerts", None, None, None)
        for name, number in largest.by_watch.items()
    ]
    return rows + played.words.rows()


def run() -> list[dict[str, Any]]:
    """Play the judging seeds on two cores."""
    with ProcessPoolExecutor(2) as pool:
        first, second = pool.map(play, (SEEDS[::2], SEEDS[1::2]))
    first.add(second)
    return rows_of(first)
