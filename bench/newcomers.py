"""New listings: a tenth of each world is given only its last 14 to 27 days before the live ones, and some of them fall.

The seeds here judge; settings were chosen on 1400 to 1402. Each fall lasts ten days from the fourth live day on:
bookings a view to a fifth on the busy, clicks to a half and impressions to 40 % on others. Found is a finding within
the fall or three days after it, false any other on a new listing. Held against each other: the same listings with their
whole past, new ones judged by what is theirs alone, and new ones that borrow from their peers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import peers as played
from bench.peers import HISTORY_DAYS, LISTINGS, LIVE_DAYS
from bench.score import BoolArray, funnel, row_of
from detectors.series import IntArray
from python_nodes.domain.metrics import FloatArray
from python_nodes.scoring import peers
from python_nodes.scoring.watches import Watch, load_watches
from sandbox.world import DEFAULT_T0, World, build_world

SEEDS = (2404, 2405, 2406, 2407)
NEW, EACH = 50, 9
AGES = (14, 28)
START, END, GRACE_DAYS = 3, 13, 3
BUSY_WEEKLY = 14.0
KEPT: Mapping[str, tuple[float, tuple[str, ...]]] = {
    "conversion_drop": (0.2, ("booking_velocity",)),
    "ctr_drop": (0.5, ("listing_views", "booking_velocity")),
    "demand_drop": (0.4, ("search_impressions", "listing_views", "booking_velocity")),
}
RULES = ("whole past", "own days only", "borrowing")


@dataclass
class Tally:
    """Of one rule: falls found by kind, delays, false alerts."""

    found: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    delay_days: list[int] = field(default_factory=list)
    false_alerts: int = 0

    def recall(self, kind: str) -> float:
        """Return the share found of one kind."""
        return float(np.mean(self.found[kind]))


@dataclass(frozen=True)
class Case:
    """New rows, which of them fall and how, and the reports with whole pasts and with the new ones' short ones."""

    new: IntArray
    falls: Mapping[int, str]
    whole: Mapping[str, FloatArray]
    short: Mapping[str, FloatArray]


def case(world: World) -> Case:
    """Choose who is new and who falls."""
    rng = np.random.default_rng([world.seed, 5])
    new = rng.choice(LISTINGS, NEW, replace=False)
    is_busy = world.portfolio.weekly_bookings[new] > BUSY_WEEKLY
    busy, others = new[is_busy][:EACH], np.setdiff1d(new, new[is_busy][:EACH], assume_unique=True)
    falls = dict.fromkeys(busy.tolist(), "conversion_drop")
    falls |= dict.fromkeys(others[:EACH].tolist(), "ctr_drop")
    falls |= dict.fromkeys(others[EACH : 2 * EACH].tolist(), "demand_drop")
    whole = {name: told.copy() for name, told in funnel(world).items()}
    days = slice(HISTORY_DAYS + START, HISTORY_DAYS + END)
    for row, kind in falls.items():
        kept, metrics = KEPT[kind]
        for name in metrics:
            whole[name][row, days] = rng.binomial(whole[name][row, days].astype(np.int64), kept)
    short = {name: told.copy() for name, told in whole.items()}
    for row, age in zip(new.tolist(), rng.integers(*AGES, NEW).tolist(), strict=True):
        for told in short.values():
            told[row, : HISTORY_DAYS - age] = np.nan
    return Case(new, falls, whole, short)


def add(tally: Tally, one: Case, raised: BoolArray) -> None:
    """Count what was found of the falls, and what else was raised on the new."""
    matched = np.zeros(raised.shape, dtype=np.bool_)
    for row, kind in one.falls.items():
        hits = np.flatnonzero(raised[row, START : END + GRACE_DAYS])
        tally.found[kind].append(bool(hits.size))
        tally.delay_days += hits[:1].tolist()
        matched[row, START:] = True
    tally.false_alerts += int((raised & ~matched)[one.new].sum())


def play(seed: int, tallies: Mapping[str, Tally], watches: Sequence[Watch], keep_in: Path | None = None) -> None:
    """Judge one world by each rule."""
    world = build_world(seed, LISTINGS, HISTORY_DAYS, LIVE_DAYS, DEFAULT_T0, None, keep_in=keep_in)
    one, listings = case(world), played.infos(world)
    past = {name: told[:, :HISTORY_DAYS] for name, told in one.short.items()}
    found = peers.group(listings, past, played.prices(world))
    near = peers.Near(
        {
            row: list(zip(found.near[row].tolist(), found.weight[row].tolist(), strict=True))
            for row in np.flatnonzero(found.is_new).tolist()
        },
        frozenset(),
    )
    alone = [replace(watch, baseline_params=replace(watch.baseline_params, borrow_from_days=0.0)) for watch in watches]
    for rule, values, chosen, beside in (
        (RULES[0], one.whole, watches, None), (RULES[1], one.short, alone, None), (RULES[2], one.short, watches, near),
    ):  # fmt: skip
        raised = played.states(world, values, listings, chosen, beside)
        own = [alerts for name, alerts in raised.items() if not name.startswith(played.WIDE)]
        add(tallies[rule], one, np.asarray(np.logical_or.reduce(own), dtype=np.bool_))


def run() -> list[dict[str, Any]]:
    """Play the judging seeds."""
    tallies = {rule: Tally() for rule in RULES}
    watches = played.rules(load_watches())["ours"]
    for seed in SEEDS:
        play(seed, tallies, watches)
    whole, own, lent = (tallies[rule] for rule in RULES)
    rows = []
    for kind in KEPT:
        rows.append(row_of(f"{kind} on new listings found, borrowing", lent.recall(kind), "share", "own days only",
                           own.recall(kind), None))  # fmt: skip
        rows.append(row_of(f"{kind} on the same with their whole past", whole.recall(kind), "share", None, None, None))
    per_day = 1000.0 / (len(SEEDS) * NEW * LIVE_DAYS)
    rows.append(row_of("false alerts per 1,000 days of new listings", lent.false_alerts * per_day, "alerts",
                       "own days only", own.false_alerts * per_day, None))  # fmt: skip
    rows.append(row_of("the same with their whole past", whole.false_alerts * per_day, "alerts", None, None, None))
    rows.append(row_of("median days to the alert", float(np.median(lent.delay_days)), "days", "own days only",
                       float(np.median(own.delay_days)), None))  # fmt: skip
    return rows
