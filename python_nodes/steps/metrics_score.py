"""Score every series against its baseline and store what is out of the ordinary."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from typing import Any

import numpy as np

from python_nodes import log
from python_nodes.domain.columns import BoolArray
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import sweep
from python_nodes.steps import apart, cuts, doubts, metrics_derive, peer_groups, series_screen, snapshot, watched_series
from python_nodes.steps.services import Services
from python_nodes.store import anomalies, portfolio

SOURCE_KIND = "watches"


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Derive what is not reported, then run the watches; the same ``as_of`` again replaces its findings."""
    metrics_derive.run(services, tenant_id, as_of)
    with log.stage("metrics_score", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
            today = snapshot.local_day(as_of, listings)
            watches = cuts.watches(services, conn, today)
        start, end = snapshot.window(today, services.history_days)
        ids = [listing.listing_id for listing in listings]
        matrix = watched_series.read(services.metrics, tenant_id, watches, ids, start, end)
        with services.database.tenant(tenant_id) as conn:
            down = doubts.outage_days(conn, listings, matrix.days, as_of)
            near = peer_groups.load(conn, today)

        def score(part: list[ListingInfo]) -> list[Anomaly]:
            own, masked = rows_of(matrix, down, part)
            return sweep.score_all(watches, own, part, None, today, masked, near, services.inspect_listings)

        with ThreadPoolExecutor(max_workers=1) as pool:
            # Meanwhile, since neither needs the other; with this run's log context.
            screening = pool.submit(
                copy_context().run, series_screen.run, services, tenant_id, matrix, listings, today, down,
                watches[0].learnt,
            )  # fmt: skip
            done = apart.by_property(listings, score)
            found = [anomaly for each in done.results for anomaly in each]
            store(services, tenant_id, SOURCE_KIND, as_of, found, done.failed)
            screened = screening.result().report()
        seen = {"series": snapshot.told(matrix), "scored": len(listings) * len(watches)}
        result = {**seen, "found": len(found), "screen": screened}
        facts.update(result, failed=len(done.failed))
    return result


def rows_of(matrix: MetricMatrix, down: BoolArray, listings: Sequence[ListingInfo]) -> tuple[MetricMatrix, BoolArray]:
    """Return the rows of some listings, in their order."""
    row_of = {int(one): row for row, one in enumerate(matrix.listing_ids)}
    rows = np.array([row_of[listing.listing_id] for listing in listings], dtype=np.int64)
    values = {name: told[rows] for name, told in matrix.values.items()}
    return MetricMatrix(listing_ids=matrix.listing_ids[rows], days=matrix.days, values=values), down[rows]


def store(
    services: Services, tenant_id: int, source_kind: str, as_of: datetime, found: Sequence[Anomaly],
    failed: Sequence[ListingInfo],
) -> None:  # fmt: skip
    """Store a run's findings; of listings that could not be looked at, what was found last holds on."""
    unseen = {listing.listing_id for listing in failed}
    with services.database.tenant(tenant_id) as conn:
        kept = [one for one in anomalies.before(conn, as_of, source_kind) if one.listing_id in unseen] if unseen else []
        anomalies.replace(conn, as_of, source_kind, [*found, *kept])
