"""Metrics in PostgreSQL: one wide row a listing, day and source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from itertools import groupby

import numpy as np
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from python_nodes.domain.metrics import (
    METRICS,
    BandMatrix,
    Changes,
    DayArray,
    MetricMatrix,
    MetricPoints,
    Settled,
)
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.store import copying
from python_nodes.store.metrics import (
    bands_postgres,
    blocks,
    change_notes,
    counted,
    postgres_read,
    single_writer,
    twins,
)
from python_nodes.store.metrics.counted import Counted
from python_nodes.store.session import Database, current_tenant

_NEAR = (
    "m.tenant_id = :tenant AND m.source = :source AND m.listing_id BETWEEN :first AND :last"
    " AND m.day_date BETWEEN :start AND :end"
)
"""Bounds what must be read of a large table."""

_KNOWN = (
    "SELECT EXISTS (SELECT 1 FROM metrics_daily m WHERE m.tenant_id = :tenant AND m.source = :source"
    " AND m.listing_id = ANY(:ids) AND m.day_date BETWEEN :start AND :end)"
)


class PostgresMetricStore:
    """A ``domain.metrics.MetricStore`` on ``metrics_daily``."""

    name = "postgresql"

    def __init__(self, database: Database) -> None:
        self.database = database
        self._counted: dict[int, Counted] = {}

    def write(self, tenant_id: int, points: MetricPoints) -> int:
        """Upsert by (listing, day, source): a told value replaces, NaN keeps, an older ``as_of_at`` never wins."""
        with self.database.tenant(tenant_id) as conn:
            return write(conn, points)

    def read(
        self,
        tenant_id: int,
        metrics: Sequence[str],
        listing_ids: Sequence[int],
        start: date,
        end: date,
    ) -> MetricMatrix:
        """Both ends inclusive. Where several sources tell the same point, the newest ``as_of_at`` wins."""
        with self.database.tenant(tenant_id) as conn:
            return read(conn, metrics, listing_ids, start, end)

    def told_by(self, tenant_id: int, listing_id: int, start: date, end: date) -> list[MetricPoints]:
        """All that is told of one listing: a block for each source and as-of time, oldest first."""
        query = text(
            f"SELECT day_date, source, as_of_at, {', '.join(METRICS)} FROM metrics_daily"
            " WHERE listing_id = :id AND day_date BETWEEN :start AND :end ORDER BY as_of_at, source, day_date"
        )
        with self.database.tenant(tenant_id) as conn:
            rows = conn.execute(query, {"id": listing_id, "start": start, "end": end}).all()
        return [
            blocks.of(listing_id, source, as_of_at, [(row.day_date, row[3:]) for row in group])
            for (as_of_at, source), group in groupby(rows, key=lambda row: (row.as_of_at, row.source))
        ]

    def last_told_day(self, tenant_id: int, metric: str, listing_ids: Sequence[int], until: date) -> DayArray:
        """Return (len(listing_ids),) datetime64[D]: the last day up to ``until`` that tells ``metric``, or NaT."""
        with self.database.tenant(tenant_id) as conn:
            return last_told_day(conn, metric, listing_ids, until)

    def changes(self, tenant_id: int, since: str | None) -> Changes:
        """Tell what was written after a mark of ``changes``; None for a first mark."""
        with self.database.tenant(tenant_id) as conn:
            return change_notes.changes(conn, since)

    def count(self, tenant_id: int) -> tuple[int, int]:
        """Return (values held, series)."""
        with self.database.tenant(tenant_id) as conn:
            told = counted.count(conn, self._counted.get(tenant_id))
        # Two at once count the same; whichever is kept, its mark tells what is to be counted again.
        self._counted[tenant_id] = told
        return told.total()

    def write_bands(self, tenant_id: int, bands: BandMatrix) -> int:
        """Keep what was expected; what was told of the same listing, metric and day is replaced."""
        with self.database.tenant(tenant_id) as conn:
            return bands_postgres.write(conn, bands)

    def read_bands(
        self, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date
    ) -> BandMatrix:
        """Both ends inclusive; NaN where nothing is kept."""
        with self.database.tenant(tenant_id) as conn:
            return bands_postgres.read(conn, metrics, listing_ids, start, end)

    def settle(self, tenant_id: int, since: datetime, until: datetime) -> Settled:
        """Nothing waits, and no readings are kept."""
        return Settled(0, 0)

    def ping(self) -> None:
        """Raise if the database does not answer."""
        try:
            self.database.ping()
        except OperationalError:
            raise RetryableError("PostgreSQL does not answer") from None


def _check(names: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(METRICS))
    if unknown:
        raise PermanentError(f"unknown metric {unknown[0]}", field="metric")


def _insert_sql(names: Iterable[str]) -> str:
    told = ", ".join(names)
    return (
        f"INSERT INTO metrics_daily (tenant_id, source, as_of_at, {told})"
        f" SELECT :tenant, :source, :as_of_at, {told} FROM pg_temp.staged_metrics"
    )


def _merge_sql(names: Iterable[str]) -> str:
    staged = list(names)
    kept = "".join(f", {name} = coalesce(s.{name}, m.{name})" for name in staged if name in METRICS)
    return (
        f"MERGE INTO metrics_daily m USING pg_temp.staged_metrics s ON {_NEAR}"
        " AND m.listing_id = s.listing_id AND m.day_date = s.day_date"
        f" WHEN MATCHED AND m.as_of_at <= :as_of_at THEN UPDATE SET as_of_at = :as_of_at{kept}"
        f" WHEN NOT MATCHED THEN INSERT (tenant_id, source, as_of_at, {', '.join(staged)})"
        f" VALUES (:tenant, :source, :as_of_at, {', '.join(f's.{name}' for name in staged)})"
    )


def write(conn: Connection, points: MetricPoints) -> int:
    """Do as ``PostgresMetricStore.write`` within the caller's transaction."""
    _check(list(points.values))
    if len(points.listing_id) == 0:
        return 0
    listing, day, told = twins.merge(points)
    staged = {"listing_id": listing, "day_date": day, **told}
    copying.stage(conn, "staged_metrics", staged)
    tenant = current_tenant(conn)
    # INSERT and MERGE are each faster than ON CONFLICT, but two writers would both find a row missing.
    single_writer.wait(conn, tenant)
    bound = {
        "tenant": tenant, "source": points.source, "as_of_at": points.as_of_at.astimezone(UTC),
        "first": int(listing[0]), "last": int(listing[-1]), "start": day.min().item(), "end": day.max().item(),
    }  # fmt: skip
    known = conn.execute(text(_KNOWN), {**bound, "ids": np.unique(listing).tolist()}).scalar_one()
    conn.execute(text(_merge_sql(staged) if known else _insert_sql(staged)), bound)
    change_notes.add(conn, listing, day)
    return len(points.listing_id)


def read(
    conn: Connection,
    metrics: Sequence[str],
    listing_ids: Sequence[int],
    start: date,
    end: date,
) -> MetricMatrix:
    """Do as ``PostgresMetricStore.read`` within the caller's transaction."""
    _check(metrics)
    return postgres_read.read(conn, metrics, listing_ids, start, end)


def last_told_day(conn: Connection, metric: str, listing_ids: Sequence[int], until: date) -> DayArray:
    """Return (len(listing_ids),) datetime64[D]: the last day up to ``until`` on which ``metric`` is told, or NaT."""
    _check([metric])
    return postgres_read.last_told_day(conn, metric, listing_ids, until)
