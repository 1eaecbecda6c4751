"""Celery: long work on the same steps, idempotent, acknowledged only when done."""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import structlog
from celery import Celery
from celery.signals import setup_logging, worker_process_init
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from python_nodes import config, log, telemetry_wiring
from python_nodes.errors import RetryableError
from python_nodes.steps import (
    alert_tell,
    archive_admin,
    backfill,
    bands,
    forecasts_refresh,
    guest_admin,
    import_job,
    job_admin,
    screen_refresh,
    sweep_job,
)
from python_nodes.steps.dated_job import DatedJob
from python_nodes.steps.services import Services
from python_nodes.store import bell
from python_nodes.store.redis import RedisStore
from python_nodes.wiring import build_services

CLASSES = ("critical", "sweep", "bulk")
"""A queue each and region, what people wait for first; a sweep's shards go before what may take the night."""
CLASS_OF = {sweep_job.KIND: "sweep", sweep_job.SHARD: "sweep"}
"""By task; all others that are handed over as jobs are bulk."""

app = Celery("nightporter")


def _configuration() -> dict[str, Any]:
    """Read the settings at first use, so that importing this module needs none."""
    settings = config.settings()
    return {
        "broker_url": settings.redis_url.get_secret_value(),
        "task_default_queue": queue(settings.region, "bulk"),
        # A worker that is told no queue serves all; one of its own for what people wait for is `-Q <region>.critical`.
        "task_queues": [_queue(queue(settings.region, kind)) for kind in CLASSES],
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_ignore_result": True,
        "worker_prefetch_multiplier": 1,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "visibility_timeout": 6 * 3600,
            "queue_order_strategy": f"{__name__}:CriticalFirst",
        },
        "worker_hijack_root_logger": False,
        "timezone": "UTC",
        "imports": ("python_nodes.jobs_access", "python_nodes.jobs_sweep", "python_nodes.jobs_webhooks"),
    }


class CriticalFirst:
    """The order in which a worker asks its queues: by class, and not in turn as by default."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def update(self, names: Iterable[str]) -> None:
        """Take over the names, which come in no order; before ours what Celery talks by."""
        ranks = {kind: rank for rank, kind in enumerate(CLASSES)}
        self.names = sorted(names, key=lambda name: ranks.get(name.rpartition(".")[2], -1))

    def consume(self, count: int) -> list[str]:
        """Return the first of them."""
        return self.names[:count]

    def rotate(self, last_used: str) -> str:
        """Leave the order as it is."""
        return last_used


def _queue(name: str) -> Queue:
    # Each its own key: by default all would share one, and every task would reach every queue.
    return Queue(name, Exchange("nightporter", type="direct"), routing_key=name)


app.add_defaults(_configuration)
telemetry_wiring.of_jobs()


def queue(region: str, kind: str) -> str:
    """Name the queue of a region and one of `CLASSES`."""
    return f"{region}.{kind}"


@lru_cache(maxsize=1)
def services() -> Services:
    """The worker process's services, built after the fork."""
    return build_services(config.settings())


@setup_logging.connect
def _logs(**_: object) -> None:
    log.configure(config.settings().log_level)


NICENESS = 5
"""How far jobs give way: whoever waits for an answer does not wait for what follows from another's."""


@worker_process_init.connect
def _forget_parent(**_: object) -> None:
    os.nice(NICENESS)
    services.cache_clear()
    _valkey.cache_clear()
    # What is imported stays; a collection in the midst of a report need not look at it.
    gc.freeze()


@app.task(name="backfill", bind=True, autoretry_for=(RetryableError,), retry_backoff=True, max_retries=5)
def backfill_task(
    self: Any, tenant_id: int, job_id: str, connection_id: int, start: str, end: str, as_of: str, run_id: str
) -> None:
    """Run one backfill; a repeated delivery of the same task stores nothing twice."""
    request = backfill.Request(
        connection_id=connection_id,
        start=date.fromisoformat(start),
        end=date.fromisoformat(end),
        as_of=datetime.fromisoformat(as_of),
    )
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        is_last_try = self.request.retries >= self.max_retries
        backfill.run(services(), tenant_id, job_id, request, is_last_try=is_last_try)


