"""Poll runs: what was asked of a vendor, when, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, text, update

from python_nodes.store.tables import poll_runs

# A run that could use nothing of what came has brought no data, whatever it was answered.
_FRESHNESS = """
WITH runs AS (
  SELECT connection_id, operation, as_of_at, coalesce(error, 'all that came was rejected') AS reason,
    error IS NULL AND (rejected = 0 OR rejected < fetched) AS is_good
  FROM poll_runs WHERE finished_at IS NOT NULL AND as_of_at <= :as_of),
newest AS (
  SELECT connection_id, operation, max(as_of_at) FILTER (WHERE is_good) AS succeeded_at FROM runs GROUP BY 1, 2)
SELECT n.connection_id, n.operation, n.succeeded_at, min(r.as_of_at) AS failing_since_at, count(r.*) AS failures,
  (array_agg(r.reason ORDER BY r.as_of_at DESC))[1] AS reason
FROM newest n LEFT JOIN runs r ON r.connection_id = n.connection_id AND r.operation = n.operation AND NOT r.is_good
  AND (n.succeeded_at IS NULL OR r.as_of_at > n.succeeded_at)
GROUP BY 1, 2, 3 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh one operation's data are: None in ``failing_since_at`` is well, in ``succeeded_at`` never polled well.

    While it fails, the last good data stand as of ``succeeded_at``; ``failures`` in a row since then, ``reason`` is the
    latest failure's.
    """

    connection_id: int
    operation: str
    succeeded_at: datetime | None
    failing_since_at: datetime | None
    failures: int
    reason: str | None


def freshness(conn: Connection, as_of: datetime) -> list[Freshness]:
    """Return every polled connection's operations, in order, as they stood at ``as_of``."""
    return [Freshness(**row) for row in conn.execute(text(_FRESHNESS), {"as_of": as_of}).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """An active connection's operation that fails; ``channel`` is what the connection's settings name, if any."""

    connection_id: int
    connection: str
    vendor: str
    channel: str | None
    operation: str
    succeeded_at: datetime | None
    failing_since_at: datetime
    failures: int
    reason: str


def failing(conn: Connection, as_of: datetime) -> list[Failing]:
    """Return what fails at ``as_of``, in order of connection and operation."""
    query = text(
        "SELECT f.connection_id, c.name AS connection, c.vendor, c.settings ->> 'channel' AS channel, f.operation,"
        f" f.succeeded_at, f.failing_since_at, f.failures, f.reason FROM ({_FRESHNESS}) f"
        " JOIN connections c ON c.id = f.connection_id WHERE c.is_active AND f.failing_since_at IS NOT NULL"
        " ORDER BY f.connection_id, f.operation"
    )
    return [Failing(**row) for row in conn.execute(query, {"as_of": as_of}).mappings()]


def start(conn: Connection, connection_id: int, operation: str, as_of: datetime) -> int:
    """Open a run and return its id."""
    row = {"connection_id": connection_id, "operation": operation, "as_of_at": as_of}
    return int(conn.execute(insert(poll_runs).values(row).returning(poll_runs.c.id)).scalar_one())


def finish(
    conn: Connection,
    run_id: int,
    counts: Mapping[str, int],
    *,
    finished_at: datetime,
    error: str | None = None,
) -> None:
    """Close a run with its counts (fetched, stored, unchanged, rejected) or its error."""
    changes = {**counts, "finished_at": finished_at, "error": error}
    conn.execute(update(poll_runs).where(poll_runs.c.id == run_id).values(changes))


def last_good(conn: Connection, connection_id: int, operation: str) -> tuple[int, datetime] | None:
    """Return id and ``as_of`` of the newest run that ended without an error and could use some of what came."""
    query = (
        select(poll_runs.c.id, poll_runs.c.as_of_at)
        .where(
            poll_runs.c.connection_id == connection_id,
            poll_runs.c.operation == operation,
        )
        .where(poll_runs.c.finished_at.is_not(None), poll_runs.c.error.is_(None))
        .where((poll_runs.c.rejected == 0) | (poll_runs.c.rejected < poll_runs.c.fetched))
        .order_by(poll_runs.c.as_of_at.desc())
        .limit(1)
    )
    found = conn.execute(query).one_or_none()
    return None if found is None else (int(found.id), found.as_of_at)
