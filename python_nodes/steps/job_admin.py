"""Accept jobs and tell how far they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from python_nodes.steps.backfill import Request
from python_nodes.steps.services import Services
from python_nodes.store import connections, jobs


def accept(services: Services, tenant_id: int, job_id: str, request: Request, at: datetime) -> None:
    """Write the queued job; refused with 404 where the connection is not there."""
    with services.database.tenant(tenant_id) as conn:
        connections.get(conn, request.connection_id, services.fernet_key)
        jobs.create(conn, job_id, "backfill", 0, at=at)


@contextmanager
def handed_over(services: Services, tenant_id: int, job_id: str) -> Iterator[None]:
    """Mark the job failed where handing it to the workers does not end well: nobody would ever run it."""
    with ExitStack() as undo:
        undo.callback(_give_up, services, tenant_id, job_id)
        yield
        undo.pop_all()


def _give_up(services: Services, tenant_id: int, job_id: str) -> None:
    with services.database.tenant(tenant_id) as conn:
        reason = "it could not be handed to the workers"
        jobs.progress(conn, job_id, at=services.clock(), state="failed", error=reason)


def view(services: Services, tenant_id: int, job_id: str) -> dict[str, Any]:
    """Return one job."""
    with services.database.tenant(tenant_id) as conn:
        job = asdict(jobs.get(conn, job_id))
    return {name: job[name] for name in ("state", "done", "total", "result", "error")}
