"""POST /v1/deliveries/{id}/send: one message, once."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody, IdPath
from python_nodes.http.reply import ok, services
from python_nodes.steps import delivery_send

api = APIBlueprint("deliveries", __name__, abp_tags=[{"name": "alerts"}])


class Sent(BaseModel):
    """What became of it."""

    status: str
    provider_ref: str | None


@api.post("/v1/deliveries/<int:id>/send", security=access("notify"), responses={200: Sent}, summary="Send one message")
def send_delivery(path: IdPath, body: AsOfBody) -> Response:
    """Send unless it is sent."""
    return ok(delivery_send.run(services(), caller().tenant_id, path.id, body.moment()))
