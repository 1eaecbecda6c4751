"""Accept jobs, see that each reaches the workers, and tell how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.errors import NightporterError, RetryableError
from python_nodes.steps.backfill import Request
from python_nodes.steps.services import Services
from python_nodes.store import connections, jobs, outbox

Tell = Callable[[int, int], None]
"""Says how much is done, and of how much."""
HAND_OVER = "job.hand_over"
PATIENCE = timedelta(seconds=30)
"""How long whoever accepted a job may take to hand it over before it is taken for dead."""
SILENCE = timedelta(minutes=30)
"""How long nothing may be heard of a job before it is taken for lost, with the queue or with the worker that had it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the workers are asked to do for a job; the arguments are plain JSON."""

    job_id: str
    name: str
    arguments: tuple[Any, ...]


def backfill_task(tenant_id: int, job_id: str, request: Request, run_id: str) -> Task:
    """Say what a backfill asks of the workers."""
    days = request.start.isoformat(), request.end.isoformat()
    arguments = (tenant_id, job_id, request.connection_id, *days, request.as_of.isoformat(), run_id)
    return Task(job_id=job_id, name="backfill", arguments=arguments)


def accept(
    services: Services, tenant_id: int, job_id: str, request: Request, at: datetime, run_id: str = ""
) -> None:  # fmt: skip
    """Write the queued job; refused with 404 where the connection is not there."""
    with services.database.tenant(tenant_id) as conn:
        connections.get(conn, request.connection_id, services.fernet_key)
        jobs.create(conn, job_id, "backfill", 0, at=at)
        note(conn, backfill_task(tenant_id, job_id, request, run_id))


def note(conn: Connection, task: Task) -> None:
    """Write, in the transaction that accepts a job, what is still to be handed over."""
    outbox.add(conn, HAND_OVER, task.job_id, 1, {"name": task.name, "arguments": list(task.arguments)})


@contextmanager
def handed_over(services: Services, tenant_id: int, job_id: str) -> Iterator[None]:
    """Mark the job failed where handing it to the workers does not end well: its caller is told and may try again."""
    with ExitStack() as undo:
        undo.callback(_give_up, services, tenant_id, job_id)
        yield
        undo.pop_all()
    with services.database.tenant(tenant_id) as conn:
        outbox.mark_entity_done(conn, HAND_OVER, job_id, services.clock())


def _give_up(services: Services, tenant_id: int, job_id: str) -> None:
    with services.database.tenant(tenant_id) as conn:
        reason = "it could not be handed to the workers"
        jobs.progress(conn, job_id, at=services.clock(), state="failed", error=reason)
        outbox.mark_entity_done(conn, HAND_OVER, job_id, services.clock())


@contextmanager
def left_behind(services: Services, tenant_id: int) -> Iterator[list[Task]]:
    """Give the jobs whose process died before it handed them over, and those that were lost since.

    On a clean end they count as handed over. One may come twice: a task repeated stores nothing twice.
    """
    now = services.clock()
    with services.database.tenant(tenant_id) as conn:
        rows = outbox.take(conn, HAND_OVER, now - PATIENCE)
        lost = jobs.silent(conn, now - SILENCE)
        told = {row.entity: row for row in [*outbox.newest(conn, HAND_OVER, lost), *rows]}
        yield [
            Task(job_id=row.entity, name=row.payload["name"], arguments=tuple(row.payload["arguments"]))
            for row in told.values()
            if row.entity in lost or jobs.get(conn, row.entity).state == "queued"
        ]
        outbox.mark_done(conn, [row.outbox_id for row in rows], now)
        jobs.heard_of(conn, list(told), now)


def carry_out(
    services: Services, tenant_id: int, job_id: str, work: Callable[[Tell], dict[str, Any]], *, is_last_try: bool
) -> None:
    """Do a job's work where it can be watched: how far it is, what came of it, or why it failed or goes on later."""

    def tell(state: str, **told: Any) -> None:
        with services.database.tenant(tenant_id) as conn:
            jobs.progress(conn, job_id, at=services.clock(), state=state, **told)

    try:
        made = work(lambda done, total: tell("running", done=done, total=total))
    except Exception as error:
        # Only our own errors' words are known to hold no payload and no secret.
        reason = str(error) if isinstance(error, NightporterError) else type(error).__name__
        goes_on = isinstance(error, RetryableError) and not is_last_try
        tell("queued" if goes_on else "failed", error=str(log.redact(reason)))
        raise
    tell("done", result=made)


def view(services: Services, tenant_id: int, job_id: str) -> dict[str, Any]:
    """Return one job."""
    with services.database.tenant(tenant_id) as conn:
        job = asdict(jobs.get(conn, job_id))
    return {name: job[name] for name in ("state", "done", "total", "result", "error")}
