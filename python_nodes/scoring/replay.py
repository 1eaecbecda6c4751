"""Every watch over days that are past, as it would have spoken on each: what a backtest and a bench judge.

One pass over all days says what a sweep a day would have said, since no watch looks ahead. Two things are taken from
the last word of the store instead of each day's own: figures that a channel corrected later, and when an outage began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import sweep
from python_nodes.scoring.causes import EXPLAINS
from python_nodes.scoring.watches import Watch

WARM_DAYS = 45
"""An alarm that began so long before the first day is known to have begun before it, as a daily sweep would know."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that the watches would have raised; ``market`` and all its listings where a whole market is meant.

    ``ended_date`` is the first day on which it no longer held, None if it held to the last.
    """

    kind: str
    listing_ids: tuple[int, ...]
    market: str | None
    raised_date: date
    ended_date: date | None


@dataclass(frozen=True, slots=True)
class Replay:
    """Where each kind's alarm held on which day, ``states[kind]`` of shape (n_listings, n_days); ``listings`` are rows.

    Column ``i`` is what was said at noon of ``start_date + i`` days; ``before[kind]`` (n_listings,) the day before.
    """

    listings: tuple[ListingInfo, ...]
    start_date: date
    states: Mapping[str, BoolArray]
    before: Mapping[str, BoolArray]
    of_market: frozenset[str]

    def new(self, kind: str) -> BoolArray:
        """Return where an alert of a kind is new, (n_listings, n_days)."""
        told = np.concatenate([self.before[kind][:, None], self.states[kind]], axis=1)
        return np.asarray(told[:, 1:] & ~told[:, :-1], dtype=np.bool_)


def run(
    watches: Sequence[Watch], matrix: MetricMatrix, listings: Sequence[ListingInfo], start: date, end: date, *,
    holidays: BoolArray | None = None, unfit: BoolArray | None = None,
) -> Replay:  # fmt: skip
    """Replay the days from ``start`` to ``end``, both included; on each the days before it are known.

    Parameters
    ----------
    watches : sequence of Watch
    matrix : MetricMatrix
        From as long before ``start`` as the watches look back.
    listings : sequence of ListingInfo
    start, end : date
    holidays, unfit : ndarray of bool, optional
        As in `sweep.score_all`.

    Returns
    -------
    Replay
        Without what another finding on the same listing explains on that day.
    """
    days = (end - start).days + 1
    scanned = days + WARM_DAYS
    played = [
        replace(one, rule_params=replace(one.rule_params, scan_days=scanned), history_days=one.history_days + scanned)
        for one in watches
    ]
    looked, known = sweep.look_all(played, matrix, listings, holidays, end, unfit)
    held: dict[str, BoolArray] = {}
    for one in looked.values():
        whole = np.zeros((len(known), days + 1), dtype=np.bool_)
        told = one.states[:, -(days + 1) :]
        whole[:, whole.shape[1] - told.shape[1] :] = told
        held[one.watch.kind] = held.get(one.watch.kind, np.zeros_like(whole)) | whole
    settled = _settled(held)
    return Replay(
        tuple(known), start, {kind: one[:, 1:] for kind, one in settled.items()},
        {kind: one[:, 0] for kind, one in settled.items()},
        frozenset(one.watch.kind for one in looked.values() if one.watch.of_market),
    )  # fmt: skip


def _settled(held: Mapping[str, BoolArray]) -> dict[str, BoolArray]:
    """Leave out what a finding higher in the funnel explains while both hold.

    As `causes.settle`, but for the order of onsets, which are estimates.
    """
    explained = {kind: np.zeros_like(one) for kind, one in held.items()}
    for other, kinds in EXPLAINS.items():
        for kind in kinds & held.keys():
            if other in held:
                explained[kind] |= held[other]
    return {kind: np.asarray(one & ~explained[kind], dtype=np.bool_) for kind, one in held.items()}


def alerts(told: Replay) -> list[Raised]:
    """Return what was newly raised, by day; a market's finding is one alert."""
    markets = np.array([listing.market for listing in told.listings])
    ids = np.array([listing.listing_id for listing in told.listings], dtype=np.int64)
    found: list[Raised] = []
    for kind, held in told.states.items():
        places = np.unique(markets) if kind in told.of_market else None
        groups = [np.flatnonzero(markets == name) for name in places] if places is not None else []
        rows = [held[group].any(axis=0) for group in groups] if places is not None else held
        before = [told.before[kind][group].any() for group in groups] if places is not None else told.before[kind]
        for at in np.flatnonzero([row.any() for row in rows]).tolist():
            of = tuple(ids[groups[at]].tolist()) if places is not None else (int(ids[at]),)
            name = str(places[at]) if places is not None else None
            for first, end in _stretches(np.asarray(rows[at]), bool(before[at])):
                over = told.start_date + timedelta(days=end) if end < held.shape[1] else None
                found.append(Raised(kind, of, name, told.start_date + timedelta(days=first), over))
    return sorted(found, key=lambda one: (one.raised_date, one.kind, one.listing_ids))


def _stretches(held: BoolArray, before: bool) -> list[tuple[int, int]]:
    """Return first day and day after the last of each stretch that begins here; one that began before is left out."""
    edges = np.diff(np.concatenate([[before], held, [False]]).astype(np.int8))
    begun, ended = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(int(first), int(ended[ended > first][0])) for first in begun]
