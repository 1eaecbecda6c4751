"""Listings that book about once a week: silent for a week, and silent for a quarter while people go on looking.

Quiet worlds of the sandbox (`_quiet`); of a quarter of the listings that booked half a time to six times a week nothing
is booked on the last 90 days, or on the last week of them. The seeds here judge; the watch was chosen on 1130 to 1135.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from bench import _quiet
from bench.score import BoolArray, row_of
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring.watches import load_watches

SEEDS = range(2130, 2142)
BOOKINGS, KIND, BEFORE = "booking_velocity", "conversion_drop", "conversion_drop"
EDGES = (0.5, 0.8, 1.25, 2.0, 3.0, 6.0)
"""Bookings a week."""
SHARE, WEEK_DAYS = 4, 7


@dataclass(frozen=True)
class Silent:
    """Of the chosen listings: bookings a week before, and the first day told, -1 for never, by watch and all."""

    weekly: FloatArray
    told: IntArray
    told_before: IntArray
    week: BoolArray
    quiet: BoolArray


def _first(states: BoolArray) -> IntArray:
    return np.where(states.any(axis=1), np.argmax(states, axis=1), -1).astype(np.int64)


def judge(seed: int) -> Silent:
    """Silence some listings of a world, for a quarter and for a week."""
    world = _quiet.draw(seed)
    watches = [one for one in load_watches() if one.kind == KIND]
    booked = world.matrix.values[BOOKINGS]
    usual = np.nanmean(booked[:, : -_quiet.LIVE_DAYS], axis=1) * WEEK_DAYS
    able = np.flatnonzero((usual >= EDGES[0]) & (usual < EDGES[-1]))
    rows = np.random.default_rng(seed).choice(able, len(able) // SHARE, replace=False)

    def states(days: int) -> dict[str, BoolArray]:
        values = booked.copy()
        values[rows, values.shape[1] - days :] = 0.0
        matrix = replace(world.matrix, values={**world.matrix.values, BOOKINGS: values})
        looked = replace(world, matrix=matrix).looked(watches)
        return {name: one.states[rows] for name, one in looked.items()}

    quarter, week, quiet = states(_quiet.LIVE_DAYS), states(WEEK_DAYS), states(0)
    joined = [np.logical_or.reduce(list(one.values())) for one in (quarter, week, quiet)]
    return Silent(
        usual[rows], _first(joined[0]), _first(quarter[BEFORE]), joined[1][:, -WEEK_DAYS:].any(axis=1),
        joined[2].any(axis=1),
    )  # fmt: skip


def rows_of(found: Sequence[Silent]) -> list[dict[str, Any]]:
    """Tell by bookings a week how many of the silent were told, and when."""
    weekly, told, before = (
        np.concatenate([getattr(one, name) for one in found]) for name in ("weekly", "told", "told_before")
    )
    rows = []
    for low, high in pairwise(EDGES):
        here = (weekly >= low) & (weekly < high)
        days = np.sort(np.where(told[here] < 0, np.inf, told[here] + 1.0))
        middle = days[(len(days) - 1) // 2] if len(days) else np.inf
        words = f"{low:g} to {high:g} bookings a week, silent for 90 days: told of {int(here.sum())}"
        words += f", median day {middle:.0f}" if np.isfinite(middle) else ", most never"
        rows.append(row_of(words, float((told[here] >= 0).mean()), "share", "by conversion_drop alone",
                           float((before[here] >= 0).mean()), None))  # fmt: skip
    for name, what in (("week", "silent for a week: told"), ("quiet", "as they are, 90 days: told")):
        flags = np.concatenate([getattr(one, name) for one in found])
        rows.append(row_of(f"the same {flags.size}, {what}", float(flags.sum()), "listings", None, None, None))
    return rows


def run() -> list[dict[str, Any]]:
    """Judge all seeds."""
    return rows_of([judge(seed) for seed in SEEDS])
