"""What finds what is wrong: guards, watches and the screen; and what it may cost: listings' worth."""

from __future__ import annotations

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from python_nodes import jobs, jobs_sweep
from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import guards_check, listing_worth, metrics_score, screen_refresh, sweep_job

api = APIBlueprint("scoring", __name__, abp_tags=[{"name": "scoring"}])


class Checked(BaseModel):
    """Listings looked at, anomalies stored."""

    checked: int
    found: int


class Scored(BaseModel):
    """Series with data, points scored, anomalies stored."""

    series: int
    scored: int
    found: int


class SweepJob(BaseModel):
    """A sweep that was accepted; ``GET /v1/jobs/{id}`` tells how many shards are done, then what a sweep answers."""

    job_id: str


class ScreenJob(BaseModel):
    """A screen that was accepted; ``GET /v1/jobs/{id}`` tells how far it is and what it saw."""

    job_id: str


class Valued(BaseModel):
    """Listings whose day was worked out anew."""

    valued: int


@api.post("/v1/guards/check", security=access("score"), responses={200: Checked}, summary="Run every guard")
def check_guards(body: AsOfBody) -> Response:
    """Run what needs no statistics."""
    return ok(guards_check.run(services(), caller().tenant_id, body.moment()))


@api.post(
    "/v1/metrics/score", security=access("score"), responses={200: Scored, 202: SweepJob}, summary="Score every series"
)
def score_metrics(body: AsOfBody) -> Response:
    """Run every watch; over more listings than are swept at once by the workers, in shards."""
    own, tenant_id = services(), caller().tenant_id
    if not sweep_job.is_wide(own, tenant_id):
        return ok(metrics_score.run(own, tenant_id, body.moment()))
    region: str = current_app.extensions["nightporter.settings"]["region"]
    return ok({"job_id": jobs_sweep.accept(own, tenant_id, body.moment(), region=region, run_id=run_id())}, 202)


@api.post("/v1/screen/refresh", security=access("score"), responses={202: ScreenJob}, summary="Screen every series")
def refresh_screen(body: AsOfBody) -> Response:
    """Enqueue it, and tell the job's id."""
    region: str = current_app.extensions["nightporter.settings"]["region"]
    job_id = jobs.accept(
        services(), caller().tenant_id, screen_refresh.JOB, body.moment(), region=region, run_id=run_id()
    )
    return ok({"job_id": job_id}, 202)


@api.post("/v1/listings/value", security=access("score"), responses={200: Valued}, summary="Work out listings' worth")
def value_listings(body: AsOfBody) -> Response:
    """Work out what a day of each listing is worth, for what is raised from now on."""
    return ok(listing_worth.refresh(services(), caller().tenant_id, body.moment()))
