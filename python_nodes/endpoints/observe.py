"""POST /v1/observe: something has just arrived about some listings; score it now."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AlertRef, AsOfBody
from python_nodes.http.reply import ok, services
from python_nodes.steps import alert_tell, observe, series_screen

api = APIBlueprint("observe", __name__, abp_tags=[{"name": "scoring"}])


class ObserveBody(AsOfBody):
    """Which listings something has arrived about; ``looks`` may leave out what it cannot have changed.

    With ``tell`` people are told at once, by the worker itself; else whoever calls tells those in ``notify``.
    """

    listing_ids: list[Annotated[int, Field(ge=1, le=2**53)]] = Field(min_length=1, max_length=10_000)
    looks: list[Literal["guards", "watches"]] = Field(default=["guards", "watches"], min_length=1)
    tell: bool = False


class Point(BaseModel):
    """The newest point of a listing's metric, judged by the last sweep's baseline; ``reason`` says why not."""

    listing_id: int
    metric: str
    day: date
    observed: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    p_value: float
    sure: float
    reason: str | None


class Observed(BaseModel):
    """How many listings were looked at (all of the touched properties), what was found, and what came of it.

    ``points`` are of the listings asked for alone.
    """

    observed: int
    found: int
    as_of: str
    raised: int
    updated: int
    resolved: int
    notify: list[AlertRef]
    told: int
    points: list[Point]


@api.post("/v1/observe", security=access("score"), responses={200: Observed}, summary="Score what has just arrived")
def observe_listings(body: ObserveBody) -> Response:
    """Look at these listings at once."""
    tenant_id, moment = caller().tenant_id, body.moment()
    before = alert_tell.waiting(services(), tenant_id) if body.tell else frozenset()
    looked = observe.run(services(), tenant_id, body.listing_ids, moment, body.looks)
    told = alert_tell.fresh(services(), tenant_id, before, moment) if body.tell else 0
    return ok({**looked, "told": told, "points": series_screen.points(services(), tenant_id, body.listing_ids)})
