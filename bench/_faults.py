"""Drawn worlds with what the sandbox does not do to a report: figures that stop, stand still or turn restless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.main_job import HISTORY_DAYS, LISTINGS, LIVE_DAYS, SCENARIO, _outages
from bench.score import BoolArray, funnel, listing_infos, watched
from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import inspect as close_up
from python_nodes.scoring import sweep
from python_nodes.scoring.look import Looked
from python_nodes.scoring.watches import load_watches
from sandbox.kinds import MARKET
from sandbox.world import DEFAULT_T0, World, build_world

SERIES = ("demand_drop", "ctr_drop", "conversion_drop", "rank_drop", "competitor_undercut")
"""The watches whose series are looked at: impressions, views, bookings, rank, competitors' price."""
SHOWS = {
    "rank_drop": {"rank_drop": "level_shift", "demand_drop": "level_shift"},
    "ctr_drop": {"ctr_drop": "level_shift"},
    "conversion_drop": {"conversion_drop": "level_shift"},
    "competitor_undercut": {"competitor_undercut": "level_shift"},
    "slow_decline": {"demand_drop": "slow_decline", "rank_drop": "slow_decline"},
}
"""By kind of incident, on which watch's series it shows directly and as what change."""
FAULTED = {"demand_drop": "search_impressions", "ctr_drop": "listing_views", "rank_drop": "search_rank"}
FAULTS = ("missing", "flat_line", "variance")
FAULTS_EACH, FAULT_DAYS, LEAST_MEAN = 6, 12, 20.0
GRACE_DAYS = 7


@dataclass(frozen=True)
class Change:
    """One true change of one series: live days from and to, both inclusive; ``oracle`` sees its incident."""

    watch: str
    row: int
    kind: str
    first_day: int
    last_day: int
    is_seen: bool = True


@dataclass(frozen=True)
class Played:
    """A world as the watches see it, what truly changed, and which listings' days are of other troubles."""

    looked: Mapping[str, Looked]
    listings: Sequence[ListingInfo]
    groups: NDArray[np.int64]
    changes: Sequence[Change]
    clouded: BoolArray


def play(seed: int, scenario: Path | None = SCENARIO, keep_in: Path | None = None) -> Played:
    """Draw a world, spoil some of its figures, and run the watches once over all of its days."""
    world = build_world(seed, LISTINGS, HISTORY_DAYS, LIVE_DAYS, DEFAULT_T0, scenario, keep_in=keep_in)
    told = {**funnel(world), **watched(world)}
    changes, clouded = _shown(world)
    values, faults = _spoiled(told, world, np.random.default_rng(seed))
    days = np.datetime64(world.first, "D") + np.arange(HISTORY_DAYS + LIVE_DAYS)
    matrix = MetricMatrix(np.arange(LISTINGS, dtype=np.int64), days, values)
    watches = [
        replace(
            one, rule_params=replace(one.rule_params, scan_days=LIVE_DAYS), history_days=one.history_days + LIVE_DAYS
        )
        for one in load_watches()
        if one.name in {*SERIES, *close_up.SLOW.values()}
    ]
    listings = listing_infos(world)
    looked, _ = sweep.look_all(watches, matrix, listings, None, world.t0 + timedelta(days=LIVE_DAYS), _outages(world))
    groups = np.unique([one.market for one in listings], return_inverse=True)[1].astype(np.int64)
    return Played(looked, listings, groups, [*changes, *faults], clouded)


def _shown(world: World) -> tuple[list[Change], BoolArray]:
    """Return the changes that incidents make, and the days on which a listing has any trouble or its after-effects."""
    changes = []
    clouded = np.zeros((LISTINGS, LIVE_DAYS), dtype=np.bool_)
    for item, outcome in zip(world.placed, world.outcomes, strict=True):
        if item.is_control:
            continue
        clouded[list(item.listings), item.first_day : item.last_day + 1 + GRACE_DAYS] = True
        changes += [
            Change(watch, row, kind, item.first_day, min(item.last_day, LIVE_DAYS - 1), outcome.oracle_day is not None)
            for watch, kind in SHOWS.get(item.kind, {}).items()
            for row in item.listings
        ]
    return changes, clouded


def _spoiled(
    told: Mapping[str, FloatArray], world: World, draw: np.random.Generator
) -> tuple[dict[str, FloatArray], list[Change]]:
    """Spoil figures of listings that have no other trouble, one fault a listing."""
    values = {name: array.copy() for name, array in told.items()}
    troubled = {row for item in world.placed if item.scope != MARKET for row in item.listings}
    busy = told["listing_views"][:, -LIVE_DAYS - 28 : -LIVE_DAYS].mean(axis=1) >= LEAST_MEAN
    free = draw.permutation([row for row in np.flatnonzero(busy).tolist() if row not in troubled])
    changes = []
    plan = [(watch, fault) for watch in FAULTED for fault in FAULTS for _ in range(FAULTS_EACH)]
    for row, (watch, fault) in zip(free.tolist(), plan, strict=False):
        first = int(draw.integers(2, LIVE_DAYS - FAULT_DAYS - GRACE_DAYS))
        series = values[FAULTED[watch]][row]
        part = slice(HISTORY_DAYS + first, HISTORY_DAYS + first + FAULT_DAYS)
        if fault == "missing":
            series[part] = np.nan
        elif fault == "flat_line":
            series[part] = series[HISTORY_DAYS + first - 1]
        else:
            usual = series[HISTORY_DAYS + first - 28 : HISTORY_DAYS + first].mean()
            series[part] = np.maximum(np.round(usual + 3.0 * (series[part] - usual)), 1.0)
        changes.append(Change(watch, row, fault, first, first + FAULT_DAYS - 1))
    return values, changes
