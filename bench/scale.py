"""What a sweep gains from more processes, beside what bare numpy gains on the same machine; and what a listing costs.

A portfolio in shards on a real PostgreSQL and Valkey, swept by Celery workers of 1, 2 and 4 processes, by one and two
workers in network namespaces of their own, and by two processes of which one is killed in the midst. One thread of
BLAS a process. BENCH_SCALE=processes, killed or hosts (or several, with commas) measures that alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from celery import Celery
from sqlalchemy import text

from bench import _bare, _hosts, _panel_world, _stack
from bench.score import row_of
from python_nodes import wiring
from python_nodes.config import Settings
from python_nodes.steps import sweep_job
from python_nodes.steps.services import Services
from python_nodes.store import jobs, migrate

LISTINGS, DAYS, SHARD = 1_000, 420, 50
PROCESSES = (1, 2, 4)
AS_OF = datetime.combine(_panel_world.LAST + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=12)
TURNS, ROUNDS = 3, 2_400
PIECES = ("processes", "killed", "hosts")
GOAL, PATIENCE_S = 0.9, 300.0
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True, slots=True)
class Place:
    """Stores with a portfolio, and how a process is told of them."""

    services: Services
    queue: Celery
    tenant_id: int
    env: Mapping[str, str]
    directory: Path
    app_url: str
    redis_url: str


@dataclass(frozen=True, slots=True)
class Swept:
    """A sweep: seconds, CPU-seconds of the workers and of PostgreSQL, the workers' largest process, what was found."""

    wall_s: float
    worker_cpu_s: float
    store_cpu_s: float
    peak_mb: float
    result: Mapping[str, Any]


@contextmanager
def prepared() -> Iterator[Place]:
    """A portfolio with its past."""
    with _stack.scratch() as directory, _stack.postgres(directory) as urls, _stack.valkey(directory) as redis_url:
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        env = {**_stack.environment(urls.app, redis_url, directory, tenant_id), **ONE_THREAD}
        env["NIGHTPORTER_SWEEP_SHARD_LISTINGS"] = str(SHARD)
        own = {
            name: env[f"NIGHTPORTER_{name.upper()}"] for name in ("database_url", "redis_url", "secret_key", "raw_root")
        }
        services = wiring.build_services(Settings.model_validate({**own, "sweep_shard_listings": SHARD}))
        _panel_world.seed(services.database, services.metrics, tenant_id, listings=LISTINGS, days=DAYS, band_days=1)
        try:
            yield Place(services, Celery(broker=redis_url), tenant_id, env, directory, urls.app, redis_url)
        finally:
            services.database.dispose()


@contextmanager
def worker(place: Place, region: str, processes: int, host: _hosts.Host | None = None) -> Iterator[psutil.Process]:
    """A Celery worker of so many processes, alone on its region's queues; on another host with state of its own."""
    command = [sys.executable, "-m", "celery", "-A", "python_nodes.jobs", "worker", "--concurrency", str(processes),
               "-Q", f"{region}.sweep", "-n", f"{uuid.uuid4().hex[:6]}@bench"]  # fmt: skip
    env = {**place.env, "NIGHTPORTER_REGION": region}
    if host is not None:
        command, root = host.within(command), place.directory / host.name
        database, redis = _hosts.addresses(place.app_url, place.redis_url, host)
        root.mkdir(exist_ok=True)
        env |= {"NIGHTPORTER_DATABASE_URL": database, "NIGHTPORTER_REDIS_URL": redis, "NIGHTPORTER_RAW_ROOT": str(root)}
    with (place.directory / f"celery-{region}.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=env, cwd=_stack.CHECKOUT, stdout=log, stderr=log, start_new_session=True
        )  # fmt: skip
    try:
        yield psutil.Process(process.pid)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)


