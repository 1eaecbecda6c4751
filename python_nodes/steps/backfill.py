"""Read a connection's history window by window, then the present; progress can be watched, and it can be run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from python_nodes import log, vendors
from python_nodes.errors import NightporterError, RetryableError
from python_nodes.steps import connect, poll
from python_nodes.steps.services import Services
from python_nodes.store import connections, jobs

HISTORY = ("reservation_history", "performance")
WINDOW_DAYS = 31
# One window is asked for while another is stored; more would only queue at the vendor's limit.
WINDOWS_AT_ONCE = 2
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
            for number, done in enumerate(_polls(services, tenant_id, request, work), start=1):
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


def _polls(
    services: Services, tenant_id: int, request: Request, work: Sequence[tuple[str, tuple[date, date] | None]]
) -> Iterator[poll.PollResult]:
    """Windows hold different bookings and days, so two may be read at once; the present is read once they are in."""

    def one(operation: str, window: tuple[date, date] | None) -> poll.PollResult:
        return poll.run(services, tenant_id, request.connection_id, operation, request.as_of, window)

    with ThreadPoolExecutor(max_workers=WINDOWS_AT_ONCE) as pool:
        asked = [
            # A thread begins without the context; with it, its log lines carry the run's id.
            pool.submit(copy_context().run, one, operation, window)
            for operation, window in work
            if window is not None
        ]
        try:
            for done in as_completed(asked):
                yield done.result()
        finally:
            for waiting in asked:
                waiting.cancel()
    for operation, window in work:
        if window is None:
            yield one(operation, window)


def _teller(services: Services, tenant_id: int, job_id: str, total: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        with services.database.tenant(tenant_id) as conn:
            jobs.progress(conn, job_id, at=services.clock(), done=done, total=total)

    return tell


def _chunks(services: Services, tenant_id: int, request: Request) -> Iterator[tuple[str, tuple[date, date] | None]]:
    """History first, then one look at the present."""
    with services.database.tenant(tenant_id) as conn:
        connection = connections.get(conn, request.connection_id, services.fernet_key)
    vendor = vendors.load(connection.vendor)
    for operation in connect.operations_at(services, tenant_id, connection, HISTORY):
        days = vendor.capabilities.operations[operation].window_days or WINDOW_DAYS
        for window in windows(request.start, request.end, days):
            yield operation, window
    for operation in connect.operations_at(services, tenant_id, connection):
        if operation not in HISTORY:
            yield operation, None


def moment_after(end: date, now: datetime) -> datetime:
    """When a history up to ``end`` was complete in every inhabited time zone, or now if that is still to come.

    A history that ends in the past must not carry today's date: polls of the days after it would look older than it.
    """
    return min(now, datetime.combine(end + timedelta(days=1), COMPLETE, tzinfo=UTC))


def windows(start: date, end: date, days: int) -> Iterator[tuple[date, date]]:
    """Cut the days into windows of at most ``days``."""
    first = start
    while first <= end:
        last = min(first + timedelta(days=days - 1), end)
        yield first, last
        first = last + timedelta(days=1)
