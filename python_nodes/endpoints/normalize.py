"""POST /v1/normalize/{vendor}/{operation}: a raw payload that a flow fetched by itself."""

from __future__ import annotations

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import clock
from python_nodes.auth import access, caller
from python_nodes.http.bodies import Moment, Query, raw_body
from python_nodes.http.reply import ok, services
from python_nodes.steps import payload_normalize

api = APIBlueprint("normalize", __name__, abp_tags=[{"name": "poll"}])


class NormalizePath(BaseModel):
    """Whose payload, of what."""

    vendor: str = Field(min_length=1, max_length=80)
    operation: str = Field(min_length=1, max_length=80)


class NormalizeQuery(Query):
    """Through which connection it would have come, and when it was fetched; now where that is missing."""

    connection_id: int = Field(ge=1, le=2**53)
    as_of: Moment | None = None


class Normalized(BaseModel):
    """What came of it, as of a poll; rejected records are in quarantine with their raw payload."""

    operation: str
    run_id: int
    fetched: int
    stored: int
    unchanged: int
    rejected: int


@api.post(
    "/v1/normalize/<vendor>/<operation>", security=access("ingest"), responses={200: Normalized},
    summary="Store a payload fetched elsewhere",
)  # fmt: skip
def normalize_payload(path: NormalizePath, query: NormalizeQuery) -> Response:
    """Archive the body as it came, then map, normalize and store it."""
    told_type = request.headers.get("X-Original-Content-Type") or request.content_type or "application/octet-stream"
    done = payload_normalize.run(
        services(), caller().tenant_id, query.connection_id, path.vendor, path.operation, raw_body(),
        told_type[:200], clock.resolve(query.as_of),
    )  # fmt: skip
    return ok(done)
