"""Let the store of series make up for what it owes: what waited for it, and the hours of what was told."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from python_nodes import log
from python_nodes.steps.services import Services

LOOK_BACK = timedelta(hours=48)
"""How late a reading may come and still be among the hourly ones without anybody asking."""


def settle(services: Services, tenant_id: int, as_of: datetime, since: datetime | None = None) -> dict[str, int]:
    """Drain what waits and make hourly readings up to the last whole hour."""
    with log.stage("series_settle", tenant_id=tenant_id) as facts:
        made = asdict(services.metrics.settle(tenant_id, since or as_of - LOOK_BACK, as_of))
        facts.update(made)
    return made