def enqueue(task: job_admin.Task, region: str) -> None:
    """Hand a job to the workers."""
    try:
        name = queue(region, CLASS_OF.get(task.name, "bulk"))
        app.send_task(task.name, args=task.arguments, task_id=task.job_id, queue=name)
    except OperationalError as error:
        raise RetryableError("valkey: the workers' queue cannot be reached") from error


def resume(own: Services, tenant_id: int, *, region: str) -> int:
    """Hand over the jobs that whoever accepted them died with; with no queue at hand, another time."""
    try:
        with job_admin.left_behind(own, tenant_id) as tasks:
            for task in tasks:
                enqueue(task, region)
    except RetryableError:
        log.get("jobs").warning("queue_unreachable")
        return 0
    return len(tasks)


@app.task(name="import", bind=True, autoretry_for=(RetryableError,), retry_backoff=True, max_retries=5)
def import_task(
    self: Any, tenant_id: int, job_id: str, request: dict[str, Any], moment: str, span: list[str | None], run_id: str
) -> None:
    """Import one archived file; a repeated delivery of the same task stores nothing twice."""
    start, end = (date.fromisoformat(day) if day else None for day in span)
    asked = import_job.Request(**request, as_of=datetime.fromisoformat(moment), start=start, end=end)
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        is_last_try = self.request.retries >= self.max_retries
        import_job.run(services(), tenant_id, job_id, asked, is_last_try=is_last_try)


def _register(job: DatedJob) -> None:
    @app.task(name=job.kind, bind=True, autoretry_for=(RetryableError,), retry_backoff=True, max_retries=5)
    def task(self: Any, tenant_id: int, job_id: str, as_of: str, run_id: str, *more: int | str) -> None:
        with structlog.contextvars.bound_contextvars(run_id=run_id):
            is_last_try = self.request.retries >= self.max_retries
            moment = datetime.fromisoformat(as_of)
            job.carry_out(services(), tenant_id, job_id, moment, *more, is_last_try=is_last_try)


for _dated in (forecasts_refresh.JOB, archive_admin.JOB, screen_refresh.JOB, bands.JOB, guest_admin.JOB):
    _register(_dated)


def accept(
    own: Services, tenant_id: int, job: DatedJob, as_of: datetime, *more: int | str, region: str, run_id: str
) -> str:  # fmt: skip
    """Accept a job, hand it to the workers and return its id; refused where it cannot be handed over."""
    job_id = uuid.uuid4().hex
    task = job.accept(own, tenant_id, job_id, as_of, run_id, *more)
    with job_admin.handed_over(own, tenant_id, job_id):
        enqueue(task, region)
    return job_id


@app.task(name="whisper")
def whisper_task(word: dict[str, str], run_id: str) -> None:
    """Answer one person in Slack."""
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        alert_tell.whisper(services(), alert_tell.Whisper(**word))


def enqueue_whisper(word: alert_tell.Whisper, *, region: str, run_id: str) -> None:
    """Have one person answered soon; with no queue at hand nobody is held up for it."""
    try:
        whisper_task.apply_async(args=(asdict(word), run_id), queue=queue(region, "critical"), retry=False)
    except OperationalError:
        log.get("jobs").warning("queue_unreachable")


@app.task(name="tell_acted")
def tell_task(tenant_id: int, region: str, run_id: str) -> None:
    """Show on messages what was done about their alerts; what it leaves, another does, so that none waits behind it."""
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        # Before it looks: whoever acts from now on rings anew.
        bell.answer(_valkey(), tenant_id)
        if alert_tell.acted(services(), tenant_id) == alert_tell.MOST_A_JOB:
            ring_tell(tenant_id, region=region, run_id=run_id)


def ring_tell(tenant_id: int, *, region: str, run_id: str) -> None:
    """Have it told soon what people did; one job for all who act before it begins.

    With no queue at hand the next cycle tells it, so nobody who answers is held up.
    """
    try:
        if bell.ring(_valkey(), tenant_id):
            tell_task.apply_async(args=(tenant_id, region, run_id), queue=queue(region, "critical"), retry=False)
    except (OperationalError, RedisError):
        log.get("jobs").warning("queue_unreachable")


@lru_cache(maxsize=1)
def _valkey() -> Redis:
    return RedisStore(config.settings().redis_url.get_secret_value()).client
