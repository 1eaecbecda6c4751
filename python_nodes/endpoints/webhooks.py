"""POST /v1/webhooks/{connection_id}: a vendor's event, handed on byte for byte by a flow."""

from __future__ import annotations

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import clock
from python_nodes.auth import caller, signed
from python_nodes.http.bodies import AlertRef
from python_nodes.http.reply import ok, services
from python_nodes.steps import webhook_receive

api = APIBlueprint("webhooks", __name__, abp_tags=[{"name": "poll"}])


class WebhookPath(BaseModel):
    """Through which connection; its credentials hold the secret that the vendor signs with."""

    connection_id: int = Field(ge=1, le=2**53)


class Received(BaseModel):
    """``observed`` (status), ``ignored`` for events we do not follow, ``unknown property``; and what was found."""

    event: str
    status: str
    observed: int
    found: int
    as_of: str
    raised: int
    updated: int
    resolved: int
    notify: list[AlertRef]


@api.post(
    "/v1/webhooks/<int:connection_id>", security=signed("vendor_signature"), responses={200: Received},
    summary="A vendor tells of a change",
)  # fmt: skip
def receive(path: WebhookPath) -> Response:
    """Verify, read again what it is about, score it."""
    headers = dict(request.headers)
    return ok(
        webhook_receive.run(
            services(), caller().tenant_id, path.connection_id, request.get_data(), headers, clock.now()
        )
    )
