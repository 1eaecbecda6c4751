"""What the worker holds, in numbers."""

from __future__ import annotations

from typing import Any

from python_nodes.steps.services import Services
from python_nodes.store import alert_lists, deliveries, rejected


def run(services: Services, tenant_id: int) -> dict[str, Any]:
    """Count points, series, deliveries, quarantine and open alerts."""
    points, series = services.metrics.count(tenant_id)
    with services.database.tenant(tenant_id) as conn:
        return {
            "points_stored": points,
            "series": series,
            "deliveries": {"slack": 0, "email": 0, "sms": 0, "suppressed": 0} | deliveries.counts(conn),
            "rejected": rejected.count_open(conn),
            "open_alerts": alert_lists.count_open(conn),
        }
