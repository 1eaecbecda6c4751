"""How watches' statistics behave on a tenant's own quiet days, and what the budget asked for and brought lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from detectors import calibrate
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import sweep
from python_nodes.scoring.causes import EXPLAINS
from python_nodes.scoring.look import Looked
from python_nodes.scoring.watches import Watch

REPLAY_DAYS = 90
MOST_LISTINGS = 1_000
"""So many listings tell the quantiles of all; more would only cost."""
STRENGTH = 5_000.0
"""Points that the shipped tails weigh as: neighbouring days share most of their windows, so a point is no full one."""
CLEAR = 1e-5
"""An alarm that reached this p-value by the shipped tails is taken for an incident. Leaving out all alarms, the false
ones among them, would make the past look quieter than chance is."""
MIN_DAYS = 120
"""A series known for less is still learning its level; its days say more about that than about chance."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """Tails by watch, and of the replayed days: ``asked`` false alerts expected, ``alerts`` that began in all."""

    tails: Mapping[str, calibrate.Tails]
    asked: float
    alerts: int

    @property
    def false_discovery_rate(self) -> float | None:
        """At most this share of the alerts was false, if the budget was kept; None without an alert."""
        return min(self.asked / self.alerts, 1.0) if self.alerts else None


def learn(
    watches: Sequence[Watch], matrix: MetricMatrix, listings: Sequence[ListingInfo], as_of_day: date,
    unfit: BoolArray | None = None,
) -> Learnt:  # fmt: skip
    """Replay the last days before ``as_of_day`` and learn from those that are no clear incident.

    Parameters
    ----------
    watches : sequence of Watch
        With the cuts in force.
    matrix, listings, as_of_day, unfit
        As in `sweep.score_all`.

    Returns
    -------
    Learnt
        Tails of the watches that have a share of the budget and shipped tails to begin with.
    """
    chosen = list(listings[:: -(-len(listings) // MOST_LISTINGS)]) if listings else []
    played = [replace(one, rule_params=replace(one.rule_params, scan_days=REPLAY_DAYS)) for one in watches]
    looked, known = sweep.look_all(played, matrix, chosen, None, as_of_day, unfit)
    tails = {}
    for name, one in looked.items():
        if one.watch.tails:
            rows = firsts(one.watch, known)
            told = np.isfinite(one.batch.values[rows]).sum(axis=1) >= MIN_DAYS
            statistic, information = one.statistic[rows], one.information[rows]
            shipped = one.watch.tails[0].tails
            p_values = calibrate.p_values(shipped, calibrate.segments(shipped, information), statistic)
            calm = told[:, None] & ~_incidents(one.states[rows], p_values) & (statistic != 0.0)
            tails[name] = calibrate.adjusted(shipped, statistic.ravel(), information.ravel(), calm.ravel(), STRENGTH)
    days = max((one.states.shape[1] for one in looked.values()), default=0)
    parts = [one.budget for one in watches if one.budget.share and one.name in looked]
    # The alerts counted are those of the listings replayed, so of a whole tenant's budget only their part is asked.
    asked = sum(one.false_alerts * days / one.days / (one.listings or len(listings)) for one in parts) * len(known)
    return Learnt(tails, float(asked), begun(looked, known))


def _incidents(states: BoolArray, p_values: FloatArray) -> BoolArray:
    """Return the days of alarms too clear to be chance; those that may be belong to what is learnt."""
    before = np.concatenate([np.zeros((states.shape[0], 1), dtype=np.bool_), states[:, :-1]], axis=1)
    # Each alarm gets a number; 0 is none.
    alarm = np.cumsum((states & ~before).ravel()).reshape(states.shape) * states
    clear = np.zeros(int(alarm.max(initial=0)) + 1, dtype=np.bool_)
    clear[alarm[p_values <= CLEAR]] = True
    clear[0] = False
    return np.asarray(clear[alarm], dtype=np.bool_)


def firsts(watch: Watch, listings: Sequence[ListingInfo]) -> IntArray:
    """Return the rows that stand for a watch's series: every listing, or the first of each market or channel."""
    if not (watch.of_market or watch.of_rate):
        return np.arange(len(listings), dtype=np.int64)
    places = [one.channel if watch.of_rate == "channel" else one.market for one in listings]
    return np.unique(places, return_index=True)[1].astype(np.int64)


def begun(looked: Mapping[str, Looked], listings: Sequence[ListingInfo]) -> int:
    """Return how many alerts begin after the first of the scanned days, findings of one listing joined.

    As `causes.settle` joins them on each day: one a kind, without what another explains; a market's or channel's is
    one alert.
    """
    held: dict[str, BoolArray] = {}
    rows: dict[str, IntArray] = {}
    for one in looked.values():
        kind = one.watch.kind
        held[kind] = held.get(kind, np.zeros_like(one.states)) | one.states
        rows[kind] = firsts(one.watch, listings)
    total = 0
    for kind, states in held.items():
        explained = [held[other] for other, kinds in EXPLAINS.items() if kind in kinds and other in held]
        told = (states & ~np.logical_or.reduce(explained) if explained else states)[rows[kind]]
        total += int((told[:, 1:] & ~told[:, :-1]).sum())
    return total
