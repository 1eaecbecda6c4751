"""/v1/bands/refresh: write what was expected of each metric and day."""

from __future__ import annotations

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import jobs
from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import bands

api = APIBlueprint("bands", __name__, abp_tags=[{"name": "bands"}])


class BandsBody(AsOfBody):
    """How far back bands are wanted; days that have theirs already cost nothing."""

    days: int = Field(default=bands.DAYS, ge=1, le=400)


class BandsJob(BaseModel):
    """A refresh that was accepted; ``GET /v1/jobs/{id}`` tells how far it is."""

    job_id: str


@api.post("/v1/bands/refresh", security=access("score"), responses={202: BandsJob}, summary="Write expectations")
def refresh_bands(body: BandsBody) -> Response:
    """Enqueue it, and tell the job's id."""
    region: str = current_app.extensions["nightporter.settings"]["region"]
    job_id = jobs.accept(
        services(), caller().tenant_id, bands.JOB, body.moment(), body.days, region=region, run_id=run_id()
    )
    return ok({"job_id": job_id}, 202)
