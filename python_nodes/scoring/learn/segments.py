"""Which listings a watch is noisy on: all, a channel, a market, a size, or a channel's of a size, as tells it best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from python_nodes.domain.metrics import FloatArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.learn import evidence, precision, surplus
from python_nodes.scoring.learn.changes import Cut, Exposure
from python_nodes.scoring.learn.evidence import Evidence, Verdict
from python_nodes.scoring.learn.precision import Judged, Moved
from python_nodes.scoring.learn.surplus import Follows
from python_nodes.scoring.look import Looked

SIZES = (("sparse", 0.0), ("middling", 1.0), ("busy", 7.0), ("very busy", 30.0))
"""Bookings a week from which on a listing is called so."""
WAYS = ("all", "channel", "market", "size", "channel and size")
CLEARER = 1.0
"""Nats by which a partition must tell false alerts better than none does: fewer may be chance."""
FEWEST_FALSE = 3
"""False alarms of a segment before its figures are doubted: fewer are no segment."""
SURE = 0.95
"""So sure must the counts be that they do not follow their exposure."""
CHANGED = 1.25
"""A cut that would move by less than this stays."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A cut to be moved, with the estimate behind it."""

    cut: Cut
    moved: Moved
    false: int
    real: int


@dataclass(frozen=True, slots=True)
class Disbelieved:
    """An exposure of which a surplus counts for less, with the estimate behind it."""

    change: Exposure
    follows: Follows
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
    best, by_part, whole = _parted(one, verdicts, parted)
    rows = sum(map(len, parted["all"].values()))
    share = {part: len(ids) / max(rows, 1) for part, ids in parted[best].items()}
    found = []
    for part, judged in by_part.items():
        # Before real ones were judged, each listing is thought to have as many.
        own = precision.PRIOR_ALERTS * share[part] + judged.real.size
        ids = parted[best][part]
        now = float(np.exp(np.mean(np.log([in_force.get(listing_id, 1.0) for listing_id in ids]))))
        moved = precision.moved(judged, whole, own / (precision.PRIOR_ALERTS + whole.real.size), now)
        if max(moved.factor / now, now / moved.factor) >= CHANGED and judged.false.size:
            cut = Cut(watch=one.watch, segment=_named(best, part), listing_ids=ids, factor=moved.factor)
            found.append(Wanted(cut, moved, judged.false.size, judged.real.size))
    return found


def disbelieved(
    one: Evidence, looked: Looked, above: FloatArray | None, verdicts: Sequence[Verdict],
    parted: Mapping[str, Mapping[str, tuple[int, ...]]],
) -> list[Disbelieved]:  # fmt: skip
    """Return the segments whose false alerts come of exposure that nothing follows.

    Parameters
    ----------
    one : Evidence
        Of the watch, without what was learnt of its cut.
    looked : Looked
        What it was told by.
    above : ndarray, shape (n_listings, n_days), optional
        The step of the funnel before its exposure, on the days of ``looked``; None where there is none.
    verdicts, parted
        As in `wanted`.

    Returns
    -------
    list of Disbelieved
        Of the way to part the listings that explains best how counts follow a surplus of exposure, the parts with
        false alarms that surely follow it by less than `surplus.DOUBTED`.
    """
    watch, exposure = looked.watch, looked.batch.exposure
    if above is None or exposure is None or watch.exposure is None:
        return []
    days, usual = slice(-one.excess.shape[1], None), surplus.usual(exposure, above)
    told = surplus.Told(looked.batch.values[:, days], exposure[:, days], usual[:, days])
    row_of = {listing.listing_id: row for row, listing in enumerate(one.listings)}
    dispersion = surplus.follows(told).dispersion
    ways = {
        name: {part: surplus.follows(told.of([row_of[at] for at in ids]), dispersion) for part, ids in parts.items()}
        for name, parts in parted.items()
    }
    # The figures tell where they are wrong; verdicts told only that the watch is.
    best = max(ways, key=lambda name: sum(one.evidence for one in ways[name].values()))
    excess, found = [(verdict, one.of(verdict, row_of)) for verdict in verdicts], []
    for part, follows in ways[best].items():
        judged = evidence.judged(one, excess, parted[best][part])
        if judged.false.size >= FEWEST_FALSE and follows.doubted >= SURE:
            change = Exposure(
                watch=watch.name, segment=_named(best, part), listing_ids=parted[best][part], metric=watch.metric,
                exposure=watch.exposure, above=surplus.ABOVE[watch.exposure], follows=round(follows.mean, 2),
            )  # fmt: skip
            found.append(Disbelieved(change, follows, judged.false.size, judged.real.size))
    return found


def _parted(
    one: Evidence, verdicts: Sequence[Verdict], parted: Mapping[str, Mapping[str, tuple[int, ...]]]
) -> tuple[str, dict[str, Judged], Judged]:
    """Return the way to part the listings that tells best which alerts are false, its parts' alerts, and all."""
    row_of = {listing.listing_id: row for row, listing in enumerate(one.listings)}
    told = [(verdict, one.of(verdict, row_of)) for verdict in verdicts]
    whole = evidence.judged(one, told, row_of)
    by_name = {
        name: {part: evidence.judged(one, told, ids) for part, ids in parts.items()} for name, parts in parted.items()
    }
    scores = {name: precision.log_evidence(list(parts.values()), whole) for name, parts in by_name.items()}
    best = max(scores, key=lambda name: scores[name] - (0.0 if name == "all" else CLEARER))
    return best, by_name[best], whole


def _named(way: str, part: str) -> str:
    return "all listings" if way == "all" else f"{way} {part}"
