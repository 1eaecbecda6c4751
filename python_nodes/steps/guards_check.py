"""Check every listing with every guard and store what they find."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes import guards, log
from python_nodes.steps import snapshot
from python_nodes.steps.services import Services
from python_nodes.store import anomalies, portfolio


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Run the guards over all listings; the same ``as_of`` again replaces its findings."""
    with log.stage("guards_check", tenant_id=tenant_id) as facts, services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        found = []
        if listings:
            inputs = snapshot.guard_inputs(conn, services.metrics, tenant_id, listings, as_of)
            found = [anomaly for check in guards.discover().values() for anomaly in check(inputs)]
        anomalies.replace(conn, as_of, "guards", found)
        facts.update(checked=len(listings), found=len(found))
    return {"checked": len(listings), "found": len(found)}
