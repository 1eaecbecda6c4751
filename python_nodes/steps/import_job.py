"""Imports as jobs: accepted at once, done by a worker, watched by whoever asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from python_nodes import log
from python_nodes.errors import NightporterError, RetryableError
from python_nodes.steps import import_file, import_observe, job_admin, news
from python_nodes.steps.import_file import OPERATION, Order
from python_nodes.steps.job_admin import Task
from python_nodes.steps.services import Services
from python_nodes.store import imports, jobs

KIND = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An archived file that is to be imported."""

    source: str
    file: str
    raw_id: int
    as_of: datetime
    start: date | None
    end: date | None


def task(tenant_id: int, job_id: str, request: Request, run_id: str) -> Task:
    """Say what an import asks of the workers."""
    told = {"source": request.source, "file": request.file, "raw_id": request.raw_id}
    span = [day.isoformat() if day else None for day in (request.start, request.end)]
    return Task(
        job_id=job_id, name="import", arguments=(tenant_id, job_id, told, request.as_of.isoformat(), span, run_id)
    )  # fmt: skip


def accept(
    services: Services, tenant_id: int, job_id: str, source: str, order: Order, as_of: datetime, run_id: str = ""
) -> Request | None:
    """Archive the file and write the queued job; None where the file was imported before, and the job is done."""
    at = services.clock()
    with services.database.tenant(tenant_id) as conn:
        saved = imports.get(conn, source)
        jobs.create(conn, job_id, KIND, 0, at=at)
        known = imports.done(conn, source, order.content, imports.reading(saved, order.span))
        if known is not None:
            jobs.progress(conn, job_id, at=at, state="done", result={**known, "already_imported": True})
            return None
        raw_id = services.archive.put(conn, saved.source, OPERATION, order.content, "application/octet-stream", as_of)
        request = Request(
            source=source, file=order.file, raw_id=raw_id, as_of=as_of, start=order.start, end=order.end
        )  # fmt: skip
        job_admin.note(conn, task(tenant_id, job_id, request, run_id))
    return request


def run(services: Services, tenant_id: int, job_id: str, request: Request, *, is_last_try: bool = True) -> None:
    """Import the archived file and tell how far it is; repeated, it stores nothing twice."""

    def tell(done: int, total: int) -> None:
        with services.database.tenant(tenant_id) as conn:
            jobs.progress(conn, job_id, at=services.clock(), done=done, total=total)

    try:
        with services.database.tenant(tenant_id) as conn:
            content = services.archive.get(conn, request.raw_id)
        order = Order(file=request.file, content=content, start=request.start, end=request.end)
        report = import_file.run(services, tenant_id, request.source, order, request.as_of, tell)
        report |= {"observed": _observed(services, tenant_id, job_id, request.as_of)}
    except Exception as error:
        # Only our own errors' words are known to hold no payload and no secret.
        told = str(error) if isinstance(error, NightporterError) else type(error).__name__
        state = "queued" if isinstance(error, RetryableError) and not is_last_try else "failed"
        with services.database.tenant(tenant_id) as conn:
            jobs.progress(conn, job_id, at=services.clock(), state=state, error=str(log.redact(told)))
        raise
    _finish(services, tenant_id, job_id, report)


def _observed(services: Services, tenant_id: int, job_id: str, as_of: datetime) -> dict[str, Any] | None:
    """Score what is new and have it told; what fails here undoes no import: the next scan looks at it."""
    try:
        looked = import_observe.run(services, tenant_id, as_of)
    except (NightporterError, SQLAlchemyError) as error:
        log.get("import").warning("not_observed", job_id=job_id, reason=type(error).__name__)
        return None
    if looked["notify"]:
        news.ring(services, datetime.fromisoformat(looked["as_of"]), job_id)
    return {name: looked[name] for name in ("observed", "found", "raised", "updated", "resolved")}


def _finish(services: Services, tenant_id: int, job_id: str, report: dict[str, Any]) -> None:
    with services.database.tenant(tenant_id) as conn:
        jobs.progress(conn, job_id, at=services.clock(), state="done", result=report)
