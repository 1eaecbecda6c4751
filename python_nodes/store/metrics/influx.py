"""Metrics in InfluxDB: one series a listing and source, one point a day, one field a metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import numpy as np
import polars as pl

from python_nodes import log
from python_nodes.domain.metrics import (
    METRICS,
    BandMatrix,
    Changes,
    DayArray,
    IntArray,
    MetricMatrix,
    MetricPoints,
    Settled,
)
from python_nodes.errors import NightporterError, PermanentError, RetryableError
from python_nodes.store.metrics import (
    bands_influx,
    blocks,
    change_notes,
    influx_hourly,
    influx_lines,
    influx_tables,
    series_queue,
    single_writer,
    twins,
)
from python_nodes.store.metrics.influx_http import RAW, InfluxHttp, identifier, literal
from python_nodes.store.metrics.influx_lines import DAY_NS, MEASUREMENT
from python_nodes.store.session import Database

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUEUE_BYTES = 1 << 30
"""How much may wait for a server that does not answer, unless the settings say so."""
NEVER = np.iinfo(np.int64).min
"""Before every time there is; as a datetime64 it reads NaT."""


class InfluxMetricStore:
    """A ``domain.metrics.MetricStore`` on an InfluxDB server.

    A later report overwrites the point of its day. Which report is the later one, InfluxDB does not compare: each point
    carries its report's as-of time, and what is older than that is dropped before it is sent. ``database`` lends
    the lock that keeps two writers of a tenant from doing so at once, and keeps what a server that is away must still
    get, at most ``queue_bytes``: in the order it came, before anything later, and before anything is read.
    """

    name = "influxdb"

    def __init__(
        self, http: InfluxHttp, database: Database, *, queue_bytes: int = QUEUE_BYTES, readings: bool = False
    ) -> None:
        self.http = http
        self.database = database
        self.queue_bytes = queue_bytes
        self.readings = readings

    def write(self, tenant_id: int, points: MetricPoints) -> int:
        """Upsert by (listing, day, source): a told value replaces, NaN keeps, an older ``as_of_at`` never wins.

        What a server that is away or overloaded does not take waits on disk, and counts as written.
        """
        _check(list(points.values))
        influx_lines.tag_value(points.source)
        if len(points.listing_id) == 0:
            return 0
        with suppress(RetryableError):
            self._settle(tenant_id)
        with self.database.tenant(tenant_id) as conn:
            single_writer.wait(conn, tenant_id)
            if not series_queue.is_empty(conn):
                series_queue.add(conn, points, most_bytes=self.queue_bytes)
                return len(points.listing_id)
            try:
                self._send(tenant_id, points)
                change_notes.add(conn, points.listing_id, points.day_date)
            except RetryableError as error:
                wait_s, why = error.retry_after_s or 1.0, str(error)
                series_queue.add(conn, points, most_bytes=self.queue_bytes, wait_s=wait_s, reason=why)
                log.get("series_queue").warning("queued", tenant_id=tenant_id, rows=len(points.listing_id), reason=why)
        return len(points.listing_id)

    def drain(self, tenant_id: int, *, at_once: bool = False) -> int:
        """Write what waits, the oldest first; return how many reports were written, or raise why no more can be.

        A report is forgotten after it was written: one that both happened to, and then the process died, is written
        once more and changes nothing. ``at_once`` tries even if an attempt failed a moment ago.
        """
        drained = 0
        while self._drain_one(tenant_id, at_once=at_once):
            drained += 1
        if drained:
            log.get("series_queue").info("drained", tenant_id=tenant_id, reports=drained)
        return drained

    def settle(self, tenant_id: int, since: datetime, until: datetime) -> Settled:
        """Write what waits, and make the hourly readings of what was told between two moments."""
        drained = self.drain(tenant_id)
        return Settled(drained, influx_hourly.make(self.http, tenant_id, since, until) if self.readings else 0)

    def waiting(self, tenant_id: int) -> series_queue.Waiting:
        """Return how much waits for the server."""
        with self.database.tenant(tenant_id) as conn:
            return series_queue.state(conn)

    def _drain_one(self, tenant_id: int, *, at_once: bool) -> bool:
        failed: NightporterError | None = None
        with self.database.tenant(tenant_id) as conn:
            single_writer.wait(conn, tenant_id)
            first = series_queue.head(conn)
            if first is None:
                return False
            if not first.is_due and not at_once:
                told = f"{series_queue.state(conn).entries} reports wait for InfluxDB at {self.http.address.url}"
                raise RetryableError(f"{told}: {first.reason}", retry_after_s=first.wait_s)
            try:
                self._send(tenant_id, first.points)
                change_notes.add(conn, first.points.listing_id, first.points.day_date)
                series_queue.remove(conn, first.entry_id)
            except NightporterError as error:
                series_queue.put_off(conn, first.entry_id, str(error), getattr(error, "retry_after_s", None))
                failed = error
        if failed is not None:
            raise failed
        return True

    def _settle(self, tenant_id: int) -> None:
        """Write first what waits; nothing read is older than what was written."""
        with self.database.tenant(tenant_id) as conn:
            if series_queue.is_empty(conn):
                return
        self.drain(tenant_id)

    def _send(self, tenant_id: int, points: MetricPoints) -> None:
        source_tag = influx_lines.tag_value(points.source)
        listing, day, told = twins.merge(points)
        as_of_us = (points.as_of_at - EPOCH) // timedelta(microseconds=1)
        keep = self._known_until_us(tenant_id, points.source, listing, day) <= as_of_us
        keep &= np.any([np.isfinite(values) for values in told.values()] or [np.zeros(len(day), np.bool_)], axis=0)
        rows = listing[keep], day[keep], {name: values[keep] for name, values in told.items()}
        for body in influx_lines.batches(tenant_id, source_tag, as_of_us, *rows):
            self.http.write(body)
        if self.readings:
            for body in influx_lines.readings(tenant_id, source_tag, as_of_us, *rows):
                self.http.write(body, RAW)

    def read(
        self, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date
    ) -> MetricMatrix:
        """Both ends inclusive. Where several sources tell the same point, the newest ``as_of_at`` wins."""
        _check(metrics)
        self._settle(tenant_id)
        wanted = np.asarray(listing_ids, dtype=np.int64)
        days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
        filled = {name: np.full((len(wanted), len(days)), np.nan) for name in metrics}
        matrix = MetricMatrix(listing_ids=wanted, days=days, values=filled)
        told = sum(_fill(matrix, *table) for table in self._tables(tenant_id, metrics, wanted, start, end))
        if told > sum(int(np.isfinite(values).sum()) for values in filled.values()):
            # Some point has two sources. Only here is it worth what it costs to read which report was the later one.
            dated = ["as_of", *metrics]
            for listing, frame in self._tables(tenant_id, dated, wanted, start, end, by_source=True):
                rank = np.argsort(frame["as_of"].to_numpy(), kind="stable")
                _fill(matrix, listing[rank], frame[rank])
        return matrix

    def told_by(self, tenant_id: int, listing_id: int, start: date, end: date) -> list[MetricPoints]:
        """All that is told of one listing: a block for each source and as-of time, oldest first."""
        self._settle(tenant_id)
        where = (
            f"tenant = {literal(str(tenant_id))} AND listing = {literal(str(listing_id))}"
            f" AND time >= {influx_tables.ns(start)} AND time < {influx_tables.ns(end + timedelta(days=1))}"
        )
        chosen = ", ".join(map(identifier, ("as_of", *METRICS)))
        body = self.http.table(f"SELECT {chosen} FROM {MEASUREMENT} WHERE {where} GROUP BY source")
        if not body:
            return []
        kinds = {"time": pl.Int64, "as_of": pl.Int64, **dict.fromkeys(METRICS, pl.Float64)}
        frame = pl.read_csv(BytesIO(body), columns=["tags", *kinds], schema_overrides=kinds)
        found = frame.sort("as_of", "tags", "time").partition_by("as_of", "tags", maintain_order=True)
        return [_block(listing_id, one) for one in found]

    def last_told_day(self, tenant_id: int, metric: str, listing_ids: Sequence[int], until: date) -> DayArray:
        """Return (len(listing_ids),) datetime64[D]: the last day up to ``until`` that tells ``metric``, or NaT."""
        _check([metric])
        self._settle(tenant_id)
        wanted = np.asarray(listing_ids, dtype=np.int64)
        found = np.full(len(wanted), NEVER)
        order = np.argsort(wanted)
        for listing, frame in self._tables(tenant_id, [metric], wanted, None, until, newest=True):
            at = order[np.searchsorted(wanted, listing, sorter=order)]
            found[at] = frame["time"].to_numpy() // DAY_NS
        return found.astype("datetime64[D]")

    def changes(self, tenant_id: int, since: str | None) -> Changes:
        """Tell what was written after a mark of ``changes``; None for a first mark."""
        self._settle(tenant_id)
        with self.database.tenant(tenant_id) as conn:
            return change_notes.changes(conn, since)

    def count(self, tenant_id: int) -> tuple[int, int]:
        """Return (values held, series)."""
        self._settle(tenant_id)
        # By series and by name: grouping by listing alone merges sources row by row, and takes more than twice as long.
        chosen = ", ".join(f"count({identifier(name)}) AS {identifier(name)}" for name in METRICS)
        where = f"tenant = {literal(str(tenant_id))}"
        body = self.http.table(f"SELECT {chosen} FROM {MEASUREMENT} WHERE {where} GROUP BY listing, source")
        if not body:
            return 0, 0
        frame = pl.read_csv(
            BytesIO(body), columns=["tags", *METRICS], schema_overrides=dict.fromkeys(METRICS, pl.Int64)
        )
        listing = frame["tags"].str.extract(r"^listing=(\d+)")
        counts = frame.drop("tags").group_by(listing).sum().drop("tags").to_numpy()
        return int(counts.sum()), int((counts > 0).sum())

    def write_bands(self, tenant_id: int, bands: BandMatrix) -> int:
        """Keep what was expected; what was told of the same listing, metric and day is replaced."""
        return bands_influx.write(self.http, tenant_id, bands)

    def read_bands(
        self, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date
    ) -> BandMatrix:
        """Both ends inclusive; NaN where nothing is kept."""
        return bands_influx.read(self.http, tenant_id, metrics, listing_ids, start, end)

    def ping(self) -> None:
        """Raise ``RetryableError`` if InfluxDB does not answer, ``PermanentError`` if it is not set up for us."""
        self.http.ping()

    def _known_until_us(self, tenant_id: int, source: str, listing: IntArray, day: DayArray) -> IntArray:
        """Return (n,) int64: the as-of time that each row's point carries, or the least integer if there is none.

        ``listing`` and ``day`` come sorted by (listing, day), each pair once.
        """
        first, n_days = day.min(), int((day.max() - day.min()).astype(np.int64)) + 1
        listings = np.unique(listing)
        keys = np.searchsorted(listings, listing) * n_days + (day - first).astype(np.int64)
        until = np.full(len(keys), NEVER)
        rows = self._tables(tenant_id, ["as_of"], listings, first.item(), day.max().item(), source=source)
        for found, frame in rows:
            offset = frame["time"].to_numpy() // DAY_NS - first.astype(np.int64)
            known = np.searchsorted(listings, found) * n_days + offset
            at = np.minimum(np.searchsorted(keys, known), len(keys) - 1)
            hit = keys[at] == known
            until[at[hit]] = frame["as_of"].to_numpy()[hit]
        return until

    def _tables(
        self, tenant_id: int, fields: Sequence[str], listing_ids: IntArray, start: date | None, end: date,
        *, source: str | None = None, newest: bool = False, by_source: bool = False,
    ) -> Iterator[tuple[IntArray, pl.DataFrame]]:  # fmt: skip
        """Give each block's rows: the listing (n,), and ``time`` with the fields.

        Rows come by listing and time, or where ``by_source`` by listing, source and time. A row tells at least one of
        the fields; with ``newest`` it is a listing's last that does.
        """
        chosen = ", ".join(f"last({name}) AS {name}" if newest else identifier(name) for name in fields)
        where = influx_tables.conditions(tenant_id, start, end)
        where += [f"source = {literal(source)}"] if source is not None else []
        kinds = {name: pl.Int64 if name == "as_of" else pl.Float64 for name in fields}
        by = "listing, source" if by_source else "listing"
        select = f"SELECT {chosen} FROM {MEASUREMENT}"
        return influx_tables.of_listings(self.http, select, kinds, listing_ids, where, by)


def _block(listing_id: int, frame: pl.DataFrame) -> MetricPoints:
    """Rows of one source and as-of time."""
    told = EPOCH + timedelta(microseconds=int(frame["as_of"][0]))
    days = (frame["time"].to_numpy() // DAY_NS).astype("datetime64[D]").tolist()
    source = str(frame["tags"][0]).removeprefix("source=")
    return blocks.of(listing_id, source, told, list(zip(days, frame.select(METRICS).rows(), strict=True)))


def _fill(matrix: MetricMatrix, listing: IntArray, frame: pl.DataFrame) -> int:
    """Put rows into their places, the last row's value where two have one place; return how many values they tell."""
    order = np.argsort(matrix.listing_ids)
    at = order[np.searchsorted(matrix.listing_ids, listing, sorter=order)]
    column = frame["time"].to_numpy() // DAY_NS - matrix.days[0].astype(np.int64)
    n_told = 0
    for name, into in matrix.values.items():
        values = frame[name].to_numpy()
        told = np.isfinite(values)
        n_told += int(told.sum())
        into[at[told], column[told]] = values[told]
    return n_told


def _check(names: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(METRICS))
    if unknown:
        raise PermanentError(f"unknown metric {unknown[0]}", field="metric")
