"""Check every listing with every guard and store what they find."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes import guards, log
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.steps import apart, metrics_score, snapshot
from python_nodes.steps.services import Services
from python_nodes.store import portfolio


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Run the guards over all listings; the same ``as_of`` again replaces its findings."""
    with log.stage("guards_check", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)

        def check(part: list[ListingInfo]) -> list[Anomaly]:
            with services.database.tenant(tenant_id) as conn:
                inputs = snapshot.guard_inputs(conn, services.metrics, tenant_id, part, as_of)
            return guards.find(inputs, services.guards)

        done = apart.by_property(listings, check) if listings else None
        found = [anomaly for each in done.results for anomaly in each] if done else []
        metrics_score.store(services, tenant_id, "guards", as_of, found, done.failed if done else ())
        facts.update(checked=len(listings), found=len(found), failed=len(done.failed) if done else 0)
    return {"checked": len(listings), "found": len(found)}
