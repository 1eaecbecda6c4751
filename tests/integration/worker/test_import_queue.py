"""Imports through the real queue: handed over by one process, done by a Celery worker, told by the job."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from python_nodes.steps import import_job, job_admin
from python_nodes.steps.import_file import Order
from tests.integration.worker.test_imports import HEAD, SOURCE

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

CHECKOUT = Path(__file__).resolve().parents[3]
PATIENCE_S = 180.0
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
HAND_OVER = """
import sys
from datetime import UTC, datetime
from python_nodes import jobs
from python_nodes.steps import job_admin
from python_nodes.steps.import_job import Request, task
tenant_id, raw_id = int(sys.argv[1]), int(sys.argv[2])
asked = Request(
    source="booking-report", file="q.csv", raw_id=raw_id, as_of=datetime(2026, 3, 10, 12, tzinfo=UTC), start=None,
    end=None,
)
with job_admin.handed_over(jobs.services(), tenant_id, "queued"):
    jobs.enqueue(task(tenant_id, "queued", asked, "r1"), "default")
"""
UPLOAD = """
import sys
from python_nodes.app import create_app
client = create_app().test_client()
query = {"source": "booking-report", "file": "k.csv", "as_of": "2026-03-10T12:00:00Z"}
headers = {"Authorization": f"Bearer {sys.argv[1]}", "Content-Type": "text/csv"}
client.post("/v1/imports", query_string=query, data=sys.argv[2].encode(), headers=headers)
"""

LOOK = """
import sys
from python_nodes.app import create_app
headers = {"Authorization": f"Bearer {sys.argv[1]}"}
print(create_app().test_client().get(f"/v1/jobs/{sys.argv[2]}", headers=headers).get_json()["state"])
"""

ASK_TWICE = """
import json, sys
from python_nodes.app import create_app
client = create_app().test_client()
headers = {"Authorization": f"Bearer {sys.argv[2]}", "Idempotency-Key": "once"}
for _ in range(2):
    answer = client.post(sys.argv[1], json=json.loads(sys.argv[3]), headers=headers)
    print(json.dumps([answer.status_code, answer.get_json()]))
