"""What moved first: of several findings on one listing, those that one higher in the funnel explains are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import IntArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import inspect, tell
from python_nodes.scoring.inspect import CloseUp
from python_nodes.scoring.look import Looked

EXPLAINS: Mapping[str, frozenset[str]] = {
    "slow_decline": frozenset({"rank_drop", "demand_drop", "conversion_drop"}),
    "rank_drop": frozenset({"demand_drop"}),
    "competitor_undercut": frozenset({"conversion_drop"}),
    "channel_ctr_drop": frozenset({"market_ctr_drop"}),
    "channel_conversion_drop": frozenset({"market_conversion_drop"}),
}
"""The first, if it began no later, is told instead of the second on the same listing."""
LATER_DAYS = 4
"""An onset is an estimate: so much later a cause may seem to begin than what it explains."""


@dataclass(frozen=True, slots=True)
class _Active:
    """A finding that holds on a listing; ``onset`` is counted back from the last day, which all watches share."""

    found: Looked
    kind: str
    onset: int
    p_value: float


def settle(
    looked: Mapping[str, Looked], listings: Sequence[ListingInfo], rows: IntArray | None = None
) -> list[Anomaly]:
    """Return one finding a kind and listing, the surest, without those that another explains; of some rows or all."""
    by_row: dict[int, dict[str, _Active]] = {}
    for found in looked.values():
        for row in np.flatnonzero(found.active).tolist():
            onset = int(found.onset[row]) - found.batch.days.size
            one = _Active(found, found.watch.kind, onset, float(found.p_value[row]))
            other = by_row.setdefault(row, {}).get(one.kind)
            if other is None or one.p_value < other.p_value:
                by_row[row][one.kind] = one
    close_ups = inspect.look_closely(
        looked, listings, {name: np.flatnonzero(one.active) for name, one in looked.items()}
    )
    result = []
    told = by_row if rows is None else {row: by_row[row] for row in rows.tolist() if row in by_row}
    for row, active in sorted(told.items()):
        explained = {kind: by for kind in active if (by := _explained_by(kind, active)) is not None}
        for kind, one in active.items():
            if kind not in explained:
                follows = [other for other, by in explained.items() if by == kind]
                shown = close_ups.get((one.found.watch.name, row))
                result.append(_told(one, row, listings[row], looked, [active[other] for other in follows], shown))
    return result


def _explained_by(kind: str, active: Mapping[str, _Active]) -> str | None:
    """Name the finding on the same listing that explains ``kind``."""
    for other, explains in EXPLAINS.items():
        if other in active and kind in explains and active[other].onset <= active[kind].onset + LATER_DAYS:
            return other
    return None


def _told(
    one: _Active, row: int, listing: ListingInfo, looked: Mapping[str, Looked], follows: Sequence[_Active],
    close_up: CloseUp | None,
) -> Anomaly:  # fmt: skip
    """Say it, with what it explains as evidence."""
    told = tell.anomaly(one.found, row, listing, looked, close_up)
    if not follows:
        return told
    told.evidence["explains"] = [other.kind for other in follows]
    return told
