"""Long jobs and how far they have come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from python_nodes.errors import NotFoundError
from python_nodes.store.tables import jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job; ``state`` is queued, running, done or failed."""

    job_id: str
    kind: str
    state: str
    done: int
    total: int
    result: dict[str, Any]
    error: str | None
    updated_at: datetime


def create(conn: Connection, job_id: str, kind: str, total: int, *, at: datetime) -> None:
    """Write a queued job."""
    row = {
        "job_id": job_id, "kind": kind, "state": "queued", "done": 0, "total": total, "created_at": at,
        "updated_at": at,
    }  # fmt: skip
    conn.execute(insert(jobs).values(row))


def progress(
    conn: Connection, job_id: str, *, at: datetime, state: str = "running", done: int | None = None,
    total: int | None = None, result: Mapping[str, Any] | None = None, error: str | None = None,
) -> None:  # fmt: skip
    """Tell how far a job has come; what is None stays as it is."""
    told = {
        "done": done,
        "total": total,
        "result": None if result is None else dict(result),
        "error": error,
    }
    row = {name: value for name, value in told.items() if value is not None}
    conn.execute(update(jobs).where(jobs.c.job_id == job_id).values(state=state, updated_at=at, **row))


def silent(conn: Connection, since_at: datetime) -> list[str]:
    """Return and hold the jobs that are neither done nor failed and of which nobody has heard since."""
    waits = jobs.c.state.in_(("queued", "running")) & (jobs.c.updated_at < since_at)
    query = select(jobs.c.job_id).where(waits).order_by(jobs.c.created_at).with_for_update(skip_locked=True)
    return list(conn.execute(query).scalars())


def heard_of(conn: Connection, job_ids: Sequence[str], at: datetime) -> None:
    """Note that jobs were handed over again: not once more before they have been silent for as long again."""
    conn.execute(update(jobs).where(jobs.c.job_id.in_(job_ids)).values(updated_at=at))


def get(conn: Connection, job_id: str) -> Job:
    """Return one job or raise NotFoundError."""
    return _one(conn, job_id, select(jobs).where(jobs.c.job_id == job_id))


def hold(conn: Connection, job_id: str) -> Job:
    """Return one job as nobody else changes it before the end of the transaction."""
    return _one(conn, job_id, select(jobs).where(jobs.c.job_id == job_id).with_for_update())


def _one(conn: Connection, job_id: str, query: Select[Any]) -> Job:
    row = conn.execute(query).first()
    if row is None:
        raise NotFoundError(f"job {job_id} does not exist")
    return Job(
        job_id=row.job_id, kind=row.kind, state=row.state, done=row.done, total=row.total, result=row.result,
        error=row.error, updated_at=row.updated_at,
    )  # fmt: skip
