"""Score every series against its baseline and store what is out of the ordinary."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes import log
from python_nodes.scoring import sweep
from python_nodes.scoring.watches import load_watches
from python_nodes.steps import doubts, snapshot
from python_nodes.steps.services import Services
from python_nodes.store import anomalies, portfolio


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Run the watches over all listings; the same ``as_of`` again replaces its findings."""
    watches = load_watches()
    metrics = sorted({name for watch in watches for name in (watch.metric, watch.exposure) if name is not None})
    with log.stage("metrics_score", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
        today = snapshot.local_day(as_of, listings)
        start, end = snapshot.window(today, services.history_days)
        ids = [listing.listing_id for listing in listings]
        matrix = services.metrics.read(tenant_id, metrics, ids, start, end)
        with services.database.tenant(tenant_id) as conn:
            down = doubts.outage_days(conn, listings, matrix.days, as_of)
        found = sweep.score_all(watches, matrix, listings, None, today, down)
        with services.database.tenant(tenant_id) as conn:
            anomalies.replace(conn, as_of, "watches", found)
        result = {"series": snapshot.told(matrix), "scored": len(listings) * len(watches), "found": len(found)}
        facts.update(result)
    return result
