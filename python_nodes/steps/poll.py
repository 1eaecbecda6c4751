"""Poll one operation: archive what comes, map it, store it in one transaction, then acknowledge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

from python_nodes import log, normalize, vendors
from python_nodes.errors import NightporterError
from python_nodes.steps import connect
from python_nodes.steps.connect import Link
from python_nodes.steps.recording import RECORDERS, Payload, Recorded
from python_nodes.steps.services import Services
from python_nodes.store import connections, polls, rejected
from python_nodes.vendors.base import RawPayload

OVERLAP = timedelta(hours=6)
"""How far before the last good poll changes are asked for again: a vendor's own clock and queues lag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """What one poll did; ``run_id`` is the poll run's."""

    operation: str
    run_id: int
    fetched: int
    stored: int
    unchanged: int
    rejected: int


def when_due(services: Services, tenant_id: int, connection_id: int, operation: str, as_of: datetime) -> PollResult:
    """Poll, unless what changes rarely was well polled in the same stretch of time: then nothing is asked for."""
    with services.database.tenant(tenant_id) as conn:
        connection = connections.get(conn, connection_id, services.fernet_key)
        last = polls.last_good(conn, connection_id, operation)
    told = connection.settings.get("every_hours", {})
    hours = vendors.load(connection.vendor).capabilities.every_hours(connection.vendor, told).get(operation, 0)
    if last is None or is_due(as_of, last[1], hours):
        since = None if last is None else reservations_since(operation, last[1], as_of)
        return run(services, tenant_id, connection_id, operation, as_of, since)
    log.get("poll").info("not_due", operation=operation, connection_id=connection_id, every_hours=hours)
    return PollResult(operation=operation, run_id=last[0], fetched=0, stored=0, unchanged=0, rejected=0)


def reservations_since(operation: str, last_at: datetime, as_of: datetime) -> tuple[date, None] | None:
    """From when on changes are asked for: the last good poll, however long ago that was, and a little more.

    Without one, and of a moment before it, the vendor's own setting says how far back.
    """
    if operation != "reservations" or last_at > as_of:
        return None
    return (last_at - OVERLAP).astimezone(UTC).date(), None


def is_due(as_of: datetime, last_at: datetime, hours: int) -> bool:
    """Whether another stretch of so many hours has begun; they are counted from 1970, so that a day is a UTC day."""
    stretch_s = hours * 3600
    return not stretch_s or as_of.timestamp() // stretch_s != last_at.timestamp() // stretch_s


def run(
    services: Services,
    tenant_id: int,
    connection_id: int,
    operation: str,
    as_of: datetime,
    window: tuple[date, date | None] | None = None,
) -> PollResult:
    """Poll and record; a failure is noted in the poll run and raised, and nothing is half stored."""
    with (
        log.stage("poll", tenant_id=tenant_id, operation=operation, connection_id=connection_id) as facts,
        connect.opened(services, tenant_id, connection_id, operation) as link,
    ):
        with services.database.tenant(tenant_id) as conn:
            run_id = polls.start(conn, connection_id, operation, as_of)
        try:
            done = record(services, tenant_id, link, operation, as_of, window)
        except Exception as error:
            # Only our own errors' words are known to hold no payload and no secret.
            reason = str(log.redact(str(error))) if isinstance(error, NightporterError) else type(error).__name__
            with services.database.tenant(tenant_id) as conn:
                polls.finish(conn, run_id, {}, finished_at=services.clock(), error=reason)
            raise
        with services.database.tenant(tenant_id) as conn:
            polls.finish(conn, run_id, done, finished_at=services.clock())
        facts.update(done)
        return PollResult(operation=operation, run_id=run_id, **done)


def record(
    services: Services, tenant_id: int, link: Link, operation: str, as_of: datetime,
    window: tuple[date, date | None] | None,
) -> dict[str, int]:  # fmt: skip
    """Fetch, archive, map, store and acknowledge; returns the poll's counts.

    A poll may be late: a job that waited for its queue asks as of the moment at which it was accepted. Bookings made
    since are none yet as of then, and are not acknowledged, so that they come again and are stored by the next poll.
    """
    fetched = link.fetch(operation, as_of, *(window or (None, None)))
    archived = archive(services, tenant_id, link.connection.vendor, fetched)
    done, early = keep(services, tenant_id, link, operation, archived, as_of)
    acknowledge = getattr(link.client, "acknowledge", None)
    if operation == "reservations" and acknowledge is not None:
        for _, payload in archived:
            acknowledge(payload, early)
    return done


def keep(
    services: Services, tenant_id: int, link: Link, operation: str, archived: list[tuple[int, RawPayload]],
    as_of: datetime,
) -> tuple[dict[str, int], list[bytes]]:  # fmt: skip
    """Map, normalize and store what is archived; returns the counts, and the bookings that came too early for that."""
    source, keeps_guests = link.connection.vendor, services.life.keeps_guests
    payloads = [
        Payload(content=one.content, source=source, raw_id=raw_id, observed_at=as_of, keeps_guests=keeps_guests)
        for raw_id, one in archived
    ]
    with services.database.tenant(tenant_id) as conn:
        done = RECORDERS[operation](conn, link.vendor.mapping, payloads, link.listings)
        keys = services.archive.keys.of(conn, tenant_id)
        rejected.add(conn, link.connection.connection_id, done.rejected, rejected_at=as_of, keys=keys)
    written = write_points(services, tenant_id, done)
    counts = {
        "fetched": done.fetched,
        "stored": done.stored + written,
        "unchanged": done.unchanged,
        "rejected": len(done.rejected),
    }
    return counts, [one.raw for one in done.rejected if normalize.is_early(one)]


def archive(
    services: Services, tenant_id: int, source: str, fetched: Iterable[RawPayload]
) -> list[tuple[int, RawPayload]]:
    """Keep what comes as it came, before any of it is mapped: in one transaction, also where the fetch fails."""
    came: list[RawPayload] = []
    raw_ids: list[int] = []
    try:
        came.extend(fetched)
    finally:
        if came:
            with services.database.tenant(tenant_id) as conn:
                raw_ids = services.archive.put_all(conn, source, came)
    return list(zip(raw_ids, came, strict=True))


def write_points(services: Services, tenant_id: int, done: Recorded) -> int:
    """Write what reports tell of metrics; idempotent, so a repeated poll changes nothing."""
    return sum(services.metrics.write(tenant_id, points) for points in done.points)


def as_json(result: PollResult) -> dict[str, int | str]:
    """The answer of the poll endpoint."""
    return asdict(result)
