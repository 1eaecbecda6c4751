"""POST /v1/replay: map quarantined records again."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody
from python_nodes.http.reply import ok, services
from python_nodes.steps import replay

api = APIBlueprint("replay", __name__, abp_tags=[{"name": "poll"}])


class QuarantineBody(AsOfBody):
    """Which records; all that wait where none is named."""

    rejected_ids: list[Annotated[int, Field(ge=1, le=2**53)]] | None = Field(default=None, max_length=10_000)


class QuarantineReplayed(BaseModel):
    """How many went through."""

    replayed: int
    still_rejected: int


@api.post(
    "/v1/replay", security=access("ingest"), responses={200: QuarantineReplayed}, summary="Replay quarantined records"
)
def replay_rejected(body: QuarantineBody) -> Response:
    """Map, normalize and store them again."""
    return ok(replay.run(services(), caller().tenant_id, body.moment(), body.rejected_ids))
