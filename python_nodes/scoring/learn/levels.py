"""How far a level has moved for good: what a finding's series show since its onset, of what they would have shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.causes import EXPLAINS
from python_nodes.scoring.learn.changes import NewNormal
from python_nodes.scoring.look import Looked

LEAST, MOST = 0.05, 20.0
"""A level that moved further than this is told by nothing that can be scaled."""
SETTLED_DAYS = 14
"""What came on slowly is at its new level in its last days, not in the mean since its onset."""


def anchors(
    looked: Mapping[str, Looked], known: Sequence[ListingInfo], kind: str, metric: str, listing_ids: Sequence[int],
    since: date,
) -> tuple[NewNormal, ...]:  # fmt: skip
    """Return the new levels that make what was found usual, with those of what it explains on the same listings.

    Parameters
    ----------
    looked : mapping of watch name to Looked
        On the present day.
    known : sequence of ListingInfo
        The rows.
    kind, metric : str
        Of the alert; the metric as reported.
    listing_ids : sequence of int
    since : date
        From when the new level holds.

    Returns
    -------
    tuple of NewNormal
        None where no watch of that kind sees these listings.
    """
    rows = np.flatnonzero(np.isin([one.listing_id for one in known], listing_ids))
    found: dict[tuple[str, str | None], NewNormal] = {}
    for one in looked.values():
        watch = one.watch
        is_it = watch.kind == kind and watch.reported_metric == metric
        follows = watch.kind in EXPLAINS.get(kind, ()) and bool(one.active[rows].any())
        key = (watch.metric, watch.exposure)
        if not rows.size or key in found or not (is_it or follows):
            continue
        begins = max(int(np.searchsorted(one.batch.days, np.datetime64(since, "D"))), 0)
        if kind.startswith("slow"):
            begins = max(begins, one.batch.days.size - SETTLED_DAYS)
        observed, expected = one.forecast.capped[rows, begins:], one.forecast.expected[rows, begins:]
        told = np.isfinite(observed) & np.isfinite(expected)
        usual = float(expected[told].sum())
        if usual > 0.0:
            ratio = min(max(float(observed[told].sum()) / usual, LEAST), MOST)
            found[key] = NewNormal(
                listing_ids=tuple(listing_ids), metric=watch.metric, exposure=watch.exposure,
                since_date=one.batch.days[begins].astype("datetime64[D]").item() if begins < one.batch.days.size
                else since,
                ratio=round(ratio, 4),
            )  # fmt: skip
    return tuple(found.values())
