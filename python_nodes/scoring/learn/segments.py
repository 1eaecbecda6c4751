"""Which listings a watch is noisy on: all, a channel, a market, a size, or a channel's of a size, as tells it best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from python_nodes.domain.metrics import FloatArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.learn import evidence, precision
from python_nodes.scoring.learn.changes import Cut
from python_nodes.scoring.learn.evidence import Evidence, Verdict
from python_nodes.scoring.learn.precision import Moved

SIZES = (("sparse", 0.0), ("middling", 1.0), ("busy", 7.0), ("very busy", 30.0))
"""Bookings a week from which on a listing is called so."""
WAYS = ("all", "channel", "market", "size", "channel and size")
CLEARER = 1.0
"""Nats by which a partition must tell false alerts better than none does: fewer may be chance."""
CHANGED = 1.25
"""A cut that would move by less than this stays."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A cut to be moved, with the estimate behind it."""

    cut: Cut
    moved: Moved
    false: int
    real: int


def partitions(listings: Sequence[ListingInfo], weekly_bookings: FloatArray) -> dict[str, dict[str, tuple[int, ...]]]:
    """Return each way to part the listings, by name, and each of its parts' listing ids."""
    edges = [least for _, least in SIZES]
    size = np.searchsorted(edges, np.nan_to_num(weekly_bookings), side="right") - 1
    told: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in WAYS}
    for at, listing in enumerate(listings):
        how_busy = SIZES[int(size[at])][0]
        parts = ("all", listing.channel, listing.market, how_busy, f"{listing.channel}, {how_busy}")
        for name, part in zip(WAYS, parts, strict=True):
            told[name][part].append(listing.listing_id)
    return {name: {part: tuple(ids) for part, ids in sorted(parts.items())} for name, parts in told.items()}


def wanted(
    one: Evidence, verdicts: Sequence[Verdict], parted: Mapping[str, Mapping[str, tuple[int, ...]]],
    in_force: Mapping[int, float],
) -> list[Wanted]:  # fmt: skip
    """Return the cuts of a watch that people's verdicts move.

    Parameters
    ----------
    one : Evidence
        Of the watch, without what was learnt of its cut.
    verdicts : sequence of Verdict
        On alerts of its kind.
    parted : mapping
        Of `partitions`.
    in_force : mapping of listing id to factor
        What was learnt before; 1 where nothing was.

    Returns
    -------
    list of Wanted
    """
    row_of = {listing.listing_id: row for row, listing in enumerate(one.listings)}
    told = [(verdict, one.of(verdict, row_of)) for verdict in verdicts]
    whole = evidence.judged(one, told, row_of)
    by_name = {
        name: {part: evidence.judged(one, told, ids) for part, ids in parts.items()} for name, parts in parted.items()
    }
    scores = {name: precision.log_evidence(list(parts.values()), whole) for name, parts in by_name.items()}
    best = max(scores, key=lambda name: scores[name] - (0.0 if name == "all" else CLEARER))
    share = {part: len(ids) / max(len(row_of), 1) for part, ids in parted[best].items()}
    found = []
    for part, judged in by_name[best].items():
        # Before real ones were judged, each listing is thought to have as many.
        own = precision.PRIOR_ALERTS * share[part] + judged.real.size
        ids = parted[best][part]
        now = float(np.exp(np.mean(np.log([in_force.get(listing_id, 1.0) for listing_id in ids]))))
        moved = precision.moved(judged, whole, own / (precision.PRIOR_ALERTS + whole.real.size), now)
        if max(moved.factor / now, now / moved.factor) >= CHANGED and judged.false.size:
            segment = "all listings" if best == "all" else f"{best} {part}"
            cut = Cut(watch=one.watch, segment=segment, listing_ids=ids, factor=moved.factor)
            found.append(Wanted(cut, moved, judged.false.size, judged.real.size))
    return found
