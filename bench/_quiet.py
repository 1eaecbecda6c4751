"""Worlds of the sandbox in which nothing happens, as the reports, a rank tracker and a rate shopper tell them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from bench.score import funnel, listing_infos, watched
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import sweep
from python_nodes.scoring.look import Looked
from python_nodes.scoring.watches import Watch
from sandbox.world import DEFAULT_T0, build_world

LISTINGS, HISTORY_DAYS, LIVE_DAYS = 300, 400, 90
QUARTER_DAYS = 91


@dataclass(frozen=True)
class Quiet:
    """One world's matrix; the last ``LIVE_DAYS`` days, from ``start``, are judged."""

    matrix: MetricMatrix
    listings: list[ListingInfo]
    start: date

    def looked(self, watches: Sequence[Watch]) -> dict[str, Looked]:
        """Return what each watch says of each of the last days, in one pass: every watch is causal."""
        played = [
            replace(one, rule_params=replace(one.rule_params, scan_days=LIVE_DAYS),
                    history_days=one.history_days + LIVE_DAYS)
            for one in watches
        ]  # fmt: skip
        until = self.start + timedelta(days=LIVE_DAYS)
        return sweep.look_all(played, self.matrix, self.listings, None, until)[0]


def draw(seed: int) -> Quiet:
    """Draw a world without an incident; four seeds in a row begin in the four quarters of a year."""
    start = DEFAULT_T0 + timedelta(days=QUARTER_DAYS * (seed % 4))
    world = build_world(seed, LISTINGS, HISTORY_DAYS, LIVE_DAYS, start, None)
    days = np.datetime64(world.first, "D") + np.arange(HISTORY_DAYS + LIVE_DAYS)
    values = {**funnel(world), **watched(world)}
    matrix = MetricMatrix(np.arange(len(world.portfolio), dtype=np.int64), days, values)
    return Quiet(matrix, listing_infos(world), world.t0)
