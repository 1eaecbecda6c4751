"""A sweep that several real Celery processes share finds what one process finds, whoever of them is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from python_nodes.config import Settings
from python_nodes.domain.metrics import METRICS, MetricPoints
from python_nodes.domain.portfolio import Listing, Portfolio, Property, Unit
from python_nodes.errors import PermanentError
from python_nodes.steps import metrics_score, observe, sweep_job, swept_kept, swept_part
from python_nodes.store import anomalies, jobs, portfolio, sweep_shards
from tests.integration.worker.test_import_queue import CHECKOUT, PATIENCE_S, environment

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

MARKETS, HOUSES, ROOMS, DAYS = ("berlin", "lisbon", "porto", "vienna"), 2, 12, 300
N = len(MARKETS) * HOUSES * ROOMS
MOST = 30
AS_OF = datetime(2026, 3, 31, 12, tzinfo=UTC)
LAST = date(2026, 3, 30)
FALLEN = (0, 5, 30, 31, 55, 80, 95)

ASK = """
import json, sys
from python_nodes.app import create_app
client = create_app().test_client()
headers = {"Authorization": f"Bearer {sys.argv[1]}"}
method, path, body = sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
answer = client.open(path, method=method, json=body or None, headers=headers)
print(json.dumps([answer.status_code, answer.get_json()]))
"""


@pytest.fixture(scope="module")
def worker_settings(worker_settings: Settings) -> Settings:
    """As for all, but of so few listings to a shard that there are several."""
    return worker_settings.model_copy(update={"sweep_shard_listings": MOST})


def _portfolio() -> Portfolio:
    houses = [f"{market}-{house}" for house in range(HOUSES) for market in MARKETS]
    places = [
        Property(external_id=name, name=name, market=name[:-2], country="DE", subdivision=None,
                 timezone="Europe/Berlin", currency="EUR", priority=0.5)
        for name in houses
    ]  # fmt: skip
    # Rooms of all houses in turn, so that no shard is a run of ids.
    rooms = [(house, f"{house}-{room}") for room in range(ROOMS) for house in houses]
    units = [
        Unit(external_id=name, property_external_id=house, name=name, unit_count=20, base_price_minor=10_000,
             floor_price_minor=5_000)
        for house, name in rooms
    ]  # fmt: skip
    listings = [
        Listing(external_id=name, unit_external_id=name, channel="booking_com", title=name, rate_plan_external_id="bar")
        for _, name in rooms
    ]
    return Portfolio(properties=tuple(places), units=tuple(units), listings=tuple(listings))


@pytest.fixture(scope="module")
def told(worker: Worker) -> Worker:
    """A year of four markets' figures, of which some rooms have lost most of their bookings."""
    rng = np.random.default_rng(11)
    shown = rng.poisson(rng.uniform(600, 900, (N, 1)) * np.ones((N, DAYS)))
    views = rng.binomial(shown, 0.2)
    kept = np.ones((N, DAYS))
    kept[FALLEN, -18:] = 0.15
    history = {
        "search_impressions": shown,
        "listing_views": views,
        "booking_velocity": rng.poisson(views * 0.05 * kept),
    }
    tenant_id = worker.settings.tenant_id
    with worker.services.database.tenant(tenant_id) as conn:
        portfolio.upsert_portfolio(conn, tenant_id, _portfolio())
        ids = [one.listing_id for one in portfolio.load_listings(conn)]
    values = {name: np.full(N * DAYS, np.nan) for name in METRICS}
    values |= {name: one.reshape(-1).astype(np.float64) for name, one in history.items()}
    days = np.datetime64(LAST) - np.arange(DAYS)[::-1]
    worker.services.metrics.write(tenant_id, MetricPoints(
        listing_id=np.repeat(ids, DAYS), day_date=np.tile(days, N), source="booking_com", as_of_at=AS_OF, values=values,
    ))  # fmt: skip
    return worker


def found(worker: Worker) -> list[dict[str, Any]]:
    """Return what the sweep has stored, as it stands, in its order."""
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        return [asdict(one) for one in anomalies.current(conn, AS_OF)]


@pytest.fixture(scope="module")
def alone(told: Worker) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What one process answers and stores."""
    answer = metrics_score.run(told.services, told.settings.tenant_id, AS_OF)
    stored = found(told)
    assert {one["listing_id"] for one in stored} >= {1 + row for row in FALLEN}
    return answer, stored


def emptied(worker: Worker) -> None:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        anomalies.replace(conn, AS_OF, metrics_score.SOURCE_KIND, [])


def asked(worker: Worker, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """Ask a worker that has the queue."""
    told = [worker.key("admin"), method, path, json.dumps(body or {})]
    done = subprocess.run(
        [sys.executable, "-c", ASK, *told], env=_environment(worker), cwd=CHECKOUT, check=False, timeout=PATIENCE_S,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    status, answer = json.loads(done.stdout.splitlines()[-1])
    return status, answer


def _environment(worker: Worker) -> dict[str, str]:
    threads = {"OPENBLAS_NUM_THREADS": "1"}
    return environment(worker) | threads | {"NIGHTPORTER_SWEEP_SHARD_LISTINGS": str(MOST)}


@contextmanager
def celery(worker: Worker, log: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker in a process group of its own, which is gone at the end."""
    command = [sys.executable, "-m", "celery", "-A", "python_nodes.jobs", "worker", "--loglevel", "INFO", *more]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, env=_environment(worker), cwd=CHECKOUT, stdout=out, stderr=out, start_new_session=True
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def shards_of(worker: Worker, job_id: str, what: str) -> int:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        query = f"SELECT count(*) FROM sweep_shards WHERE job_id = %s AND {what}"
        return int(conn.exec_driver_sql(query, (job_id,)).scalar_one())


