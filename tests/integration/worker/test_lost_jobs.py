"""A job that was handed over and is heard of no more is handed over again, once in each stretch of silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from python_nodes.steps import job_admin
from python_nodes.store import jobs

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

MINUTE = timedelta(minutes=1)
NOW = datetime.now(UTC)


def accepted(worker: Worker, name: str) -> None:
    services, tenant_id = worker.services, worker.settings.tenant_id
    with services.database.tenant(tenant_id) as conn:
        jobs.create(conn, name, "backfill", 0, at=NOW)
        job_admin.note(conn, job_admin.Task(job_id=name, name="backfill", arguments=(tenant_id, name, 1)))
    with job_admin.handed_over(services, tenant_id, name):
        pass


def found(worker: Worker, after: timedelta) -> list[job_admin.Task]:
    services = replace(worker.services, clock=lambda: NOW + after)
    with job_admin.left_behind(services, worker.settings.tenant_id) as tasks:
        return tasks


@pytest.mark.parametrize("state", ["queued", "running"])
def test_what_is_silent_for_long_is_handed_over_again(worker: Worker, state: str) -> None:
    name, tenant_id = f"lost-{state}", worker.settings.tenant_id
    accepted(worker, name)
    with worker.services.database.tenant(tenant_id) as conn:
        jobs.progress(conn, name, at=NOW + 5 * MINUTE, state=state)
    assert found(worker, 34 * MINUTE) == []
    (task,) = found(worker, 36 * MINUTE)
    assert (task.job_id, task.name, task.arguments) == (name, "backfill", (tenant_id, name, 1))
    assert found(worker, 40 * MINUTE) == [], "it has just been handed over"
    assert [one.job_id for one in found(worker, 70 * MINUTE)] == [name]
    with worker.services.database.tenant(tenant_id) as conn:
        jobs.progress(conn, name, at=NOW + 71 * MINUTE, state="done")
    assert found(worker, 200 * MINUTE) == []
