"""How the system stands, by the tenant's rows: what waits, since when, and what fails; ages by the server's clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from python_nodes.domain.gauges import Reading
from python_nodes.store import undelivered
from python_nodes.store.tables import deliveries


@dataclass(frozen=True, slots=True)
class Question:
    """One statement: its columns are labels by the names of ``labels``, all others are gauges."""

    sql: str
    labels: tuple[str, ...] = ()


def _age(column: str) -> str:
    return f"extract(epoch FROM clock_timestamp() - min({column}))::float8"


_HOPEFUL = str(undelivered.hopeful().compile(compile_kwargs={"literal_binds": True})).replace(
    f"{deliveries.name}.", "d."
)
# A poll's `as_of` may be any moment; when its answer came is what tells how fresh it is.
_POLLS = """
WITH runs AS (
  SELECT r.connection_id, c.vendor, r.operation, r.id, r.finished_at,
    r.error IS NULL AND (r.rejected = 0 OR r.rejected < r.fetched) AS is_good
  FROM poll_runs r JOIN connections c ON c.id = r.connection_id AND c.is_active
  WHERE r.finished_at > clock_timestamp() - interval '8 days'),
good AS (
  SELECT connection_id, operation, max(id) AS id, max(finished_at) AS at FROM runs WHERE is_good GROUP BY 1, 2)
SELECT r.connection_id, r.vendor AS channel_type, r.operation AS sync_type,
  extract(epoch FROM g.at)::float8 AS nightporter_connection_last_success_timestamp_seconds,
  count(*) FILTER (WHERE NOT r.is_good AND r.id > coalesce(g.id, 0)) AS nightporter_connection_failures
FROM runs r LEFT JOIN good g USING (connection_id, operation) GROUP BY 1, 2, 3, 4
"""
_QUESTIONS = (
    Question(_POLLS, ("connection_id", "channel_type", "sync_type")),
    Question(
        "SELECT category AS severity, count(*) AS nightporter_alerts_open FROM alerts WHERE resolved_at IS NULL"
        " GROUP BY 1",
        ("severity",),
    ),
    Question(
        "SELECT d.sender, CASE WHEN d.status <> 'failed' THEN d.status"
        f" WHEN {_HOPEFUL} THEN 'failed' ELSE 'given_up' END AS status, count(*) AS nightporter_deliveries_waiting"
        " FROM deliveries d WHERE d.status IN ('planned', 'sending')"
        f" OR (d.status = 'failed' AND ({_HOPEFUL} OR d.finished_at > clock_timestamp() - interval '1 day'))"
        " GROUP BY 1, 2",
        ("sender", "status"),
    ),
    Question(
        f"SELECT type, count(*) AS nightporter_outbox_pending, {_age('created_at')}"
        " AS nightporter_outbox_oldest_seconds FROM outbox WHERE dispatched_at IS NULL GROUP BY 1",
        ("type",),
    ),
    Question(
        "SELECT kind, state, count(*) AS nightporter_jobs_open FROM jobs WHERE state IN ('queued', 'running')"
        " GROUP BY 1, 2",
        ("kind", "state"),
    ),
    Question(
        f"SELECT kind, {_age('created_at')} AS nightporter_jobs_oldest_queued_seconds FROM jobs"
        " WHERE state = 'queued' GROUP BY 1",
        ("kind",),
    ),
    Question("SELECT count(*) AS nightporter_rejected_open FROM rejected WHERE replayed_at IS NULL"),
    Question(
        f"SELECT count(*) AS nightporter_series_queue_length, {_age('queued_at')}"
        " AS nightporter_series_queue_oldest_seconds FROM series_queue"
    ),
)


def read(conn: Connection, tenant_id: int) -> Iterator[Reading]:
    """Ask every question; what has no value, such as the age of nothing, is left out."""
    for question in _QUESTIONS:
        for row in conn.execute(text(question.sql)).mappings():
            labels = {"tenant_id": tenant_id, **{name: row[name] for name in question.labels}}
            for name in row.keys() - set(question.labels):
                if row[name] is not None:
                    yield Reading(name=name, value=float(row[name]), labels=labels)
    for sender, seconds in undelivered.longest_waiting_s(conn).items():
        labels = {"tenant_id": tenant_id, "sender": sender}
        yield Reading(
            name="nightporter_deliveries_oldest_waiting_seconds", value=max(seconds, 0.0), labels=labels
        )  # fmt: skip


def active_connections(conn: Connection) -> list[tuple[int, str]]:
    """Return id and vendor of every connection in use."""
    rows = conn.execute(text("SELECT id, vendor FROM connections WHERE is_active ORDER BY id"))
    return [(int(row.id), str(row.vendor)) for row in rows]
