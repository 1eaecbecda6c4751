"""What is asked about an alert, and the series of its listings, of its unit's other channels and of its market."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from scipy import sparse

from python_nodes.domain.metrics import DayArray, FloatArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo

COUNTS = ("search_impressions", "listing_views", "booking_velocity")
LEVELS = ("search_rank", "competitor_price")
METRICS = (*COUNTS, *LEVELS)
BEFORE_DAYS, SCAN_DAYS = 56, 42
SPAN_DAYS = BEFORE_DAYS + SCAN_DAYS
"""A break is looked for in the last ``SCAN_DAYS``; what was usual is told by the ``BEFORE_DAYS`` before it."""
MOST_FELLOWS, MOST_MEMBERS = 24, 40
"""So many listings tell how a market stands; more would only cost."""
NEARLY_ALL = 0.9
"""A day of several listings counts if so many of them told it: a sum over fewer would look like a fall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An alert whose cause is asked.

    ``is_seen``: a guard saw it on ``onset_date``; of what statistics found the day is estimated here. ``also`` are
    the kinds found on the same listings besides ``kind``; ``cause`` is the word the finder gave.
    """

    kind: str
    cause: str
    scope: str
    onset_date: date
    is_seen: bool
    listing_ids: tuple[int, ...]
    also: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedChange:
    """A line of a change log; without a listing it was the property's on ``channel``."""

    changed_at: datetime
    channel: str
    listing_id: int | None
    property_id: int | None
    field: str
    old: str
    new: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose series are looked at for one alert, by listing id."""

    own: tuple[int, ...]
    siblings: tuple[int, ...]
    fellows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Series around ``n`` alerts: ``own[metric]`` (n, n_days), NaN where untold; counts added, levels as mean logs.

    ``days`` end with the last one that is over; ``siblings`` are the same units on other channels, ``market`` the
    fellows of the market (of a whole market or channel: all others).
    """

    days: DayArray
    own: Mapping[str, FloatArray]
    siblings: Mapping[str, FloatArray]
    market: Mapping[str, FloatArray]


def places(asked: Sequence[Asked], listings: Sequence[ListingInfo]) -> list[Place]:
    """Choose each alert's neighbours; the same listings stand for a market whoever asks."""
    by_id = {one.listing_id: one for one in listings}
    units: dict[int, list[int]] = defaultdict(list)
    markets: dict[str, list[int]] = defaultdict(list)
    for one in listings:
        units[one.unit_id].append(one.listing_id)
        markets[one.market].append(one.listing_id)
    # A few more than are needed: those of the alert's own units are left out.
    samples = {name: _thinned(ids, 2 * MOST_FELLOWS) for name, ids in markets.items()}
    everywhere = _thinned([one.listing_id for one in listings], 8 * MOST_FELLOWS)
    found = []
    for question in asked:
        members = [by_id[each] for each in question.listing_ids if each in by_id]
        inside = {each for member in members for each in units[member.unit_id]}
        held = {member.listing_id for member in members}
        pool = everywhere if question.scope == "market" else samples.get(members[0].market, ()) if members else ()
        found.append(
            Place(
                own=_thinned(sorted(held), MOST_MEMBERS),
                siblings=() if question.scope == "market" else _thinned(sorted(inside - held), MOST_FELLOWS),
                fellows=_thinned([each for each in pool if each not in inside], MOST_FELLOWS),
            )
        )
    return found


def _thinned(ids: Sequence[int], most: int) -> tuple[int, ...]:
    return tuple(ids[:: -(-len(ids) // most)]) if ids else ()


def panel(asked: Sequence[Place], matrix: MetricMatrix) -> Panel:
    """Put each alert's series together."""
    row = {int(each): at for at, each in enumerate(matrix.listing_ids)}
    parts = []
    for name in ("own", "siblings", "fellows"):
        members = [[row[each] for each in getattr(one, name) if each in row] for one in asked]
        parts.append({metric: _together(metric, matrix, members) for metric in METRICS})
    return Panel(days=matrix.days, own=parts[0], siblings=parts[1], market=parts[2])


def _together(metric: str, matrix: MetricMatrix, members: Sequence[Sequence[int]]) -> FloatArray:
    """Add counts, or take the mean log of levels, of each alert's rows, (n, n_days)."""
    values, n = matrix.values[metric], len(members)
    sizes = np.array([len(one) for one in members], dtype=np.int64)
    group = np.repeat(np.arange(n), sizes)
    flat = np.array([at for one in members for at in one], dtype=np.int64)
    if metric in LEVELS:
        values = np.where(values > 0, np.log(np.maximum(values, 1e-9)), np.nan)
    # As a sparse product: a market's fellows are the same for many alerts.
    member = sparse.csr_matrix((np.ones(flat.size), (group, flat)), shape=(n, len(values)))
    total = np.asarray(member @ np.nan_to_num(values))
    told = np.asarray(member @ np.isfinite(values).astype(np.float64))
    enough = (told > 0) & (told >= NEARLY_ALL * sizes[:, None])
    if metric in LEVELS:
        return np.asarray(np.where(enough, total / np.maximum(told, 1), np.nan))
    return np.asarray(np.where(enough, total * sizes[:, None] / np.maximum(told, 1), np.nan))
