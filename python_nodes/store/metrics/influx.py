"""Metrics in InfluxDB: one series a listing and source, one point a day, one field a metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import numpy as np
import polars as pl

from python_nodes.domain.metrics import METRICS, DayArray, IntArray, MetricMatrix, MetricPoints
from python_nodes.errors import PermanentError
from python_nodes.store.metrics import blocks, influx_lines, single_writer, twins
from python_nodes.store.metrics.influx_http import InfluxHttp, identifier, literal
from python_nodes.store.metrics.influx_lines import DAY_NS, MEASUREMENT
from python_nodes.store.session import Database

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LISTINGS_PER_QUERY = 250
QUERIES_AT_ONCE = 2
"""InfluxDB answers one query on one core; more than two of ours at once would only take it from others."""
NEVER = np.iinfo(np.int64).min
"""Before every time there is; as a datetime64 it reads NaT."""


class InfluxMetricStore:
    """A ``domain.metrics.MetricStore`` on an InfluxDB server.

    A later report overwrites the point of its day. Which report is the later one, InfluxDB does not compare: each point
    carries its report's as-of time, and what is older than that is dropped before it is sent. ``database`` lends
    the lock that keeps two writers of a tenant from doing so at once.
    """

    name = "influxdb"

    def __init__(self, http: InfluxHttp, database: Database) -> None:
        self.http = http
        self.database = database

    def write(self, tenant_id: int, points: MetricPoints) -> int:
        """Upsert by (listing, day, source): a told value replaces, NaN keeps, an older ``as_of_at`` never wins."""
        _check(list(points.values))
        source_tag = influx_lines.tag_value(points.source)
        if len(points.listing_id) == 0:
            return 0
        listing, day, told = twins.merge(points)
        as_of_us = (points.as_of_at - EPOCH) // timedelta(microseconds=1)
        with self.database.tenant(tenant_id) as conn:
            single_writer.wait(conn, tenant_id)
            keep = self._known_until_us(tenant_id, points.source, listing, day) <= as_of_us
            keep &= np.any([np.isfinite(values) for values in told.values()] or [np.zeros(len(day), np.bool_)], axis=0)
            kept = {name: values[keep] for name, values in told.items()}
            for body in influx_lines.batches(tenant_id, source_tag, as_of_us, listing[keep], day[keep], kept):
                self.http.write(body)
        return len(points.listing_id)

    def read(
        self, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date
    ) -> MetricMatrix:
        """Both ends inclusive. Where several sources tell the same point, the newest ``as_of_at`` wins."""
        _check(metrics)
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
        where = (
            f"tenant = {literal(str(tenant_id))} AND listing = {literal(str(listing_id))}"
            f" AND time >= {_ns(start)} AND time < {_ns(end + timedelta(days=1))}"
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
        wanted = np.asarray(listing_ids, dtype=np.int64)
        found = np.full(len(wanted), NEVER)
        order = np.argsort(wanted)
        for listing, frame in self._tables(tenant_id, [metric], wanted, None, until, newest=True):
            at = order[np.searchsorted(wanted, listing, sorter=order)]
            found[at] = frame["time"].to_numpy() // DAY_NS
        return found.astype("datetime64[D]")

    def count(self, tenant_id: int) -> tuple[int, int]:
        """Return (values held, series)."""
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
        where = [f"tenant = {literal(str(tenant_id))}", f"time < {_ns(end + timedelta(days=1))}"]
        where += [f"time >= {_ns(start)}"] if start else []
        where += [f"source = {literal(source)}"] if source is not None else []
        tags = "listing, source" if by_source else "listing"
        kinds = {"time": pl.Int64, **{name: pl.Int64 if name == "as_of" else pl.Float64 for name in fields}}

        def asked(first: int) -> bytes:
            names = "|".join(map(str, listing_ids[first : first + LISTINGS_PER_QUERY].tolist()))
            conditions = " AND ".join([*where, f"listing =~ /^({names})$/"])
            return self.http.table(f"SELECT {chosen} FROM {MEASUREMENT} WHERE {conditions} GROUP BY {tags}")

        with ThreadPoolExecutor(QUERIES_AT_ONCE) as pool:
            for body in pool.map(asked, range(0, len(listing_ids), LISTINGS_PER_QUERY)):
                if body:
                    frame = pl.read_csv(BytesIO(body), columns=["tags", *kinds], schema_overrides=kinds)
                    yield _listing_of(frame["tags"]), frame.drop("tags")


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


def _ns(day: date) -> int:
    return int(np.datetime64(day).astype(np.int64)) * DAY_NS


def _listing_of(tags: pl.Series) -> IntArray:
    """Read each row's listing from its tags; rows of one series are neighbours, so that each is parsed but once."""
    runs = tags.rle().struct.unnest()
    listing = runs["value"].str.extract(r"^listing=(\d+)").cast(pl.Int64).to_numpy()
    return np.repeat(listing, runs["len"].to_numpy())


def _check(names: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(METRICS))
    if unknown:
        raise PermanentError(f"unknown metric {unknown[0]}", field="metric")