"""


@pytest.fixture
def ready(worker: Worker, portfolio: dict[str, Any]) -> Worker:
    assert worker.post("/v1/portfolio", portfolio).status_code == 200
    assert worker.client.post("/v1/imports/sources", json=SOURCE).status_code == 200
    return worker


def environment(worker: Worker, redis_url: str | None = None) -> dict[str, str]:
    """What another process of the same worker is given."""
    return {**os.environ, "PYTHONPATH": str(CHECKOUT)} | {
        "NIGHTPORTER_DATABASE_URL": worker.settings.database_url.get_secret_value(),
        "NIGHTPORTER_REDIS_URL": redis_url or worker.settings.redis_url.get_secret_value(),
        "NIGHTPORTER_SECRET_KEY": worker.settings.secret_key.get_secret_value(),
        "NIGHTPORTER_RAW_ROOT": str(worker.settings.raw_root),
        "NIGHTPORTER_TENANT_ID": str(worker.settings.tenant_id),
    }


@contextmanager
def celery(worker: Worker, log: Path) -> Iterator[None]:
    program = [sys.executable, "-m", "celery", "-A", "python_nodes.jobs", "worker"]
    command = [*program, "--pool", "solo", "-Q", "default.bulk"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment(worker), cwd=CHECKOUT, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def accepted_once_and_carried_out(
    worker: Worker, tmp_path: Path, path: str, scope: str, body: dict[str, Any]
) -> dict[str, Any]:
    """Ask twice with one key from a process of its own, have Celery do it, and return the job that is done."""
    told = [path, worker.key(scope), json.dumps(body)]
    command = [sys.executable, "-c", ASK_TWICE, *told]
    asked = subprocess.run(command, env=environment(worker), cwd=CHECKOUT, check=True, capture_output=True, text=True)
    first, again = (json.loads(line) for line in asked.stdout.splitlines()[-2:])
    assert first == again
    assert first[0] == 202
    with celery(worker, tmp_path / "celery.log"):
        job = ended(worker, first[1]["job_id"])
    assert job["state"] == "done", (tmp_path / "celery.log").read_text()
    return job


def ended(worker: Worker, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job: dict[str, Any] = worker.client.get(f"/v1/jobs/{job_id}").json()
        if job["state"] in {"done", "failed"} or time.monotonic() > deadline:
            return job
        time.sleep(0.5)


def test_a_celery_worker_imports_what_was_handed_over(ready: Worker, tmp_path: Path) -> None:
    order = Order(file="q.csv", content=(HEAD + "2026-03-07,100101,10,100,1\n").encode())
    asked = import_job.accept(ready.services, ready.settings.tenant_id, "queued", "booking-report", order, AT)
    assert asked is not None
    arguments = [str(ready.settings.tenant_id), str(asked.raw_id)]
    command = [sys.executable, "-c", HAND_OVER, *arguments]
    subprocess.run(command, env=environment(ready), cwd=CHECKOUT, check=True, timeout=PATIENCE_S)
    with celery(ready, tmp_path / "celery.log"):
        job = ended(ready, "queued")
    assert job["state"] == "done", (tmp_path / "celery.log").read_text()
    assert job["result"]["stored"] == 1


def test_a_job_whose_process_was_killed_before_it_reached_the_queue_is_handed_over_later(
    ready: Worker, tmp_path: Path
) -> None:
    job_id = killed_while_handing_over(ready)
    aged(ready, "now()")
    # So young, it may still be on its way.
    assert looked_at(ready, job_id) == "queued"
    assert waiting(ready) == [job_id]
    aged(ready, "now() - interval '1 minute'")
    assert looked_at(ready, job_id) == "queued"
    assert waiting(ready) == []
    with celery(ready, tmp_path / "celery.log"):
        job = ended(ready, job_id)
    assert job["state"] == "done", (tmp_path / "celery.log").read_text()
    assert job["result"]["stored"] == 1


def killed_while_handing_over(worker: Worker) -> str:
    """Upload through a worker whose queue never answers, and kill it there; returns the job that it left."""
    key = worker.key("ingest")
    content = HEAD + "2026-03-08,100101,10,100,1\n"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = environment(worker, f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        process = subprocess.Popen([sys.executable, "-c", UPLOAD, key, content], env=env, cwd=CHECKOUT)
        try:
            silent.settimeout(PATIENCE_S)
            asking: list[socket.socket] = []
            # Others ask there before: the limit of requests goes on alone once it is not answered.
            while not (left := waiting(worker)):
                asking.append(silent.accept()[0])
        finally:
            process.kill()
        assert process.wait(timeout=30) == -signal.SIGKILL
        for one in asking:
            one.close()
    (job_id,) = left
    return job_id


def looked_at(worker: Worker, job_id: str) -> str:
    """Ask a worker that has the queue how far a job is."""
    command = [sys.executable, "-c", LOOK, worker.key("read"), job_id]
    done = subprocess.run(
        command, env=environment(worker), cwd=CHECKOUT, check=True, timeout=PATIENCE_S, capture_output=True, text=True
    )  # fmt: skip
    return done.stdout.strip()


def aged(worker: Worker, accepted_at: str) -> None:
    """Set when the waiting jobs were accepted."""
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        conn.exec_driver_sql(f"UPDATE outbox SET created_at = {accepted_at} WHERE dispatched_at IS NULL")


def waiting(worker: Worker) -> list[str]:
    """Return the jobs that have been accepted and not handed over."""
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        query = "SELECT entity FROM outbox WHERE type = %s AND dispatched_at IS NULL"
        return [row.entity for row in conn.exec_driver_sql(query, (job_admin.HAND_OVER,))]
