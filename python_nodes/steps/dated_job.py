"""Jobs that make something as of a moment: accepted, handed over, carried out and watched alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from python_nodes.steps import job_admin
from python_nodes.steps.services import Services
from python_nodes.store import jobs


@dataclass(frozen=True, slots=True)
class DatedJob:
    """``work(services, tenant_id, as_of, tell, *more)`` says what was made; repeated, it replaces that or goes on."""

    kind: str
    work: Callable[..., dict[str, Any]]

    def accept(
        self, services: Services, tenant_id: int, job_id: str, as_of: datetime, run_id: str, *more: int | str
    ) -> job_admin.Task:
        """Write the queued job, and say what it asks of the workers."""
        arguments = (tenant_id, job_id, as_of.isoformat(), run_id, *more)
        task = job_admin.Task(job_id=job_id, name=self.kind, arguments=arguments)
        with services.database.tenant(tenant_id) as conn:
            jobs.create(conn, job_id, self.kind, 0, at=services.clock())
            job_admin.note(conn, task)
        return task

    def carry_out(
        self, services: Services, tenant_id: int, job_id: str, as_of: datetime, *more: int | str,
        is_last_try: bool = True,
    ) -> None:  # fmt: skip
        """Do it where it can be watched."""

        def work(tell: job_admin.Tell) -> dict[str, Any]:
            return self.work(services, tenant_id, as_of, tell, *more)

        job_admin.carry_out(services, tenant_id, job_id, work, is_last_try=is_last_try)
