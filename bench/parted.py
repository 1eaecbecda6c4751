"""What parting a portfolio changes: alerts of shards beside those of one undivided pool, on drawn worlds, no servers.

Shards far smaller than the shipped ones, so that what there is to see is seen: with 5,000 listings a shard learns its
week, holidays and spread from ten and more times as many series. Each world has 500 listings, 60 live days and 40
incidents of the kinds that only watches tell (`bench.scenarios`); an alert is true on a listing, market or channel that
has an incident from its start to three days after its end. NIGHTPORTER_PARTED_SEEDS chooses other worlds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np

from bench import _incidents, scenarios
from bench.score import funnel, listing_infos, row_of, watched
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import peers, replay, shards
from python_nodes.scoring.watches import load_watches
from sandbox.incidents import Incident
from sandbox.world import World

SEEDS = "2500,2501"
MOSTS = (250, 125)
WHOLE = "undivided"
Alert = tuple[int, str, str, int]
"""Seed, kind, place (a listing's number, or a market's or channel's name), live day on which it is new."""


@dataclass
class Told:
    """What one way of judging told over all worlds: alerts, which of them are false, and which incidents are told."""

    alerts: set[Alert] = field(default_factory=set)
    false: set[Alert] = field(default_factory=set)
    incidents: set[tuple[int, str]] = field(default_factory=set)


class Drawn:
    """A world as a sweep sees it, with the days that an outage told by guards puts in doubt."""

    def __init__(self, seed: int) -> None:
        self.world: World = scenarios.world_of(seed)
        self.listings = listing_infos(self.world)
        values = {**funnel(self.world), **watched(self.world)}
        days = np.datetime64(self.world.first, "D") + np.arange(self.world.history_days + self.world.live_days)
        self.matrix = MetricMatrix(np.arange(len(self.listings), dtype=np.int64), days, values)
        self.down = np.zeros(self.world.counts.views.shape, dtype=np.bool_)
        for item in self._outages():
            first, last = self.world.history_days + item.first_day, self.world.history_days + item.last_day
            self.down[list(item.listings), first : last + 2] = True
        self.near: peers.Near = scenarios.peers_of(self.world, values)

    def _outages(self) -> Iterable[Incident]:
        return (item for item in self.world.placed if item.kind in _incidents.OUTAGES)

    def told(self, part: Sequence[ListingInfo]) -> replay.Replay:
        """Let the watches speak on every live day of listings that are judged together."""
        rows = np.array([one.listing_id for one in part])
        values = {name: of[rows] for name, of in self.matrix.values.items()}
        own = MetricMatrix(self.matrix.listing_ids[rows], self.matrix.days, values)
        until = self.world.t0 + timedelta(days=self.world.live_days - 1)
        return replay.run(load_watches(), own, part, self.world.t0, until, unfit=self.down[rows], near=self.near)

    def judge(self, parts: Sequence[Sequence[ListingInfo]], into: Told) -> None:
        """Take in what the parts tell; one alert of a channel, however many parts tell it."""
        seed, ends = self.world.seed, scenarios.GRACE_DAYS
        told_of = [item for item in self.world.placed if not item.is_control]
        for one in (raised for part in parts for raised in replay.alerts(self.told(part))):
            day = (one.raised_date - self.world.t0).days
            alert = (seed, one.kind, one.place or str(one.listing_ids[0]), day)
            near = [
                item for item in told_of
                if item.first_day <= day <= item.last_day + ends and set(item.listings) & set(one.listing_ids)
            ]  # fmt: skip
            # A market that lost some of one listing's bookings has not fallen.
            fitting = [item for item in near if (item.scope == "market") == (one.scope != "listing")]
            into.alerts.add(alert)
            into.incidents |= {(seed, item.incident_id) for item in fitting if not item.is_direct}
            if not fitting:
                into.false.add(alert)


def played(seeds: Sequence[int]) -> dict[str, Told]:
    """Judge each world whole and in shards."""
    told = {WHOLE: Told()} | {f"shards of {most}": Told() for most in MOSTS}
    for seed in seeds:
        drawn = Drawn(seed)
        drawn.judge([drawn.listings], told[WHOLE])
        for most in MOSTS:
            drawn.judge(shards.plan(drawn.listings, most), told[f"shards of {most}"])
    return told


def _near(alert: Alert, among: set[Alert]) -> bool:
    """Whether the same is told within the days in which an incident's alert counts."""
    return any(alert[:3] == one[:3] and abs(alert[3] - one[3]) <= scenarios.GRACE_DAYS for one in among)


def run() -> list[dict[str, Any]]:
    """Put alerts, incidents and false alerts of each way beside the undivided one's."""
    seeds = scenarios.seeds_of(os.environ.get("NIGHTPORTER_PARTED_SEEDS", SEEDS))
    told = played(seeds)
    whole, rows = told[WHOLE], []
    for name, one in told.items():
        for what, count, of_whole in (
            ("alerts", len(one.alerts), len(whole.alerts)),
            ("incidents told", len(one.incidents), len(whole.incidents)),
            ("false alerts", len(one.false), len(whole.false)),
        ):
            rows.append(row_of(f"{name}: {what}", count, "", WHOLE, of_whole, None))
        if one is not whole:
            lost = [alert for alert in whole.alerts if not _near(alert, one.alerts)]
            new = [alert for alert in one.alerts if not _near(alert, whole.alerts)]
            kinds = ", ".join(
                f"{kind} {sum(a[1] == kind for a in [*lost, *new])}" for kind in sorted({a[1] for a in [*lost, *new]})
            )
            rows += [
                row_of(
                    f"{name}: alerts of the undivided not within three days",
                    len(lost),
                    "",
                    WHOLE,
                    len(whole.alerts),
                    None,
                ),
                row_of(f"{name}: alerts besides ({kinds} either way)", len(new), "", WHOLE, len(whole.alerts), None),
                row_of(
                    f"{name}: incidents no longer told",
                    len(whole.incidents - one.incidents),
                    "",
                    WHOLE,
                    len(whole.incidents),
                    None,
                ),
            ]
    return rows
