"""Series held in files against the store they were read from, whatever was written, late, again or from the archive."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from python_nodes.domain.metrics import MetricPoints
from python_nodes.scoring import matrix_cache
from python_nodes.steps.held_series import BESIDE, BLOCK, HeldSeries
from python_nodes.store import old_rows
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.old_entities import ARCHIVED
from python_nodes.store.session import Database
from tests.small_disk import mounted

NAMES = ("search_impressions", "listing_views")
FIRST = date(2025, 1, 1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
N_DAYS = 120
_taken = count(1)


@dataclass(frozen=True)
class Write:
    """Some listings' days, told by a source as of a moment; every third value is not told."""

    listings: tuple[int, ...]
    first: int
    days: int
    source: str
    hours: int


@dataclass(frozen=True)
class Read:
    """A window of the series, of some listings."""

    listings: tuple[int, ...]
    first: int


LISTINGS = st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True).map(tuple)
WRITES = st.builds(
    Write, LISTINGS, st.integers(0, 240), st.integers(1, 60), st.sampled_from(["report", "derived", "file"]),
    st.integers(-5, 5),
)  # fmt: skip
READS = st.builds(Read, LISTINGS, st.integers(0, 150))


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def write(store: PostgresMetricStore, tenant_id: int, one: Write, ids: list[int], salt: int) -> None:
    listing = np.repeat([ids[row] for row in one.listings], one.days)
    days = np.tile(np.datetime64(day(one.first)) + np.arange(one.days), len(one.listings))
    draw = np.random.default_rng(salt)
    values = {
        name: np.where(draw.random(listing.size) < 1 / 3, np.nan, draw.normal(size=listing.size)) for name in NAMES
    }
    store.write(tenant_id, MetricPoints(listing, days, one.source, NOON + timedelta(hours=one.hours), values))


def check(held: HeldSeries, tenant_id: int, ids: list[int], first: int, days: int = N_DAYS) -> None:
    span = day(first), day(first + days - 1)
    cached, told = (one.read(tenant_id, NAMES, ids, *span) for one in (held, held.metrics))
    assert cached.listing_ids.tolist() == told.listing_ids.tolist()
    np.testing.assert_array_equal(cached.days, told.days)
    for name in NAMES:
        np.testing.assert_array_equal(cached.values[name], told.values[name])


@pytest.fixture
def store(app_database: Database) -> PostgresMetricStore:
    return PostgresMetricStore(app_database)


@pytest.fixture
def held(store: PostgresMetricStore, tmp_path: Path) -> HeldSeries:
    return HeldSeries(store, tmp_path / "series", fewest_values=0)


def whole(held: HeldSeries, tenant_id: int, n_listings: int = 30) -> list[int]:
    """Give every listing a past, and have it read once."""
    ids = list(range(1, n_listings + 1))
    assert isinstance(held.metrics, PostgresMetricStore)
    write(held.metrics, tenant_id, Write(tuple(range(n_listings)), 0, 200, "report", 0), ids, 1)
    check(held, tenant_id, ids, 0)
    return ids


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WRITES | READS, min_size=2, max_size=12), st.sampled_from([0, 150, BESIDE]))
def test_what_is_held_is_what_the_store_says(
    store: PostgresMetricStore, tmp_path: Path, tenant_id: int, steps: list[Write | Read], beside: int
) -> None:
    number = next(_taken)
    held = HeldSeries(store, tmp_path / str(number), fewest_values=0, beside=beside)
    # Listings of its own, on both sides of a block's border.
    ids = [number * BLOCK + row - 3 for row in range(6)]
    for salt, one in enumerate(steps):
        if isinstance(one, Write):
            write(store, tenant_id, one, ids, salt)
        else:
            check(held, tenant_id, [ids[row] for row in one.listings], one.first)
    check(held, tenant_id, ids, 60)


