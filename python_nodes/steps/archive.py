"""The life of data: guests are forgotten, what is old leaves for the archive or is deleted, files are sent on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.archive import parquet_file
from python_nodes.archive.bucket import Bucket
from python_nodes.archive.parquet_file import Written
from python_nodes.domain.retention import LifeOfData
from python_nodes.errors import NightporterError, PermanentError, RetryableError
from python_nodes.steps import guest_life, job_admin
from python_nodes.steps.services import Services
from python_nodes.store import archives, old_rows
from python_nodes.store.archives import Archive
from python_nodes.store.old_entities import ARCHIVED, DELETED, Entity

RETRY_AFTER_S = 60.0


def run(services: Services, tenant_id: int, as_of: datetime, tell: job_admin.Tell | None = None) -> dict[str, Any]:
    """Do what the retention asks for, a month of an entity a transaction; the same moment again finds nothing to do.

    A bucket that fails does not keep data from growing old: what was not sent waits for the next run.
    """
    with log.stage("archive", tenant_id=tenant_id) as facts, alone(services, tenant_id):
        result: dict[str, Any] = {"guests_forgotten": _forget(services, tenant_id, as_of)}
        result |= guest_life.run(services, tenant_id, as_of)
        wanted = due(services, tenant_id, as_of)
        made = []
        for number, (entity, month) in enumerate(wanted, start=1):
            made.append(_leave(services, tenant_id, entity, month, as_of))
            if tell is not None:
                tell(number, len(wanted))
        result |= {
            "files": len(made), "rows": sum(one.rows for one in made), "bytes": sum(one.size_bytes for one in made),
            "deleted": _delete(services, tenant_id, as_of),
        }  # fmt: skip
        errors: list[str] = []
        result["exported"] = _export(services, tenant_id, errors)
        result["expired"] = _expire(services, tenant_id, as_of, errors)
        result["errors"] = errors
        facts.update(result)
    return result


@contextmanager
def alone(services: Services, tenant_id: int) -> Iterator[None]:
    """Keep any other run out until this one ends, however it ends."""
    with services.database.tenant(tenant_id) as lock:
        if not old_rows.hold_all(lock):
            raise RetryableError("archive: another run is at work", retry_after_s=RETRY_AFTER_S)
        yield


def cutoff(as_of: datetime, keep_days: int) -> date:
    """Return the first day of the month of the last day to be kept: only whole months leave."""
    return (as_of.date() - timedelta(days=keep_days)).replace(day=1)


def due(services: Services, tenant_id: int, as_of: datetime) -> list[tuple[Entity, date]]:
    """Return each month of each entity that is to go to the archive, but what was put back of late."""
    found = []
    with services.database.tenant(tenant_id) as conn:
        held = archives.held(conn, as_of)
        for name, entity in ARCHIVED.items():
            keep_days = services.life.retention.keep_days[name]
            months = old_rows.months(conn, entity, cutoff(as_of, keep_days)) if keep_days else []
            found += [(entity, month) for month in months if (name, month) not in held]
    return found


def _forget(services: Services, tenant_id: int, as_of: datetime) -> int:
    until = as_of.date() - timedelta(days=services.life.retention.guest_days)
    with services.database.tenant(tenant_id) as conn:
        return old_rows.forget_guests(conn, until)


def _leave(services: Services, tenant_id: int, entity: Entity, month: date, as_of: datetime) -> Written:
    """Take a month's rows out and keep them in a file; only together with the file do they leave the database."""
    with services.database.tenant(tenant_id) as conn:
        part = archives.next_part(conn, entity.name, month)
        path = f"{tenant_id}/{entity.name}/{month:%Y-%m}.{part}.parquet"
        written = _written(services.life, conn, entity, month, path)
        row = {
            "entity": entity.name, "month_date": month, "part": part, "path": path, "row_count": written.rows,
            "size_bytes": written.size_bytes, "sha256": written.sha256, "written_at": services.clock(),
        }  # fmt: skip
        old_rows.sum_up(conn, entity, archives.add(conn, row))
    log.get("archive").info("archived", path=path, rows=written.rows, as_of=as_of.isoformat())
    return written


