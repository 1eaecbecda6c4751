"""POST /v1/outlooks/refresh: months that will be missed, weeks that stay unsold, prices that could be higher."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody
from python_nodes.http.reply import ok, services
from python_nodes.steps import predict

api = APIBlueprint("outlooks", __name__, abp_tags=[{"name": "forecasts"}])


class Foreseen(BaseModel):
    """How many listings were looked at, and on how many of them something is foreseen, by kind."""

    checked: int
    found: int
    kinds: dict[str, int]


@api.post("/v1/outlooks/refresh", security=access("score"), responses={200: Foreseen}, summary="Look ahead anew")
def refresh_outlooks(body: AsOfBody) -> Response:
    """Foresee what the books and prices of now tell; alerts are raised of it by the next ``/v1/alerts/raise``."""
    return ok(predict.run(services(), caller().tenant_id, body.moment()))
