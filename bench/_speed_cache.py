"""How long a portfolio's screen takes from the matrix cache, from a thousand listings to a hundred thousand."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench import _stack
from bench._series import FloatArray, Series
from bench.score import row_of
from python_nodes.domain.metrics import MetricPoints
from python_nodes.scoring import arrays_file, matrix_cache, screen_blocks
from python_nodes.scoring.screen import KINDS
from python_nodes.store import migrate
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.session import Database

SIZES = tuple(int(one) for one in os.environ.get("BENCH_LISTINGS", "1000,10000,100000").split(","))
DAYS, PROCESSES, GROUPS = 365, 2, 6
GOAL_S, GOAL_MB, GOAL_EXPONENT = 90.0, 4_096.0, 1.05
STORED_LISTINGS = 200
CHUNK = 5_000


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder on disk, not in memory: the cache is mapped."""
    base = Path("/var/tmp/nightporter")
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-speed-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _source(whole: Series) -> dict[str, FloatArray]:
    """Return a few hundred listings' nine metrics, (n, DAYS): the funnel as drawn, the others around usual values."""
    three = np.concatenate([whole.past, whole.newest[:, None]], axis=1)[:, -DAYS:]
    shown, seen, booked = (three[part::3] for part in range(3))
    rng = np.random.default_rng(7)
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = {"click_through_rate": seen / shown, "conversion_rate": booked / seen}
    return {
        "search_impressions": shown, "listing_views": seen, "booking_velocity": booked, **rates,
        "search_rank": np.maximum(1.0, np.round(np.exp(rng.normal(3.0, 0.2, shown.shape)))),
        "competitor_price": np.round(np.exp(rng.normal(4.6, 0.05, shown.shape)), 2),
        "review_score": np.full(shown.shape, 8.4), "availability": rng.integers(0, 80, shown.shape).astype(np.float64),
    }  # fmt: skip


def _filled(path: Path, source: dict[str, FloatArray], n_listings: int) -> screen_blocks.Shared:
    """Write a cache of so many listings, the drawn ones over and over."""
    names = tuple(KINDS)
    told = {"version": matrix_cache.VERSION, "metrics": list(names), "first_day": "2025-03-30", "mark": ""}
    layout = {"listing_ids": ("<i8", (n_listings,)), "values": ("<f4", (len(names), n_listings, DAYS))}
    with arrays_file.replacing(path, told, layout) as places:
        places["listing_ids"][...] = np.arange(n_listings)
        for at, name in enumerate(names):
            for start in range(0, n_listings, CHUNK):
                rows = np.arange(start, min(start + CHUNK, n_listings))
                places["values"][at, rows] = source[name][rows % len(source[name])]
    groups = (np.arange(n_listings) % GROUPS).astype(np.int64)
    return screen_blocks.Shared(path, groups, np.zeros((0, GROUPS, DAYS + 30), dtype=np.bool_))


def _cpu_s() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def rows(whole: Series, folder: Path) -> list[dict[str, Any]]:
    """Screen caches of growing size over both cores, and say how the time grows."""
    source = _source(whole)
    cpu_s, wall_s, read_s, peak_mb = [], [], 0.0, 0.0
    for size in SIZES:
        shared = _filled(folder / "series.matrix", source, size)
        before, began = _cpu_s(), time.perf_counter()
        with _peak_mb() as peak:
            screen_blocks.screen(shared, PROCESSES)
        cpu_s.append(_cpu_s() - before)
        peak_mb = peak[0]
        wall_s.append(time.perf_counter() - began)
        read_s = _read_s(shared.path)
        shared.path.unlink()
    exponent = float(np.polyfit(np.log(SIZES), np.log(cpu_s), 1)[0])
    # What starting takes hides in the small sizes: the last step, from much to more, is the harder test.
    last = float(np.log(cpu_s[-1] / cpu_s[-2]) / np.log(SIZES[-1] / SIZES[-2]))
    what = f"{SIZES[-1]:,} listings x {len(KINDS)} metrics x {DAYS} days from the cache"
    times = ", ".join(f"{size:,}: {seconds:.1f}" for size, seconds in zip(SIZES, cpu_s, strict=True))
    return [
        row_of(
            f"{what}: CPU-seconds ÷ {PROCESSES} cores", cpu_s[-1] / PROCESSES, "s", None, None, GOAL_S, at_most=True
        ),
        row_of("– on the clock, whatever else ran", wall_s[-1], "s", None, None, None),
        row_of("– peak memory of all processes", peak_mb, "MB", None, None, GOAL_MB, at_most=True),
        row_of(f"– exponent ({times} CPU-s)", exponent, "", None, None, GOAL_EXPONENT, at_most=True),
        row_of(f"– exponent from {SIZES[-2]:,} to {SIZES[-1]:,}", last, "", None, None, GOAL_EXPONENT, at_most=True),
        row_of(
            "– of reading the file once in memory", cpu_s[-1] / max(read_s, 1e-9), "times", "sum of all", read_s, None
        ),
        *_stored(source, folder),
    ]


def _read_s(path: Path) -> float:
    """Return the CPU seconds of adding up all that the file holds, once it has been read."""
    cached = matrix_cache.load(path)
    if cached is None:
        return 0.0
    before = time.process_time()
    for name in cached.metrics:
        np.add.reduce(cached.of(name), axis=None)
    return time.process_time() - before


@contextmanager
def _peak_mb() -> Iterator[list[float]]:
    """Watch what this process and its children hold together while the body runs; a page of the file counts in each."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        own = psutil.Process()
        while not done.wait(0.2):
            total = 0.0
            for one in (own, *own.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    total += one.memory_info().rss / 2**20
            peak[0] = max(peak[0], total)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _stored(source: dict[str, FloatArray], folder: Path) -> list[dict[str, Any]]:
    """Fill a cache from a real PostgreSQL, whole and then by one new day."""
    days = np.datetime64("2025-03-30") + np.arange(DAYS)
    ids = np.arange(1, STORED_LISTINGS + 1)
    with _stack.postgres(folder) as urls:
        tenant = migrate.create_tenant(urls.owner, "bench", "EUR")
        database = Database(urls.app)
        store = PostgresMetricStore(database)
        listing, day = (one.ravel() for one in np.meshgrid(ids, days, indexing="ij"))
        values = {name: told[: len(ids)].ravel() for name, told in source.items()}
        store.write(tenant, MetricPoints(listing, day, "bench", datetime(2026, 4, 1, tzinfo=UTC), values))
        first, last = days[0].item(), days[-1].item()
        path = matrix_cache.path_of(folder, tenant)
        taken = []
        for until in (last - timedelta(days=1), last):
            began = time.perf_counter()
            matrix_cache.refresh(path, store, tenant, tuple(KINDS), ids.tolist(), (first, until))
            taken.append(time.perf_counter() - began)
        database.dispose()
    points = len(KINDS) * len(ids) * DAYS
    return [
        row_of("reading the store into the cache, all", points / taken[0], "values/s", None, None, None),
        row_of("– by a new day (35 are read again)", taken[1], "s", f"all, {len(ids)} listings", taken[0], None),
    ]