def test_only_what_was_written_since_is_read_again(
    held: HeldSeries, store: PostgresMetricStore, tenant_id: int
) -> None:
    ids = whole(held, tenant_id)
    path = next(held.root.rglob("*.matrix"))
    before = path.stat().st_mtime_ns
    check(held, tenant_id, ids, 0)
    assert path.stat().st_mtime_ns == before, "nothing was written, nothing is to be read"
    # Behind the store's back nothing is seen: so it is the file that is read.
    with store.database.tenant(tenant_id) as conn:
        conn.exec_driver_sql("UPDATE metrics_daily SET search_impressions = 77 WHERE listing_id IN (3, 4)")
    write(store, tenant_id, Write((2,), 100, 1, "report", 1), ids, 2)
    told = held.read(tenant_id, NAMES, ids, day(0), day(N_DAYS - 1)).values["search_impressions"]
    assert not (told[3] == 77).any()
    assert not (told[2, :90] == 77).any()
    assert (told[2, 101:] == 77).any(), "a listing is read again from the day on that was written"


def test_little_that_was_written_is_read_beside_the_file_and_more_is_brought_into_it(
    held: HeldSeries, store: PostgresMetricStore, tenant_id: int
) -> None:
    ids = whole(held, tenant_id)
    path = next(held.root.rglob("*.matrix"))
    before = path.stat().st_mtime_ns
    for salt, listing in enumerate((2, 3, 2)):
        write(store, tenant_id, Write((listing,), 100, 10, "report", salt), ids, salt)
        check(held, tenant_id, ids, 0)
        assert path.stat().st_mtime_ns == before
    # After the window's end nothing of it changes.
    write(store, tenant_id, Write(tuple(range(30)), N_DAYS, 60, "report", 3), ids, 7)
    check(held, tenant_id, ids, 0)
    assert path.stat().st_mtime_ns == before
    write(store, tenant_id, Write(tuple(range(30)), 60, 40, "report", 4), ids, 8)
    check(held, tenant_id, ids, 0)
    assert path.stat().st_mtime_ns > before


def test_a_month_that_leaves_for_the_archive_is_seen(
    held: HeldSeries, store: PostgresMetricStore, tenant_id: int, tmp_path: Path
) -> None:
    ids = whole(held, tenant_id)
    entity, sink = ARCHIVED["metrics_daily"], tmp_path / "rows.csv"
    with store.database.tenant(tenant_id) as conn:
        assert old_rows.take(conn, entity, date(2025, 2, 1), sink) == 28 * len(ids)
    check(held, tenant_id, ids, 0)
    with store.database.tenant(tenant_id) as conn:
        old_rows.put_back(conn, entity, list(entity.kinds()), sink)
    check(held, tenant_id, ids, 0)


def test_readers_at_once_hold_one_anothers_listings(
    held: HeldSeries, store: PostgresMetricStore, tenant_id: int
) -> None:
    ids = whole(held, tenant_id, 40)
    write(store, tenant_id, Write(tuple(range(40)), 90, 20, "report", 2), ids, 3)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda part: check(held, tenant_id, ids[part::4], 0), range(4)))
    kept = matrix_cache.load(next(held.root.rglob("*.matrix")))
    assert kept is not None
    assert kept.listing_ids.tolist() == ids


def test_a_restored_database_is_read_anew(held: HeldSeries, store: PostgresMetricStore, tenant_id: int) -> None:
    ids = whole(held, tenant_id)
    with store.database.tenant(tenant_id) as conn:
        conn.exec_driver_sql("UPDATE metrics_daily SET search_impressions = 77")
        # What a restore from before the last note leaves, once as many were written again.
        conn.exec_driver_sql("UPDATE series_changes SET token = gen_random_uuid()")
    check(held, tenant_id, ids, 0)


def test_a_file_that_was_cut_off_is_made_anew(held: HeldSeries, tenant_id: int) -> None:
    ids = whole(held, tenant_id)
    path = next(held.root.rglob("*.matrix"))
    for size in (path.stat().st_size - 5_000, 20, 0):
        with path.open("r+b") as file:
            file.truncate(size)
        check(held, tenant_id, ids, 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, "64k"):
        yield folder


def test_on_a_full_disk_series_come_from_the_store_and_the_log_says_what_to_do(
    store: PostgresMetricStore, small_disk: Path, tenant_id: int
) -> None:
    with capture_logs() as logs:
        whole(HeldSeries(store, small_disk / "series", fewest_values=0), tenant_id, 40)
    told = next(one for one in logs if one["event"] == "not_held")
    assert told["reason"] == "No space left on device"
    assert f"make room at {small_disk}" in told["hint"]
