"""What is gone from listings' pages, listing by listing, and how it becomes an Anomaly; no guard by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from python_nodes.domain.findings import LOSS_IS_ASSUMED, Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.finding import finding, now
from python_nodes.guards.settings import GuardSettings


@dataclass(frozen=True, slots=True)
class Gone:
    """What one listing's page lacks of one part, and how much of that part is left."""

    row: int
    names: tuple[str, ...]
    left_count: int
    last_seen_at: np.datetime64


def gone_of(inputs: GuardInputs, part: str, settings: GuardSettings) -> list[Gone]:
    """Return the listings that lack something of ``part`` which the remembered snapshots showed."""
    missing = inputs.missing_content
    oldest = now(inputs) - np.timedelta64(settings.content_memory_days, "D")
    recent = np.flatnonzero((missing.part == part) & (missing.last_seen_at >= oldest))
    recent = recent[np.lexsort((missing.name[recent], missing.row[recent]))]
    by_row = ((row, recent[missing.row[recent] == row]) for row in np.unique(missing.row[recent]))
    return [
        Gone(
            row=int(row),
            names=tuple(str(name) for name in missing.name[entries]),
            left_count=int(missing.left_count[entries[0]]),
            last_seen_at=missing.last_seen_at[entries].max(),
        )
        for row, entries in by_row
    ]


def missing_finding(inputs: GuardInputs, one: Gone, *, kind: str, cause: str, share_lost: float) -> Anomaly:
    """Return one Anomaly; it holds from the day it is seen, since a page does not say when it changed."""
    return finding(
        inputs, one.row, kind=kind, metric="listing_views", cause=cause, share_lost=share_lost,
        observed=float(one.left_count), expected=float(one.left_count + len(one.names)),
        evidence={
            "missing": list(one.names), "left": one.left_count, "last_seen_at": f"{one.last_seen_at}Z",
            LOSS_IS_ASSUMED: True,
        },
    )  # fmt: skip
