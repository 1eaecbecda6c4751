"""A server that dies, hangs or fills its disk while reports come in: nothing lost, nothing double, in order."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest
from sqlalchemy import text

from python_nodes.domain.metrics import MetricPoints
from python_nodes.errors import RetryableError
from python_nodes.local import influx, processes
from python_nodes.local.influx import Influx
from python_nodes.store.metrics import series_queue
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxHttp
from python_nodes.store.metrics.series_queue import Waiting
from python_nodes.store.session import Database
from tests.conftest import MigratedDatabase, influx_build
from tests.small_disk import mounted

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
N_LISTINGS, N_REPORTS = 40, 60


@pytest.fixture(params=[build.version for build in influx.BUILDS])
def build(request: pytest.FixtureRequest) -> influx.Build:
    return influx_build(request.param)


@dataclass
class Server:
    """A server on one folder and port, that can die and come back."""

    build: influx.Build
    root: Path
    port: int
    now: Influx | None = None

    def come(self) -> Influx:
        self._held = influx.run(self.root, self.build, port=self.port)
        self.now = self._held.__enter__()
        return self.now

    def die(self) -> None:
        """As by a power cut."""
        assert self.now is not None
        psutil.Process(self.now.child.process.pid).kill()
        self.now.child.process.wait()

    def leave(self) -> None:
        self._held.__exit__(None, None, None)


@pytest.fixture
def server(build: influx.Build, tmp_path: Path) -> Iterator[Server]:
    made = Server(build, tmp_path / "influx", processes.free_port())
    made.come()
    yield made
    made.leave()


def opened(server: Server, database: Database, *, queue_bytes: int = 1 << 30) -> InfluxMetricStore:
    assert server.now is not None
    store = InfluxMetricStore(InfluxHttp(server.now.address(timeout_s=10.0)), database, queue_bytes=queue_bytes)
    store.http.create_database()
    return store


def report(number: int, *, n_listings: int = N_LISTINGS) -> MetricPoints:
    """All listings' day ``number``, and a new word on the first day: a later report's value is larger."""
    listings = np.tile(np.arange(1, n_listings + 1), 2)
    days = np.repeat(np.array([DAY, DAY + timedelta(days=number)], "datetime64[D]"), n_listings)
    values = {"listing_views": np.where(days == np.datetime64(DAY), number, 1000.0 + listings)}
    return MetricPoints(listings, days, "report", NOON + timedelta(minutes=number), values)


def waiting(database: Database, tenant_id: int) -> Waiting:
    with database.tenant(tenant_id) as conn:
        return series_queue.state(conn)


def check_all(store: InfluxMetricStore, tenant_id: int, n_reports: int) -> None:
    """Each report's day once, and of the first day the last word."""
    matrix = store.read(
        tenant_id, ["listing_views"], list(range(1, N_LISTINGS + 1)), DAY, DAY + timedelta(days=n_reports)
    )  # fmt: skip
    told = matrix.values["listing_views"]
    assert told[:, 0].tolist() == [float(n_reports)] * N_LISTINGS
    for row in range(N_LISTINGS):
        assert told[row, 1:].tolist() == [1001.0 + row] * n_reports
    assert store.count(tenant_id) == (N_LISTINGS * (n_reports + 1), N_LISTINGS)


def test_killed_and_restarted_in_the_middle_of_writing_it_holds_every_point_once(
    server: Server, app_database: Database, tenant_id: int
) -> None:
    store = opened(server, app_database)
    queued = []

    def write() -> None:
        for number in range(1, N_REPORTS + 1):
            store.write(tenant_id, report(number))
            queued.append(waiting(app_database, tenant_id).entries)
            time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(2):
        reached = len(queued) + 8
        while len(queued) < reached and writer.is_alive():
            time.sleep(0.01)
        server.die()
        while writer.is_alive() and len(queued) < reached + 8:
            time.sleep(0.01)
        server.come()
    writer.join()
    assert max(queued) >= 3, "the server was away while reports came"
    store.drain(tenant_id, at_once=True)
    assert waiting(app_database, tenant_id).entries == 0
    check_all(store, tenant_id, N_REPORTS)


def test_what_waits_is_written_in_order_before_anything_is_read(
    server: Server, app_database: Database, tenant_id: int
) -> None:
    store = opened(server, app_database)
    store.write(tenant_id, report(1))
    server.die()
    for number in (2, 3, 4):
        assert store.write(tenant_id, report(number)) == 2 * N_LISTINGS
    told = waiting(app_database, tenant_id)
    assert (told.entries, told.rows) == (3, 3 * 2 * N_LISTINGS)
    assert "does not answer" in told.reason
    # Nobody is told an older state as if it were the newest.
    with pytest.raises(RetryableError, match=r"reports wait for InfluxDB|does not answer"):
        check_all(store, tenant_id, 4)
    server.come()
    time.sleep(3.0)
    check_all(store, tenant_id, 4)
    assert waiting(app_database, tenant_id).entries == 0


