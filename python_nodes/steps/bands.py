"""Write what was expected of each metric and day, so that a panel shows it beside what came; a job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from python_nodes import log
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import bands, screen, screen_file
from python_nodes.steps import dated_job, doubts, job_admin, portfolio_days, series_screen
from python_nodes.steps.services import Services
from python_nodes.store import portfolio

DAYS = 90
SAMPLED_LISTINGS = 100
"""How many listings are looked at to see which days have bands."""


def run(
    services: Services, tenant_id: int, as_of: datetime, days: int = DAYS, tell: job_admin.Tell | None = None
) -> dict[str, Any]:
    """Write the bands of the last ``days`` days and the week ahead.

    Those from the last sweep's first judged day on are told by its baselines, each time anew. An earlier day that has
    none yet is told as a sweep of its week would have: by a fit on nothing but the days before.
    """
    with log.stage("bands_refresh", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
        kept = screen_file.load(series_screen.kept_at(services, tenant_id))
        span = None if kept is None else kept.days()
        if not listings or kept is None or span is None:
            result: dict[str, Any] = {"rows": 0, "first_day": None, "last_day": None, "fitted": 0}
            facts.update(result)
            return result
        first, last = span
        matrix = _stored(services, tenant_id, listings, first, last)
        rows = services.metrics.write_bands(tenant_id, bands.of(kept, matrix))
        wanted = _without_bands(services, tenant_id, listings, first, days)
        if wanted:
            rows += _as_swept(services, tenant_id, listings, wanted, as_of, tell)
        earliest = min([first, *wanted])
        result = {
            "rows": rows, "first_day": earliest.isoformat(), "last_day": last.isoformat(), "fitted": len(wanted),
        }  # fmt: skip
        facts.update(result)
    return result


def _stored(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], start: date, end: date
) -> MetricMatrix:
    ids = [one.listing_id for one in listings]
    return services.metrics.read(tenant_id, screen.stored(), ids, start, end)


def _without_bands(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], before: date, days: int
) -> list[date]:
    """Return the first days of the blocks before ``before`` in which no sampled listing has any band, oldest first."""
    blocks = -(-max(days - 1, 0) // bands.BLOCK_DAYS)
    if not blocks:
        return []
    starts = [before - timedelta(days=bands.BLOCK_DAYS * back) for back in range(blocks, 0, -1)]
    step = max(len(listings) // SAMPLED_LISTINGS, 1)
    ids = [one.listing_id for one in listings[::step]]
    metrics = [metric for metric, kind in screen.KINDS.items() if kind.params.family != "run"]
    told = services.metrics.read_bands(tenant_id, metrics, ids, starts[0], before - timedelta(days=1))
    known = np.logical_or.reduce([np.isfinite(values).any(axis=0) for values in told.expected.values()])
    by_block = known.reshape(blocks, bands.BLOCK_DAYS)
    return [start for start, has in zip(starts, by_block.all(axis=1).tolist(), strict=True) if not has]


def _as_swept(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], starts: Sequence[date], as_of: datetime,
    tell: job_admin.Tell | None,
) -> int:  # fmt: skip
    """Write the bands of blocks as a sweep on the evening of each one's first day would have expected them."""
    begin = starts[0] - timedelta(days=services.history_days)
    matrix = _stored(services, tenant_id, listings, begin, starts[-1] + timedelta(days=bands.BLOCK_DAYS - 1))
    with services.database.tenant(tenant_id) as conn:
        down = doubts.outage_days(conn, listings, matrix.days, as_of)
    events = series_screen.events(services, listings, matrix.days)
    rows = 0
    for number, start in enumerate(starts, start=1):
        at = (start - begin).days
        past = slice(at - services.history_days, at + bands.BLOCK_DAYS)
        own = _part(matrix, past)
        found = screen.screen(own, listings, start + timedelta(days=1), down[:, past], events)
        told = bands.of(bands.kept_of(found), _part(matrix, slice(at, at + bands.BLOCK_DAYS)))
        rows += services.metrics.write_bands(tenant_id, told)
        if tell is not None:
            tell(number, len(starts))
    return rows


def _part(matrix: MetricMatrix, days: slice) -> MetricMatrix:
    values = {name: told[:, days] for name, told in matrix.values.items()}
    return MetricMatrix(listing_ids=matrix.listing_ids, days=matrix.days[days], values=values)


def _work(services: Services, tenant_id: int, as_of: datetime, tell: job_admin.Tell, days: int) -> dict[str, Any]:
    told = run(services, tenant_id, as_of, days, tell)
    # Bands are what the portfolio's days are held against, so these are added up right after.
    return told | {"portfolio_days": portfolio_days.run(services, tenant_id, as_of)["rows"]}


JOB = dated_job.DatedJob("bands.refresh", _work)
