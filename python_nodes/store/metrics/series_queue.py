"""Reports that wait for InfluxDB, in PostgreSQL: kept in the order they came, and gone only once they are written.

Whoever calls these holds the tenant's ``single_writer`` lock, so that nothing overtakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import polars as pl
from sqlalchemy import Connection, text

from python_nodes.domain.metrics import METRICS, MetricPoints
from python_nodes.errors import RetryableError

LONGEST_WAIT_S = 60
ROWS_PER_ENTRY = 100_000
_HEAD = text(
    "SELECT id, source, as_of_at, points, attempts, reason, retry_at <= clock_timestamp() AS is_due,"
    " extract(epoch FROM retry_at - clock_timestamp())::float8 AS wait_s FROM series_queue ORDER BY id LIMIT 1"
)
_ADD = text(
    "INSERT INTO series_queue (source, as_of_at, points, rows, bytes, queued_at, retry_at, reason)"
    " VALUES (:source, :as_of_at, :points, :rows, :bytes, clock_timestamp(),"
    " clock_timestamp() + make_interval(secs => :wait_s), :reason)"
)
_PUT_OFF = text(
    "UPDATE series_queue SET attempts = attempts + 1, reason = :reason, retry_at = clock_timestamp()"
    " + make_interval(secs => greatest(:wait_s, least(:longest, 2 ^ least(attempts, 6)))) WHERE id = :id"
)
_STATE = text(
    "SELECT count(*) AS entries, coalesce(sum(rows), 0)::bigint AS rows, coalesce(sum(bytes), 0)::bigint AS bytes,"
    " min(queued_at) AS oldest_at, (array_agg(reason ORDER BY id))[1] AS reason FROM series_queue"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The report that is next; ``is_due`` unless an attempt failed a moment ago, in which case ``wait_s`` are left."""

    entry_id: int
    points: MetricPoints
    is_due: bool
    wait_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much waits, since when, and why the first could not be written."""

    entries: int
    rows: int
    bytes: int
    oldest_at: datetime | None
    reason: str


def is_empty(conn: Connection) -> bool:
    """Return whether nothing waits."""
    return not conn.execute(text("SELECT EXISTS (SELECT 1 FROM series_queue)")).scalar_one()


def state(conn: Connection) -> Waiting:
    """Return how much waits."""
    row = conn.execute(_STATE).one()
    return Waiting(
        entries=row.entries, rows=row.rows, bytes=row.bytes, oldest_at=row.oldest_at, reason=row.reason or ""
    )  # fmt: skip


def add(conn: Connection, points: MetricPoints, *, most_bytes: int, wait_s: float = 0.0, reason: str = "") -> None:
    """Let a report wait behind all others; refused, to be tried again later, where too much waits already."""
    for first in range(0, len(points.listing_id), ROWS_PER_ENTRY):
        part = slice(first, first + ROWS_PER_ENTRY)
        packed = _pack(points, part)
        waiting = state(conn).bytes
        if waiting + len(packed) > most_bytes:
            told = f"the queue for InfluxDB is full ({waiting >> 20} of {most_bytes >> 20} MB wait)"
            hint = "mend InfluxDB, or raise NIGHTPORTER_INFLUX_QUEUE_MB; what was asked for is taken again later"
            raise RetryableError(f"{told}: {hint}", retry_after_s=LONGEST_WAIT_S)
        conn.execute(
            _ADD,
            {
                "source": points.source, "as_of_at": points.as_of_at.astimezone(UTC), "points": packed,
                "rows": len(points.listing_id[part]), "bytes": len(packed), "wait_s": wait_s, "reason": reason[:500],
            },
        )  # fmt: skip


def head(conn: Connection) -> Entry | None:
    """Return the report that is next, None where nothing waits."""
    row = conn.execute(_HEAD).first()
    if row is None:
        return None
    points = _unpack(bytes(row.points), row.source, row.as_of_at)
    return Entry(entry_id=row.id, points=points, is_due=row.is_due, wait_s=max(row.wait_s, 0.0), reason=row.reason)


def put_off(conn: Connection, entry_id: int, reason: str, wait_s: float | None) -> None:
    """Note a failed attempt: the next comes after twice the time, a minute at the longest, or when the server says."""
    told = {"id": entry_id, "reason": reason[:500], "wait_s": wait_s or 0.0, "longest": LONGEST_WAIT_S}
    conn.execute(_PUT_OFF, told)


def remove(conn: Connection, entry_id: int) -> None:
    """Forget a report that has been written."""
    conn.execute(text("DELETE FROM series_queue WHERE id = :id"), {"id": entry_id})


def _pack(points: MetricPoints, part: slice) -> bytes:
    columns = {name: values[part] for name, values in points.values.items()}
    days = points.day_date[part].astype("datetime64[D]").astype(np.int64)
    frame = pl.DataFrame({"listing_id": points.listing_id[part].astype(np.int64), "day": days, **columns})
    packed = BytesIO()
    frame.write_ipc_stream(packed, compression="zstd")
    return packed.getvalue()


def _unpack(packed: bytes, source: str, as_of_at: datetime) -> MetricPoints:
    frame = pl.read_ipc_stream(BytesIO(packed))
    return MetricPoints(
        listing_id=frame["listing_id"].to_numpy(),
        day_date=frame["day"].to_numpy().astype("datetime64[D]"),
        source=source,
        as_of_at=as_of_at.astimezone(UTC),
        values={name: frame[name].to_numpy() for name in METRICS if name in frame.columns},
    )
