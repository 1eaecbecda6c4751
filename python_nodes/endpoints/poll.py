"""POST /v1/poll/{operation}: one look at a vendor."""

from __future__ import annotations

from typing import Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody
from python_nodes.http.reply import ok, services
from python_nodes.steps import poll

api = APIBlueprint("poll", __name__, abp_tags=[{"name": "poll"}])


class PollPath(BaseModel):
    """Which operation."""

    operation: Literal[
        "reservations", "ari", "ical_calendar", "health", "performance", "operator_calendar", "reviews", "content"
    ]


class PollBody(AsOfBody):
    """Through which connection, as of when."""

    connection_id: int = Field(ge=1, le=2**53)
    force: bool = Field(default=False, description="ask also for what was polled as lately as its every_hours says")


class PollCounts(BaseModel):
    """What came of it; rejected records are in quarantine with their raw payload.

    Where nothing was asked for since it is not due yet, the counts are 0 and the run is the last good one.
    """

    operation: str
    run_id: int
    fetched: int
    stored: int
    unchanged: int
    rejected: int


@api.post("/v1/poll/<operation>", security=access("ingest"), responses={200: PollCounts}, summary="Poll one operation")
def poll_operation(path: PollPath, body: PollBody) -> Response:
    """Archive, map, normalize, store, acknowledge."""
    ask = poll.run if body.force else poll.when_due
    done = ask(services(), caller().tenant_id, body.connection_id, path.operation, body.moment())
    return ok(poll.as_json(done))