def until(worker: Worker, process: subprocess.Popen[bytes], job_id: str, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not shards_of(worker, job_id, what):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)


def ended(worker: Worker, job_id: str) -> jobs.Job:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with worker.services.database.tenant(worker.settings.tenant_id) as conn:
            job = jobs.get(conn, job_id)
        if job.state in sweep_job.ENDED or time.monotonic() > deadline:
            return job
        time.sleep(0.1)


def pids_under(parent: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def is_the_same(worker: Worker, job_id: str, alone: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    job = ended(worker, job_id)
    assert (job.state, job.error) == ("done", None)
    assert (job.done, job.total) == (4, 4)
    assert job.result == alone[0]
    assert found(worker) == alone[1]
    assert shards_of(worker, job_id, "true") == 0


def test_two_processes_find_what_one_finds_though_one_is_killed_in_the_midst(
    told: Worker, alone: tuple[dict[str, Any], list[dict[str, Any]]], tmp_path: Path
) -> None:
    emptied(told)
    status, answer = asked(told, "POST", "/v1/metrics/score", {"as_of": AS_OF.isoformat()})
    assert status == 202
    job_id = answer["job_id"]
    with celery(told, tmp_path / "celery.log", "--concurrency", "2") as process:
        until(told, process, job_id, "tries > 0 AND done_at IS NULL")
        for pid in pids_under(process.pid)[:1]:
            os.kill(pid, signal.SIGKILL)
        is_the_same(told, job_id, alone)
    assert "WorkerLostError" in (tmp_path / "celery.log").read_text()


def test_a_sweep_whose_only_worker_was_killed_goes_on_when_somebody_asks(
    told: Worker, alone: tuple[dict[str, Any], list[dict[str, Any]]], tmp_path: Path
) -> None:
    emptied(told)
    job_id = asked(told, "POST", "/v1/metrics/score", {"as_of": AS_OF.isoformat()})[1]["job_id"]
    with celery(told, tmp_path / "celery.log", "--pool", "solo") as process:
        until(told, process, job_id, "done_at IS NOT NULL")
        until(told, process, job_id, "tries > 0 AND done_at IS NULL")
        _kill(process)
    assert found(told) == []
    assert 0 < shards_of(told, job_id, "done_at IS NOT NULL") < 4
    # What it had taken from the queue went with it, and what was waiting is taken away too.
    subprocess.run(
        [sys.executable, "-m", "celery", "-A", "python_nodes.jobs", "purge", "-f"], env=_environment(told),
        cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert asked(told, "GET", f"/v1/jobs/{job_id}")[1]["state"] == "running"
    with told.services.database.tenant(told.settings.tenant_id) as conn:
        conn.exec_driver_sql("UPDATE jobs SET updated_at = now() - interval '1 minute' WHERE job_id = %s", (job_id,))
    assert asked(told, "GET", f"/v1/jobs/{job_id}")[1]["state"] == "running"
    with celery(told, tmp_path / "celery.log", "--pool", "solo"):
        is_the_same(told, job_id, alone)


@pytest.fixture
def planned(told: Worker) -> Iterator[str]:
    """A sweep with its shards, that no queue knows of."""
    job_id = f"planned-{time.monotonic_ns()}"
    sweep_job.accept(told.services, told.settings.tenant_id, job_id, AS_OF, "r1")
    assert sweep_job.plan(told.services, told.settings.tenant_id, job_id, AS_OF) == 4
    yield job_id
    with told.services.database.tenant(told.settings.tenant_id) as conn:
        sweep_shards.forget(conn, job_id)


def test_a_plan_that_comes_twice_calls_for_what_is_left(told: Worker, planned: str) -> None:
    assert sweep_job.work(told.services, told.settings.tenant_id, planned)
    assert sweep_job.plan(told.services, told.settings.tenant_id, planned, AS_OF) == 3
    assert shards_of(told, planned, "true") == 4


def test_nobody_takes_a_shard_that_another_holds(told: Worker, planned: str) -> None:
    database, tenant_id = told.services.database, told.settings.tenant_id
    with ExitStack() as stack:
        workers = [stack.enter_context(database.tenant(tenant_id)) for _ in range(5)]
        held = [sweep_shards.take(conn, planned) for conn in workers]
        assert [None if shard is None else shard.number for shard in held] == [0, 1, 2, 3, None]
        assert sweep_shards.idle(workers[-1], planned) == 0
    with database.tenant(tenant_id) as third:
        assert sweep_shards.idle(third, planned) == 4


def test_a_shard_that_ends_every_worker_ends_the_sweep_and_the_last_findings_hold_on(
    told: Worker, planned: str, alone: tuple[dict[str, Any], list[dict[str, Any]]]
) -> None:
    metrics_score.run(told.services, told.settings.tenant_id, AS_OF)
    with told.services.database.tenant(told.settings.tenant_id) as conn:
        for _ in range(sweep_job.MOST_TRIES):
            sweep_shards.note_try(conn, planned, 0)
        conn.exec_driver_sql("UPDATE sweep_shards SET done_at = now(), told = '' WHERE shard > 0")
    with pytest.raises(PermanentError, match="shard 0: 5 workers ended"):
        sweep_job.work(told.services, told.settings.tenant_id, planned)
    job = ended(told, planned)
    assert job.state == "failed"
    assert "shard 0" in str(job.error)
    assert found(told) == alone[1]
    assert not sweep_job.work(told.services, told.settings.tenant_id, planned)


def test_what_has_just_arrived_is_scored_as_the_sweep_of_its_shard_scores_it(
    told: Worker, alone: tuple[dict[str, Any], list[dict[str, Any]]]
) -> None:
    metrics_score.run(told.services, told.settings.tenant_id, AS_OF)
    listing_id = alone[1][0]["listing_id"]
    observe.run(told.services, told.settings.tenant_id, [listing_id], AS_OF, looks=["watches"])
    assert sorted(found(told), key=str) == sorted(alone[1], key=str)


def test_what_a_shard_told_is_read_as_it_was_written(told: Worker) -> None:
    parts, given = swept_part.survey(told.services, told.settings.tenant_id, AS_OF)
    assert swept_part.Given.of_json(json.loads(json.dumps(given.as_json()))) == given
    looked = swept_part.look(told.services, told.settings.tenant_id, parts[0], given)
    assert looked.found
    assert swept_part.Looked.of_text(looked.as_text()) == looked


def test_no_more_listings_than_a_shard_are_answered_at_once(told: Worker) -> None:
    assert sweep_job.is_wide(told.services, told.settings.tenant_id)
    assert not sweep_job.is_wide(replace(told.services, sweep_shard_listings=N), told.settings.tenant_id)


def test_what_changes_no_figure_takes_what_the_sweep_found_and_a_figure_that_changes_is_judged(told: Worker) -> None:
    services, tenant_id = told.services, told.settings.tenant_id
    metrics_score.run(services, tenant_id, AS_OF)
    fallen = found(told)[0]["listing_id"]
    (part,) = [
        one for one in swept_part.survey(services, tenant_id, AS_OF)[0] if fallen in {each.listing_id for each in one}
    ]
    kept = swept_kept.read(services, tenant_id, part)
    # Kept as if the sweep had found nothing: whoever takes that finds nothing, and whoever looks finds the fall.
    nothing = swept_part.Looked(series=0, scored=0, found=(), failed=())
    swept_kept.keep(services, tenant_id, part, replace(kept, found=nothing.as_text()))
    observe.run(services, tenant_id, [fallen], AS_OF, looks=["watches"])
    assert fallen not in {one["listing_id"] for one in found(told)}
    _write(told, part[-1].listing_id, "listing_views", 151.0, AS_OF + timedelta(minutes=1))
    stored = []
    # What was never met is judged for itself (the first look's alerts teach the second something new), what is met
    # again as a whole, and then it is known.
    for is_kept in (False, False, True, True):
        observe.run(services, tenant_id, [fallen], AS_OF, looks=["watches"])
        stored.append(found(told))
        assert (swept_kept.read(services, tenant_id, part).marks != kept.marks) == is_kept
    assert fallen in {one["listing_id"] for one in stored[0]}
    assert stored[1] == stored[2] == stored[3]
    # As if nothing had been found again: where a place in the results changes, only who watches places looks.
    kept = swept_kept.read(services, tenant_id, part)
    swept_kept.keep(services, tenant_id, part, replace(kept, found=nothing.as_text()))
    _write(told, part[-1].listing_id, "search_rank", 2.0, AS_OF + timedelta(minutes=2))
    observe.run(services, tenant_id, [fallen], AS_OF, looks=["watches"])
    assert fallen not in {one["listing_id"] for one in found(told)}


def _write(told: Worker, listing_id: int, metric: str, value: float, at: datetime) -> None:
    values = {name: np.full(1, np.nan) for name in METRICS} | {metric: np.array([value])}
    day = np.array([np.datetime64(LAST) - 40])
    told.services.metrics.write(told.settings.tenant_id, MetricPoints(
        listing_id=np.array([listing_id]), day_date=day, source="booking_com", as_of_at=at, values=values,
    ))  # fmt: skip
