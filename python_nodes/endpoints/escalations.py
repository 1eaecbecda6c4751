"""POST /v1/escalations/due: who is told next of what nobody has taken care of."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AlertRef, AsOfBody
from python_nodes.http.reply import ok, services
from python_nodes.steps import escalations_due

api = APIBlueprint("escalations", __name__, abp_tags=[{"name": "alerts"}])


class Due(BaseModel):
    """How many alerts wait, how many messages were planned now, and which alerts have some to send."""

    checked: int
    due: int
    notify: list[AlertRef]


@api.post("/v1/escalations/due", security=access("notify"), responses={200: Due}, summary="Plan who is told next")
def escalations(body: AsOfBody) -> Response:
    """Plan what is due at that moment."""
    return ok(escalations_due.run(services(), caller().tenant_id, body.moment()))
