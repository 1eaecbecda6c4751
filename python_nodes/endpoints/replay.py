"""POST /v1/replay: map quarantined records again."""

from __future__ import annotations

from dataclasses import asdict
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
    after: int = Field(
        default=0, ge=0, le=2**53, description="Goes on: the `next_after` of the answer before; 0 begins."
    )


class QuarantineReplayed(BaseModel):
    """How many went through, of those that were looked at."""

    replayed: int
    still_rejected: int
    left: int = Field(description="Those asked for that were not looked at: ask again with `after`.")
    next_after: int | None = Field(description="What to send as `after`, with a new Idempotency-Key; null at the end.")


@api.post(
    "/v1/replay", security=access("ingest"), responses={200: QuarantineReplayed}, summary="Replay quarantined records"
)
def replay_rejected(body: QuarantineBody) -> Response:
    """Map, normalize and store them again, a page at a time: at most 500, and none is begun after two seconds."""
    done = replay.run(services(), caller().tenant_id, body.moment(), body.rejected_ids, after=body.after)
    return ok(asdict(done))
