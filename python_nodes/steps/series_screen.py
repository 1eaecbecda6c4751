"""Every series' newest point judged in a sweep, what judges it kept, and new points judged by that between sweeps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from python_nodes import log
from python_nodes.domain.columns import BoolArray
from python_nodes.domain.metrics import DayArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import screen, screen_file
from python_nodes.scoring.learn.applied import Learnt
from python_nodes.steps import held_series, local_events
from python_nodes.steps.services import Services

HISTORY_DAYS = 200
"""How far back metrics are read that no watch looks at."""


def kept_at(services: Services, tenant_id: int) -> Path:
    """Return where a tenant's baselines lie: beside the raw archive, since both are the worker's own."""
    return screen_file.path_of(services.archive.root / "screen", tenant_id)


def run(
    services: Services,
    tenant_id: int,
    matrix: MetricMatrix,
    listings: Sequence[ListingInfo],
    today: date,
    down: BoolArray,
    learnt: Learnt | None = None,
) -> screen.Found:
    """Screen all series, and keep what judged them in the place of the last sweep's."""
    known = None if learnt is None else learnt.unfit(matrix.listing_ids, matrix.days)
    unfit = down if known is None else down | known
    with log.stage("series_screen", tenant_id=tenant_id) as facts:
        whole = _with_unwatched(services, tenant_id, matrix)
        found = screen.screen(whole, listings, today, unfit, events(services, listings, matrix.days))
        if found.metrics:
            screen_file.keep(kept_at(services, tenant_id), found)
        facts.update(found.report())
    return found


def _with_unwatched(services: Services, tenant_id: int, matrix: MetricMatrix) -> MetricMatrix:
    """Return the matrix with the metrics that the screen judges and no watch looks at."""
    names = [name for name in screen.stored() if name not in matrix.values]
    if not names or not len(matrix.days) or not len(matrix.listing_ids):
        return matrix
    days = matrix.days[-HISTORY_DAYS:]
    span = days[0].item(), days[-1].item()
    told = held_series.of(services).read(tenant_id, names, matrix.listing_ids.tolist(), *span)
    values = dict(matrix.values)
    for name in names:
        values[name] = np.full((len(matrix.listing_ids), len(matrix.days)), np.nan)
        values[name][:, len(matrix.days) - len(days) :] = told.values[name]
    return MetricMatrix(listing_ids=matrix.listing_ids, days=matrix.days, values=values)


def events(services: Services, listings: Sequence[ListingInfo], days: DayArray) -> dict[str, DayArray]:
    """Return the days of local events by market, those of the coming week among them."""
    if services.events_folder is None or not len(days):
        return {}
    whole = screen.horizon(days)
    told = {
        market: local_events.of_market(services.events_folder, market, whole)
        for market in {one.market for one in listings}
    }
    return {market: whole[on] for market, on in told.items() if on is not None}


def points(services: Services, tenant_id: int, listing_ids: Collection[int]) -> list[dict[str, Any]]:
    """Return how the newest points of some listings are judged by the last sweep's baselines; none before a sweep."""
    kept = screen_file.load(kept_at(services, tenant_id))
    span = None if kept is None else kept.days()
    if kept is None or span is None:
        return []
    ids = sorted(set(listing_ids))
    # A window's earlier points are in the baseline: only what can be judged is read.
    told = services.metrics.read(tenant_id, screen.stored(), ids, span[0], span[1])
    return screen_file.points(kept, told)
