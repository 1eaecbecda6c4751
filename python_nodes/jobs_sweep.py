"""Celery's part in sweeps that many processes share: a call for a worker for each shard that waits."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import structlog
from kombu.exceptions import OperationalError

from python_nodes import config, log
from python_nodes.errors import RetryableError
from python_nodes.jobs import CLASS_OF, app, enqueue, queue, services
from python_nodes.steps import job_admin, sweep_job
from python_nodes.steps.services import Services


def accept(own: Services, tenant_id: int, as_of: datetime, *, region: str, run_id: str) -> str:
    """Accept a sweep, hand it to the workers and return its job's id; refused where it cannot be handed over."""
    job_id = uuid.uuid4().hex
    task = sweep_job.accept(own, tenant_id, job_id, as_of, run_id)
    with job_admin.handed_over(own, tenant_id, job_id):
        enqueue(task, region)
    return job_id


@app.task(name=sweep_job.KIND, bind=True, autoretry_for=(RetryableError,), retry_backoff=True, max_retries=5)
def sweep_task(self: Any, tenant_id: int, job_id: str, as_of: str, run_id: str) -> None:
    """Plan a sweep, and call for workers; a repeated delivery calls for those that the rest needs."""
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        is_last_try = self.request.retries >= self.max_retries
        moment = datetime.fromisoformat(as_of)
        calls = sweep_job.plan(services(), tenant_id, job_id, moment, is_last_try=is_last_try)
        _call(calls, tenant_id, job_id, run_id, config.settings().region)


@app.task(name=sweep_job.SHARD, bind=True, autoretry_for=(RetryableError,), retry_backoff=True, max_retries=5)
def shard_task(self: Any, tenant_id: int, job_id: str, run_id: str) -> None:
    """Look at one shard, whichever waits; by the queue between two, so that what is critical comes first."""
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        is_last_try = self.request.retries >= self.max_retries
        if sweep_job.work(services(), tenant_id, job_id, is_last_try=is_last_try):
            _call(1, tenant_id, job_id, run_id, config.settings().region)


def revive(own: Services, tenant_id: int, job_id: str, *, region: str, run_id: str) -> None:
    """Call for workers anew for a sweep whose workers have all died; with no queue at hand, another time."""
    try:
        _call(sweep_job.abandoned(own, tenant_id, job_id), tenant_id, job_id, run_id, region)
    except RetryableError:
        log.get("jobs").warning("queue_unreachable")


def _call(count: int, tenant_id: int, job_id: str, run_id: str, region: str) -> None:
    name = queue(region, CLASS_OF[sweep_job.SHARD])
    try:
        for _ in range(count):
            app.send_task(sweep_job.SHARD, args=(tenant_id, job_id, run_id), queue=name)
    except OperationalError as error:
        raise RetryableError("valkey: the workers' queue cannot be reached") from error
