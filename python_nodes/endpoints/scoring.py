"""POST /v1/guards/check, /v1/metrics/score and /v1/listings/value: find what is wrong, and what it may cost."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody
from python_nodes.http.reply import ok, services
from python_nodes.steps import guards_check, listing_worth, metrics_score

api = APIBlueprint("scoring", __name__, abp_tags=[{"name": "scoring"}])


class Checked(BaseModel):
    """Listings looked at, anomalies stored."""

    checked: int
    found: int


class Screen(BaseModel):
    """Series looked at, newest points judged, and those called at the false-discovery rate asked for."""

    series: int
    screened: int
    flagged: int
    asked_rate: float
    reached_rate: float


class Scored(BaseModel):
    """Series with data, points scored, anomalies stored; what the screen of all metrics saw."""

    series: int
    scored: int
    found: int
    screen: Screen


class Valued(BaseModel):
    """Listings whose day was worked out anew."""

    valued: int


@api.post("/v1/guards/check", security=access("score"), responses={200: Checked}, summary="Run every guard")
def check_guards(body: AsOfBody) -> Response:
    """Run what needs no statistics."""
    return ok(guards_check.run(services(), caller().tenant_id, body.moment()))


@api.post("/v1/metrics/score", security=access("score"), responses={200: Scored}, summary="Score every series")
def score_metrics(body: AsOfBody) -> Response:
    """Run every watch."""
    return ok(metrics_score.run(services(), caller().tenant_id, body.moment()))


@api.post("/v1/listings/value", security=access("score"), responses={200: Valued}, summary="Work out listings' worth")
def value_listings(body: AsOfBody) -> Response:
    """Work out what a day of each listing is worth, for what is raised from now on."""
    return ok(listing_worth.refresh(services(), caller().tenant_id, body.moment()))