def sweep(place: Place, region: str, workers: list[psutil.Process], kill: psutil.Process | None = None) -> Swept:
    """Sweep once; ``kill`` is a process that dies as soon as a shard is done."""
    job_id = uuid.uuid4().hex
    task = sweep_job.accept(place.services, place.tenant_id, job_id, AS_OF, "bench")
    before = _cpu_s(workers), _store_cpu_s(place)
    began = time.perf_counter()
    place.queue.send_task(task.name, args=task.arguments, queue=f"{region}.sweep")
    while (job := _job(place, job_id)).state not in sweep_job.ENDED:
        if kill is not None and job.done:
            kill.kill()
            kill = None
        if time.perf_counter() - began > PATIENCE_S:
            raise TimeoutError(f"the sweep stands at {job.done} of {job.total}")
        # Asking costs PostgreSQL a core's time, too.
        time.sleep(0.05)
    wall_s = time.perf_counter() - began
    if job.state == "failed":
        raise RuntimeError(job.error)
    cpu_s = _cpu_s(workers) - before[0], _store_cpu_s(place) - before[1]
    # A run that is stopped has told what it knew.
    told = f"{cpu_s[0]:.1f} CPU s of workers, {cpu_s[1]:.1f} of PostgreSQL, load {os.getloadavg()[0]:.1f}"
    print(f"{region}: {wall_s:.2f} s, {told}", file=sys.stderr, flush=True)
    return Swept(wall_s, *cpu_s, max(map(_peak_mb, _family(workers))), job.result)


def _job(place: Place, job_id: str) -> jobs.Job:
    with place.services.database.tenant(place.tenant_id) as conn:
        return jobs.get(conn, job_id)


def _family(workers: list[psutil.Process]) -> list[psutil.Process]:
    alive = [one for one in workers if one.is_running()]
    return [*alive, *(child for one in alive for child in one.children(recursive=True))]


def _cpu_s(workers: list[psutil.Process]) -> float:
    return sum(_computed(one) for one in _family(workers))


def _store_cpu_s(place: Place) -> float:
    """Return what PostgreSQL's processes computed; those that ended are counted by the one that waited for them."""
    pid = int((place.directory / "pg" / "postmaster.pid").read_text().split()[0])
    head = psutil.Process(pid)
    ended = head.cpu_times()
    return ended.children_user + ended.children_system + sum(_computed(one) for one in [head, *head.children()])


