"""POST /v1/webhooks/{connection_id}: a vendor's event, as it came or handed on byte for byte by a flow."""

from __future__ import annotations

from flask import Response, current_app, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import clock, jobs_webhooks
from python_nodes.auth import caller, signed
from python_nodes.http.bodies import IdPath, raw_body
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import webhook_receive
from python_nodes.vendors.webhook_proof import Event

api = APIBlueprint("webhooks", __name__, abp_tags=[{"name": "poll"}])
MOST_BYTES = 1_000_000
"""Of an event: they name what happened, and carry no data of ours."""


class WebhookPath(BaseModel):
    """Through which connection; its credentials hold the secret that proves the event."""

    connection_id: int = Field(ge=1, le=2**53)


class Received(BaseModel):
    """``accepted``: what it is about is read again soon; ``ignored`` for events that we do not follow."""

    event: str
    status: str


class Token(BaseModel):
    """The same token by the two names that vendors read."""

    jwt: str
    access_token: str
    token_type: str
    expires_in: int


@api.post(
    "/v1/webhooks/<int:connection_id>", security=signed("vendor_signature"), responses={202: Received},
    summary="A vendor tells of a change",
)  # fmt: skip
def receive(path: WebhookPath) -> Response:
    """Verify and keep; look into it after the answer."""
    tenant_id = caller().tenant_id
    told = webhook_receive.run(services(), tenant_id, path.connection_id, _event(), clock.now())
    if told["status"] == "accepted":
        region: str = current_app.extensions["nightporter.settings"]["region"]
        jobs_webhooks.ring_work(tenant_id, region=region, run_id=run_id())
    return ok(told, 202)


@api.post(
    "/v1/connections/<int:id>/token", security=signed("vendor_signature"), responses={200: Token},
    summary="A vendor's client gets the token of its events",
)  # fmt: skip
def issue_token(path: IdPath) -> Response:
    """Exchange the connection's own client id and secret."""
    return ok(webhook_receive.token(services(), caller().tenant_id, path.id, request.form))


def _event() -> Event:
    request.max_content_length = MOST_BYTES
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Event(raw=raw_body(), headers=headers, query=request.args.to_dict())
