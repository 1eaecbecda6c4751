"""POST /v1/digest and /v1/digest/{id}/send: what happened in a day or a week, told once."""

from __future__ import annotations

from typing import Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody, IdPath
from python_nodes.http.reply import ok, services
from python_nodes.steps import digest

api = APIBlueprint("digest", __name__, abp_tags=[{"name": "alerts"}])


class DigestRef(BaseModel):
    """One message to send."""

    digest_id: int
    sender: str
    recipient: str


class Written(BaseModel):
    """How many alerts are open, how many ended, and who is still to be told."""

    open: int
    resolved: int
    send: list[DigestRef]


class Sent(BaseModel):
    """What became of it."""

    status: str
    provider_ref: str | None


class DigestBody(AsOfBody):
    """Which summary; ``if_due`` writes a week's only on the weekday that the routing file names."""

    span: Literal["day", "week"] = "day"
    if_due: bool = False


@api.post("/v1/digest", security=access("notify"), responses={200: Written}, summary="Write a summary")
def write_digest(body: DigestBody) -> Response:
    """Write it, and plan a message for each recipient."""
    return ok(digest.write(services(), caller().tenant_id, body.moment(), body.span, if_due=body.if_due))


@api.post("/v1/digest/<int:id>/send", security=access("notify"), responses={200: Sent}, summary="Send one summary")
def send_digest(path: IdPath, body: AsOfBody) -> Response:
    """Send unless it is sent."""
    return ok(digest.send(services(), caller().tenant_id, path.id))
