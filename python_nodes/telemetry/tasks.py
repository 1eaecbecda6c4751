"""Celery's tasks: how long they waited and ran, how they ended, and what the logs call them meanwhile."""

from __future__ import annotations

import time
from typing import Any

import structlog
from celery.signals import (
    before_task_publish,
    task_failure,
    task_postrun,
    task_prerun,
    task_retry,
    task_success,
    worker_init,
    worker_process_shutdown,
)

from python_nodes.telemetry import folder, meters

SENT_AT = "nightporter_sent_at"
_BEGAN = "nightporter_began"


def count() -> None:
    """Count tasks from now on."""
    before_task_publish.connect(_published)
    task_prerun.connect(_begins)
    task_postrun.connect(_ended)
    task_success.connect(_succeeded)
    task_failure.connect(_failed)
    task_retry.connect(_retried)
    worker_init.connect(_service_begins)
    worker_process_shutdown.connect(_process_ends)


def name_in_logs() -> None:
    """Write each task's name and id on the lines that are logged while it runs."""
    task_prerun.connect(_bind)
    task_postrun.connect(_unbind)


def _published(headers: dict[str, Any] | None = None, **_: object) -> None:
    if headers is not None:
        # Two machines read this clock; what they differ by is what the wait is wrong by.
        headers[SENT_AT] = time.time()


def _begins(task: Any = None, **_: object) -> None:
    sent_at = getattr(task.request, SENT_AT, None)
    if isinstance(sent_at, int | float):
        meters.job_wait.labels(task.name).observe(max(time.time() - sent_at, 0.0))
    setattr(task.request, _BEGAN, time.perf_counter())


def _ended(task: Any = None, **_: object) -> None:
    began = getattr(task.request, _BEGAN, None)
    if began is not None:
        meters.job_duration.labels(task.name).observe(time.perf_counter() - began)


def _succeeded(sender: Any = None, **_: object) -> None:
    meters.jobs.labels(sender.name, "success").inc()


def _failed(sender: Any = None, **_: object) -> None:
    meters.jobs.labels(sender.name, "failure").inc()


def _retried(sender: Any = None, **_: object) -> None:
    meters.jobs.labels(sender.name, "retry").inc()


def _bind(task_id: str = "", task: Any = None, **_: object) -> None:
    structlog.contextvars.bind_contextvars(job_id=task_id, job=task.name)


def _unbind(**_: object) -> None:
    structlog.contextvars.unbind_contextvars("job_id", "job")


def _service_begins(**_: object) -> None:
    folder.empty()


def _process_ends(pid: int = 0, **_: object) -> None:
    folder.ended(pid)
