"""POST /v1/backfill and GET /v1/jobs/{id}: history, as a job."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import clock, jobs, jobs_sweep
from python_nodes.auth import access, caller
from python_nodes.errors import PermanentError
from python_nodes.http.bodies import AsOfBody, Day
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import backfill, job_admin

api = APIBlueprint("backfill", __name__, abp_tags=[{"name": "jobs"}])


class BackfillBody(AsOfBody):
    """Which days, both included; without ``as_of`` the history is as of the morning after ``end``."""

    connection_id: int = Field(ge=1, le=2**53)
    start: Day
    end: Day


class JobPath(BaseModel):
    """Which job."""

    id: str = Field(min_length=1, max_length=80)


class JobId(BaseModel):
    """A job that was accepted."""

    job_id: str


class JobView(BaseModel):
    """How far a job has come; ``state`` is queued, running, done or failed."""

    state: str
    done: int
    total: int
    result: dict[str, Any]
    error: str | None


@api.post("/v1/backfill", security=access("ingest"), responses={202: JobId}, summary="Read a connection's history")
def start_backfill(body: BackfillBody) -> Response:
    """Enqueue the job and tell its id."""
    if body.end < body.start:
        raise PermanentError("end: is before start", status=422, field="end")
    as_of = body.moment() if body.as_of is not None else backfill.moment_after(body.end, clock.now())
    job_id = uuid.uuid4().hex
    request = backfill.Request(connection_id=body.connection_id, start=body.start, end=body.end, as_of=as_of)
    job_admin.accept(services(), caller().tenant_id, job_id, request, clock.now(), run_id())
    region: str = current_app.extensions["nightporter.settings"]["region"]
    with job_admin.handed_over(services(), caller().tenant_id, job_id):
        jobs.enqueue(job_admin.backfill_task(caller().tenant_id, job_id, request, run_id()), region)
    return ok({"job_id": job_id}, 202)


@api.get("/v1/jobs/<id>", security=access("read"), responses={200: JobView}, summary="How far a job has come")
def get_job(path: JobPath) -> Response:
    """Tell state and progress; what never reached the workers, or died with them, is handed over now."""
    job = job_admin.view(services(), caller().tenant_id, path.id)
    region: str = current_app.extensions["nightporter.settings"]["region"]
    if job["state"] == "queued":
        jobs.resume(services(), caller().tenant_id, region=region)
    elif job["state"] == "running":
        jobs_sweep.revive(services(), caller().tenant_id, path.id, region=region, run_id=run_id())
    return ok(job)