def test_a_writer_killed_while_it_drains_loses_and_doubles_nothing(
    server: Server, database: MigratedDatabase, app_database: Database, tenant_id: int
) -> None:
    store = opened(server, app_database)
    server.die()
    for number in range(1, 31):
        store.write(tenant_id, report(number))
    now = server.come()
    child = subprocess.Popen(
        [sys.executable, "-c", DRAIN, now.url, now.build.api, now.token, database.app_url, str(tenant_id)]
    )  # fmt: skip
    while waiting(app_database, tenant_id).entries > 27:
        time.sleep(0.002)
    child.kill()
    child.wait()
    left = waiting(app_database, tenant_id).entries
    assert 0 < left < 30, "it was killed in the middle"
    assert store.drain(tenant_id, at_once=True) >= left - 1
    check_all(store, tenant_id, 30)


DRAIN = """
import sys
from python_nodes.local.influx import ORG
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxAddress, InfluxHttp
from python_nodes.store.session import Database
url, api, token, database, tenant = sys.argv[1:]
http = InfluxHttp(InfluxAddress(url=url, api=api, token=token, org=ORG))
InfluxMetricStore(http, Database(database)).drain(int(tenant), at_once=True)
"""


def test_too_much_waiting_is_refused_with_what_to_do_and_nothing_is_dropped(
    server: Server, app_database: Database, tenant_id: int
) -> None:
    store = opened(server, app_database, queue_bytes=6000)
    server.die()
    taken: list[int] = []

    def fill() -> None:
        while len(taken) < 100:
            taken.append(store.write(tenant_id, report(len(taken) + 1)))

    with pytest.raises(RetryableError, match=r"queue for InfluxDB is full.*NIGHTPORTER_INFLUX_QUEUE_MB") as full:
        fill()
    assert full.value.retry_after_s == 60
    assert 0 < len(taken) == waiting(app_database, tenant_id).entries
    server.come()
    store.drain(tenant_id, at_once=True)
    check_all(store, tenant_id, len(taken))


def test_while_it_is_away_a_write_costs_no_attempt(server: Server, app_database: Database, tenant_id: int) -> None:
    """A server that hangs is asked once, then left alone for a while: nobody waits for it twice."""
    assert server.now is not None
    store = InfluxMetricStore(InfluxHttp(server.now.address(timeout_s=2.0)), app_database)
    store.http.create_database()
    process = psutil.Process(server.now.child.process.pid)
    process.suspend()
    try:
        started = time.monotonic()
        store.write(tenant_id, report(1))
        first_s = time.monotonic() - started
        started = time.monotonic()
        for number in (2, 3, 4):
            store.write(tenant_id, report(number))
        rest_s = time.monotonic() - started
    finally:
        process.resume()
    assert first_s > 1.9
    assert rest_s < 1.0
    store.drain(tenant_id, at_once=True)
    check_all(store, tenant_id, 4)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, "24m"):
        yield folder


def test_a_full_disk_is_named_and_what_did_not_fit_waits(
    build: influx.Build, small_disk: Path, app_database: Database, tenant_id: int
) -> None:
    with influx.run(small_disk / "influx", build) as made:
        store = InfluxMetricStore(InfluxHttp(made.address()), app_database)
        store.http.create_database()
        filler = small_disk / "filler"
        with suppress(OSError), filler.open("wb") as into:
            while True:
                into.write(bytes(1 << 16))
                into.flush()
        for number in range(1, 6):
            store.write(tenant_id, report(number, n_listings=N_LISTINGS))
            if waiting(app_database, tenant_id).entries:
                break
        told = waiting(app_database, tenant_id)
        assert told.entries
        assert "no space left on its disk: free some or enlarge it, and restart" in told.reason
        filler.unlink()
        if not build.is_2:
            store.drain(tenant_id, at_once=True)
    # 2.x never writes again after a failed write to its log, until it is started anew.
    with influx.run(small_disk / "influx", build, port=int(made.url.rsplit(":", 1)[1])):
        store.drain(tenant_id, at_once=True)
        check_all(store, tenant_id, number)


def test_a_tenants_queue_is_its_own(server: Server, app_database: Database, tenant_id: int) -> None:
    store = opened(server, app_database)
    server.die()
    store.write(tenant_id, report(1))
    with app_database.anonymous() as conn:
        assert conn.execute(text("SELECT count(*) FROM series_queue")).scalar_one() == 0
    assert waiting(app_database, tenant_id + 1).entries == 0
    assert waiting(app_database, tenant_id).entries == 1
