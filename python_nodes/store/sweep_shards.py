"""Shards of a sweep that many processes share: a row each, and a lock that whoever works on it holds.

The lock is its transaction's. A process that dies loses it at once, wherever it ran, and its shard is as it was: no
lease has to run out, and nobody's clock is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, text, update

from python_nodes.store.tables import sweep_shards

_S = sweep_shards.c
_KEY = "hashtextextended('nightporter.sweep:' || tenant_id || ':' || job_id || ':' || shard, 0)"
# Row by row in this order, and no further than the first that is free: a lock is taken by being asked for.
_TAKE = text(
    "SELECT shard FROM (SELECT tenant_id, job_id, shard FROM sweep_shards WHERE job_id = :job_id AND done_at IS NULL"
    f" ORDER BY tries, shard OFFSET 0) AS waiting WHERE pg_try_advisory_xact_lock({_KEY}) LIMIT 1"
)
_FREE = text(
    f"SELECT count(*) FILTER (WHERE pg_try_advisory_xact_lock({_KEY})), count(*) FROM sweep_shards"
    " WHERE job_id = :job_id AND done_at IS NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Listings that one process looks at, what it must know of all others, and how often it was tried before."""

    number: int
    listing_ids: Sequence[int]
    given: Mapping[str, Any]
    tries: int


def plan(conn: Connection, job_id: str, parts: Sequence[Sequence[int]], given: Mapping[str, Any]) -> None:
    """Write a job's shards; ``given`` is the same for all."""
    rows = [
        {"job_id": job_id, "shard": number, "listing_ids": list(ids), "given": dict(given)}
        for number, ids in enumerate(parts)
    ]
    conn.execute(insert(sweep_shards), rows)


def count(conn: Connection, job_id: str) -> tuple[int, int]:
    """Return how many of how many are done."""
    row = conn.execute(select(func.count(_S.done_at), func.count()).where(_S.job_id == job_id)).one()
    return int(row[0]), int(row[1])


def take(conn: Connection, job_id: str) -> Shard | None:
    """Hold the next one that nobody works on until the end of the transaction; None where there is none."""
    while True:
        number = conn.execute(_TAKE, {"job_id": job_id}).scalar_one_or_none()
        if number is None:
            return None
        one = conn.execute(
            select(_S.listing_ids, _S.given, _S.tries).where(_here(job_id, number), _S.done_at.is_(None))
        ).first()
        # Who held it before may have ended it between the look and the lock.
        if one is not None:
            return Shard(number=number, listing_ids=one.listing_ids, given=one.given, tries=one.tries)


def note_try(conn: Connection, job_id: str, number: int) -> None:
    """Count a try, in a transaction that ends before it begins: its worker may not live to tell."""
    conn.execute(update(sweep_shards).where(_here(job_id, number)).values(tries=_S.tries + 1))


def finish(conn: Connection, job_id: str, number: int, told: str, at: datetime) -> tuple[int, int]:
    """Keep what a shard told, in a transaction that holds the job; return how many of how many are done."""
    conn.execute(update(sweep_shards).where(_here(job_id, number)).values(done_at=at, told=told))
    return count(conn, job_id)


def told(conn: Connection, job_id: str) -> list[str]:
    """Return what all shards told, in their order."""
    return list(conn.execute(select(_S.told).where(_S.job_id == job_id).order_by(_S.shard)).scalars())


def idle(conn: Connection, job_id: str) -> int:
    """Count those that wait, where nobody works on any; held so until the end of the transaction."""
    free, waiting = conn.execute(_FREE, {"job_id": job_id}).one()
    return int(free) if free == waiting else 0


def forget(conn: Connection, job_id: str) -> None:
    """Remove a job's shards."""
    conn.execute(delete(sweep_shards).where(_S.job_id == job_id))


def _here(job_id: str, number: int) -> ColumnElement[bool]:
    return and_(_S.job_id == job_id, _S.shard == number)