def _written(life: LifeOfData, conn: Connection, entity: Entity, month: date, path: str) -> Written:
    target = life.root / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".leaving-") as folder:
            table = Path(folder) / "rows.csv"
            moved = old_rows.take(conn, entity, month, table)
            about = {"entity": entity.name, "month": f"{month:%Y-%m}"}
            written = parquet_file.write(target, table, entity.kinds(), about)
    except OSError as error:
        raise RetryableError(
            f"archive: {life.root} cannot be written ({error.strerror or error}): make room there or name another"
            " folder in NIGHTPORTER_ARCHIVE_ROOT; nothing was taken out of the database",
            retry_after_s=RETRY_AFTER_S,
        ) from None
    if written.rows != moved:
        raise PermanentError(f"archive: {path} got {written.rows} of {moved} rows; none was taken out of the database")
    return written


def _delete(services: Services, tenant_id: int, as_of: datetime) -> dict[str, int]:
    gone = {}
    for name, entity in DELETED.items():
        keep_days = services.life.retention.keep_days[name]
        if keep_days:
            with services.database.tenant(tenant_id) as conn:
                gone[name] = old_rows.delete(conn, entity, as_of.date() - timedelta(days=keep_days))
    return {name: count for name, count in gone.items() if count}


def _export(services: Services, tenant_id: int, errors: list[str]) -> int:
    """Send what has no copy yet; a damaged file is left out, a bucket that fails is not asked again in this run."""
    if services.life.bucket is None:
        return 0
    bucket, sent = Bucket(services.life.bucket), 0
    with services.database.tenant(tenant_id) as conn:
        waiting = [one for one in archives.listed(conn) if one.exported_at is None and one.state == "archived"]
    for one in waiting:
        path = services.life.root / one.path
        wrong = parquet_file.fault(path, of(one))
        if wrong is not None:
            errors.append(str(damaged(one, wrong, None)))
            continue
        try:
            bucket.put(one.path, path, of(one))
        except NightporterError as error:
            log.get("archive").warning("not_exported", reason=str(error), waiting=len(waiting) - sent)
            errors.append(str(error))
            break
        with services.database.tenant(tenant_id) as conn:
            archives.exported(conn, one.archive_id, services.clock())
        if not services.life.keeps_local:
            path.unlink()
        sent += 1
    return sent


def _expire(services: Services, tenant_id: int, as_of: datetime, errors: list[str]) -> int:
    """Delete the files, here and in the bucket, of months that ended too long ago."""
    life, gone = services.life, 0
    end = cutoff(as_of, life.retention.archive_days)
    with services.database.tenant(tenant_id) as conn:
        old = [one for one in archives.listed(conn) if one.month_date < end and one.state != "expired"]
    for one in old:
        try:
            if one.exported_at is not None and life.bucket is not None:
                Bucket(life.bucket).delete(one.path)
        except NightporterError as error:
            errors.append(str(error))
            break
        (life.root / one.path).unlink(missing_ok=True)
        with services.database.tenant(tenant_id) as conn:
            archives.expire(conn, one.archive_id)
        gone += 1
    return gone


def of(one: Archive) -> Written:
    """Return what a file is to hold."""
    return Written(rows=one.row_count, size_bytes=one.size_bytes, sha256=one.sha256)


def damaged(one: Archive, wrong: str, copy: str | None) -> PermanentError:
    """Refuse a file that is not what was written, and say what to do."""
    remedy = (
        f"there is a copy at {copy}: `nightporter archive verify --mend` puts it in its place"
        if copy is not None
        else "put the file back from a backup; nothing was read from this one"
    )
    return PermanentError(f"archive: {one.path}: {wrong}; {remedy}", status=409)