def _computed(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _peak_mb(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status")
    told = dict(line.split(":", 1) for line in status.read_text().splitlines()) if status.exists() else {}
    return float(told.get("VmHWM", "0").split()[0]) / 1024


def processes(place: Place) -> list[dict[str, Any]]:
    """Sweep by 1, 2 and 4 processes in turn, so that whatever else the machine does weighs on all alike."""
    bare: dict[int, list[float]] = {1: [], 2: []}
    ours: dict[int, list[Swept]] = {count: [] for count in PROCESSES}
    with ExitStack() as stack:
        workers = {count: stack.enter_context(worker(place, f"p{count}", count)) for count in PROCESSES}
        # The first sweep of a process is its imports, too.
        warm = [sweep(place, f"p{count}", [head]) for count, head in workers.items()]
        for _ in range(TURNS):
            for count, taken in bare.items():
                taken.append(_bare.seconds(count, ROUNDS, place.env))
            print(f"bare: {bare[1][-1]:.2f} s, two {bare[2][-1]:.2f} s", file=sys.stderr, flush=True)
            for count, head in workers.items():
                ours[count].append(sweep(place, f"p{count}", [head]))
    wall = {count: median(one.wall_s for one in taken) for count, taken in ours.items()}
    bare_gain = median(bare[1]) / median(bare[2])
    every = [*warm, *(one for taken in ours.values() for one in taken)]
    found = [
        row_of(f"sweep of {LISTINGS:,} listings in shards of {SHARD}, {count} process{'es' * (count > 1)}", taken, "s",
               None, None, None)
        for count, taken in wall.items()
    ]  # fmt: skip
    found += [
        _held(row_of("gain of two processes over one", wall[1] / wall[2], "x", "two bare numpy", bare_gain, None)),
        row_of("gain of four processes over one", wall[1] / wall[4], "x", "two bare numpy", bare_gain, None),
        row_of("different results of all sweeps", len({str(one.result) for one in every}), "", None, None, 1,
               at_most=True),
    ]  # fmt: skip
    return found + _costs(place, ours[1])


def _costs(place: Place, taken: list[Swept]) -> list[dict[str, Any]]:
    """What a listing and a series cost, by sweeps of one process."""
    worker_s, store_s = median(one.worker_cpu_s for one in taken), median(one.store_cpu_s for one in taken)
    series = taken[-1].result["series"]
    told = [
        ("CPU of a sweep a listing, worker", 1e3 * worker_s / LISTINGS, "ms"),
        ("CPU of a sweep a listing, PostgreSQL", 1e3 * store_s / LISTINGS, "ms"),
        ("CPU of a sweep a series, worker", 1e6 * worker_s / series, "us"),
        ("CPU of a sweep a series, PostgreSQL", 1e6 * store_s / series, "us"),
        ("largest worker process", max(one.peak_mb for one in taken), "MB"),
        ("stored of a listing's day, all metrics, two sources", _bytes_a_day(place), "bytes"),
    ]
    return [row_of(name, value, unit, None, None, None) for name, value, unit in told]


def killed(place: Place) -> list[dict[str, Any]]:
    """Sweep by two processes of which one is killed in the midst."""
    with worker(place, "killed", 2) as head:
        sweep(place, "killed", [head])
        whole = sweep(place, "killed", [head])
        hit = sweep(place, "killed", [head], kill=head.children()[0])
    return [
        row_of("one of two processes killed in the midst", hit.wall_s, "s", "none killed", whole.wall_s, None),
        row_of("different results, one killed or none", len({str(one.result) for one in (whole, hit)}), "", None, None,
               1, at_most=True),
    ]  # fmt: skip


def hosts(place: Place) -> list[dict[str, Any]]:
    """Sweep by one host of one process, then by two; nothing where namespaces cannot be made."""
    if not _hosts.are_possible():
        return []
    bare: dict[int, list[float]] = {1: [], 2: []}
    ours: dict[int, list[Swept]] = {1: [], 2: []}
    with _hosts.two() as both, ExitStack() as stack:
        place.services.database.dispose()
        _hosts.open_postgres(place.directory / "pg", both)
        _hosts.open_valkey(place.redis_url, both)
        alone = [stack.enter_context(worker(place, "host", 1, both[0]))]
        told = {1: ("host", alone), 2: ("hosts", [stack.enter_context(worker(place, "hosts", 1, one)) for one in both])}
        for region, workers in told.values():
            sweep(place, region, workers)
        for _ in range(TURNS):
            for count, (region, workers) in told.items():
                bare[count].append(_bare.seconds(count, ROUNDS, place.env))
                ours[count].append(sweep(place, region, workers))
    wall = {count: median(one.wall_s for one in taken) for count, taken in ours.items()}
    bare_gain = median(bare[1]) / median(bare[2])
    results = {str(one.result) for taken in ours.values() for one in taken}
    return [
        row_of("sweep by one host (a namespace, one process)", wall[1], "s", None, None, None),
        row_of("sweep by two hosts", wall[2], "s", None, None, None),
        _held(row_of("gain of two hosts over one", wall[1] / wall[2], "x", "two bare numpy", bare_gain, None)),
        row_of("different results, one host or two", len(results), "", None, None, 1, at_most=True),
    ]


def _held(row: dict[str, Any]) -> dict[str, Any]:
    """Hold the goal against the ratio: what of the bare gain ours reaches."""
    return {**row, "goal": GOAL, "holds": row["ratio"] >= GOAL}


def _bytes_a_day(place: Place) -> float:
    with place.services.database.tenant(place.tenant_id) as conn:
        size = conn.execute(text("SELECT pg_total_relation_size('metrics_daily')")).scalar_one()
    return float(size) / (LISTINGS * DAYS)


def run() -> list[dict[str, Any]]:
    """Measure each piece asked for."""
    asked = os.environ.get("BENCH_SCALE", ",".join(PIECES)).split(",")
    pieces = {"processes": processes, "killed": killed, "hosts": hosts}
    with prepared() as place:
        return [row for name in asked for row in pieces[name](place)]
