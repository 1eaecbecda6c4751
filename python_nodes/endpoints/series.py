"""/v1/series/settle: write what waits for the store of series, and thin out what it was told."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody, Moment
from python_nodes.http.reply import ok, services
from python_nodes.steps import series

api = APIBlueprint("series", __name__, abp_tags=[{"name": "metrics"}])


class SettleBody(AsOfBody):
    """From when on hourly readings are made; two days before ``as_of`` where it is missing."""

    since: Moment | None = Field(default=None)


class SettledView(BaseModel):
    """Reports that had waited and now are written, and hourly readings made; both 0 on PostgreSQL."""

    drained: int
    hourly: int


@api.post("/v1/series/settle", security=access("ingest"), responses={200: SettledView}, summary="Catch up")
def settle_series(body: SettleBody) -> Response:
    """Write what waits, the oldest first; 503 with the reason while the store cannot be written to."""
    return ok(series.settle(services(), caller().tenant_id, body.moment(), body.since))
