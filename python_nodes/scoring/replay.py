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
from python_nodes.domain.metrics import IntArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import sweep
from python_nodes.scoring.causes import EXPLAINS
from python_nodes.scoring.look import Looked
from python_nodes.scoring.peers import Near
from python_nodes.scoring.watches import Watch

WARM_DAYS = 45
"""An alarm that began so long before the first day is known to have begun before it, as a daily sweep would know."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that the watches would have raised.

    ``scope`` is listing, or market or channel, whose name ``place`` is and all of whose listings are meant.
    ``ended_date`` is the first day on which it no longer held, None if it held to the last.
    """

    kind: str
    listing_ids: tuple[int, ...]
    scope: str
    place: str | None
    raised_date: date
    ended_date: date | None


@dataclass(frozen=True, slots=True)
class Replay:
    """Where each kind's alarm held on which day, ``states[kind]`` of shape (n_listings, n_days); ``listings`` are rows.

    Column ``i`` is what was said at noon of ``start_date + i`` days; ``before[kind]`` (n_listings,) the day before.
    ``wide`` names the scope, market or channel, of kinds that are found of all its listings as one.
    """

    listings: tuple[ListingInfo, ...]
    start_date: date
    states: Mapping[str, BoolArray]
    before: Mapping[str, BoolArray]
    wide: Mapping[str, str]

    def new(self, kind: str) -> BoolArray:
        """Return where an alert of a kind is new, (n_listings, n_days)."""
        told = np.concatenate([self.before[kind][:, None], self.states[kind]], axis=1)
        return np.asarray(told[:, 1:] & ~told[:, :-1], dtype=np.bool_)

    def groups(self, kind: str) -> list[tuple[str | None, IntArray]]:
        """Return the rows that are one alert of a kind, each with its market's or channel's name: else single rows."""
        if kind not in self.wide:
            return [(None, np.array([row])) for row in range(len(self.listings))]
        names = np.array([getattr(listing, self.wide[kind]) for listing in self.listings])
        return [(str(name), np.flatnonzero(names == name)) for name in np.unique(names)]


def run(
    watches: Sequence[Watch], matrix: MetricMatrix, listings: Sequence[ListingInfo], start: date, end: date, *,
    holidays: BoolArray | None = None, unfit: BoolArray | None = None, near: Near | None = None,
) -> Replay:  # fmt: skip
    """Replay the days from ``start`` to ``end``, both included; on each the days before it are known.

    Parameters
    ----------
    watches : sequence of Watch
    matrix : MetricMatrix
        From as long before ``start`` as the watches look back.
    listings : sequence of ListingInfo
    start, end : date
    holidays, unfit, near
        As in `sweep.score_all`; peers should be told by the days before ``start``.

    Returns
    -------
    Replay
        Without what another finding on the same listing explains on that day.
    """
    looked, known = look(watches, matrix, listings, start, end, holidays=holidays, unfit=unfit, near=near)
    return of(looked, known, start, end)


def look(
    watches: Sequence[Watch], matrix: MetricMatrix, listings: Sequence[ListingInfo], start: date, end: date, *,
    holidays: BoolArray | None = None, unfit: BoolArray | None = None, near: Near | None = None,
) -> tuple[dict[str, Looked], list[ListingInfo]]:  # fmt: skip
    """Return what each watch saw on the days, and the listings that its rows are; arguments as in `run`."""
    played = scanning(watches, (end - start).days + 1)
    return sweep.look_all(played, matrix, listings, holidays, end, unfit, near)


def scanning(watches: Sequence[Watch], days: int) -> list[Watch]:
    """Return the watches as they look at so many last days, and those before in which an alarm may have begun."""
    scanned = days + WARM_DAYS
    return [
        replace(one, rule_params=replace(one.rule_params, scan_days=scanned), history_days=one.history_days + scanned)
        for one in watches
    ]


def of(looked: Mapping[str, Looked], known: Sequence[ListingInfo], start: date, end: date) -> Replay:
    """Return what watches that scanned the days from ``start`` to ``end`` said, settled between them."""
    days = (end - start).days + 1
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
        {
            one.watch.kind: one.watch.of_rate or "market"
            for one in looked.values() if one.watch.of_market or one.watch.of_rate
        },
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
    """Return what was newly raised, by day; what befell a whole market or channel is one alert."""
    ids = np.array([listing.listing_id for listing in told.listings], dtype=np.int64)
    found: list[Raised] = []
    for kind, held in told.states.items():
        for place, rows in told.groups(kind):
            if not held[rows].any():
                continue
            one, before = held[rows].any(axis=0), bool(told.before[kind][rows].any())
            for first, end in _stretches(np.asarray(one), before):
                over = told.start_date + timedelta(days=end) if end < held.shape[1] else None
                day, scope = told.start_date + timedelta(days=first), told.wide.get(kind, "listing")
                found.append(Raised(kind, tuple(ids[rows].tolist()), scope, place, day, over))
    return sorted(found, key=lambda one: (one.raised_date, one.kind, one.listing_ids))


def _stretches(held: BoolArray, before: bool) -> list[tuple[int, int]]:
    """Return first day and day after the last of each stretch that begins here; one that began before is left out."""
    edges = np.diff(np.concatenate([[before], held, [False]]).astype(np.int8))
    begun, ended = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(int(first), int(ended[ended > first][0])) for first in begun]
