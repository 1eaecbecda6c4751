"""An import through the real queue: handed over by one process, done by a Celery worker, told by the job."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from python_nodes.steps import import_job
from python_nodes.steps.import_file import Order
from tests.integration.worker.test_imports import HEAD, SOURCE

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

CHECKOUT = Path(__file__).resolve().parents[3]
PATIENCE_S = 90.0
HAND_OVER = """
import sys
from datetime import UTC, datetime
from python_nodes import jobs
from python_nodes.steps.import_job import Request
tenant_id, raw_id = int(sys.argv[1]), int(sys.argv[2])
asked = Request(
    source="booking-report", file="q.csv", raw_id=raw_id, as_of=datetime(2026, 3, 10, 12, tzinfo=UTC), start=None,
    end=None,
)
jobs.enqueue_import(tenant_id, "queued", asked, region="default", run_id="r1")
"""


def test_a_celery_worker_imports_what_was_handed_over(
    worker: Worker, portfolio: dict[str, Any], tmp_path: Path
) -> None:
    assert worker.post("/v1/portfolio", portfolio).status_code == 200
    assert worker.client.post("/v1/imports/sources", json=SOURCE).status_code == 200
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)} | {
        "NIGHTPORTER_DATABASE_URL": worker.settings.database_url.get_secret_value(),
        "NIGHTPORTER_REDIS_URL": worker.settings.redis_url.get_secret_value(),
        "NIGHTPORTER_SECRET_KEY": worker.settings.secret_key.get_secret_value(),
        "NIGHTPORTER_RAW_ROOT": str(worker.settings.raw_root),
        "NIGHTPORTER_TENANT_ID": str(worker.settings.tenant_id),
    }
    order = Order(file="q.csv", content=(HEAD + "2026-03-07,100101,10,100,1\n").encode())
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    asked = import_job.accept(worker.services, worker.settings.tenant_id, "queued", "booking-report", order, at)
    assert asked is not None
    arguments = [str(worker.settings.tenant_id), str(asked.raw_id)]
    subprocess.run([sys.executable, "-c", HAND_OVER, *arguments], env=env, cwd=CHECKOUT, check=True, timeout=60)
    program = [sys.executable, "-m", "celery", "-A", "python_nodes.jobs", "worker"]
    command = [*program, "--pool", "solo", "-Q", "default.bulk"]
    with (tmp_path / "celery.log").open("wb") as log:
        celery = subprocess.Popen(command, env=env, cwd=CHECKOUT, stdout=log, stderr=log)
    try:
        job = _ended(worker)
    finally:
        celery.terminate()
        celery.wait(timeout=30)
    assert job["state"] == "done", (tmp_path / "celery.log").read_text()
    assert job["result"]["stored"] == 1


def _ended(worker: Worker) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job: dict[str, Any] = worker.client.get("/v1/jobs/queued").json()
        if job["state"] in {"done", "failed"} or time.monotonic() > deadline:
            return job
        time.sleep(0.5)
