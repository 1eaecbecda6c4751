"""Screen every series after a sweep, so that points that come before the next are judged by its baselines; a job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes.steps import dated_job, job_admin, series_screen, swept
from python_nodes.steps.services import Services


def run(services: Services, tenant_id: int, as_of: datetime, _: job_admin.Tell | None = None) -> dict[str, Any]:
    """Screen what the sweep of the same moment read, and say what was seen."""
    seen = swept.read(services, tenant_id, as_of)
    learnt = seen.watches[0].learnt
    return series_screen.run(services, tenant_id, seen.matrix, seen.listings, seen.today, seen.down, learnt).report()


JOB = dated_job.DatedJob("screen.refresh", run)
