"""Read a connection's history in month chunks, then the present; progress can be watched, and it can be run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from python_nodes import log, vendors
from python_nodes.errors import NightporterError, RetryableError
from python_nodes.steps import connect, poll
from python_nodes.steps.services import Services
from python_nodes.store import connections, jobs

HISTORY = ("reservation_history", "performance")
CHUNK_DAYS = 31
COMPLETE = time(11, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which days of which connection; ``end`` is included."""

    connection_id: int
    start: date
    end: date
    as_of: datetime


def run(
    services: Services, tenant_id: int, job_id: str, request: Request, *, is_last_try: bool = True
) -> dict[str, int]:
    """Do the whole job and tell how far it is; repeated, it stores nothing twice."""
    total: dict[str, int] = {"fetched": 0, "stored": 0, "unchanged": 0, "rejected": 0}
    try:
        with log.stage("backfill", tenant_id=tenant_id, job_id=job_id) as facts:
            work = list(_chunks(services, tenant_id, request))
            tell = _teller(services, tenant_id, job_id, len(work))
            tell(0)
            for number, (operation, window) in enumerate(work, start=1):
                done = poll.run(services, tenant_id, request.connection_id, operation, request.as_of, window)
                for name in total:
                    total[name] += getattr(done, name)
                tell(number)
            facts.update(total)
    except Exception as error:
        # Only our own errors' words are known to hold no payload and no secret.
        told = f"{type(error).__name__}: {error}" if isinstance(error, NightporterError) else type(error).__name__
        goes_on = isinstance(error, RetryableError) and not is_last_try
        with services.database.tenant(tenant_id) as conn:
            state = "queued" if goes_on else "failed"
            jobs.progress(conn, job_id, at=services.clock(), state=state, error=str(log.redact(told)))
        raise
    with services.database.tenant(tenant_id) as conn:
        jobs.progress(conn, job_id, at=services.clock(), state="done", result=total)
    return total


def _teller(services: Services, tenant_id: int, job_id: str, total: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        with services.database.tenant(tenant_id) as conn:
            jobs.progress(conn, job_id, at=services.clock(), done=done, total=total)

    return tell


def _chunks(services: Services, tenant_id: int, request: Request) -> Iterator[tuple[str, tuple[date, date] | None]]:
    """History first, then one look at the present."""
    with services.database.tenant(tenant_id) as conn:
        vendor_name = connections.get(conn, request.connection_id, services.fernet_key).vendor
    vendor = vendors.load(vendor_name)
    for operation in HISTORY:
        if operation in vendor.capabilities.operations:
            for window in months(request.start, request.end):
                yield operation, window
    for operation in connect.operations_of(vendor):
        if operation not in HISTORY:
            yield operation, None


def moment_after(end: date, now: datetime) -> datetime:
    """When a history up to ``end`` was complete in every inhabited time zone, or now if that is still to come.

    A history that ends in the past must not carry today's date: polls of the days after it would look older than it.
    """
    return min(now, datetime.combine(end + timedelta(days=1), COMPLETE, tzinfo=UTC))


def months(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Cut the days into windows of at most a month."""
    first = start
    while first <= end:
        last = min(first + timedelta(days=CHUNK_DAYS - 1), end)
        yield first, last
        first = last + timedelta(days=1)
