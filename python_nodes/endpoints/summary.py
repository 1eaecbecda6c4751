"""GET /v1/summary: what the worker holds, in numbers."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from python_nodes.auth import access, caller
from python_nodes.http.reply import ok, services
from python_nodes.steps import summary

api = APIBlueprint("summary", __name__, abp_tags=[{"name": "alerts"}])


class Summary(BaseModel):
    """Counts over everything stored."""

    points_stored: int
    series: int
    deliveries: dict[str, int]
    rejected: int
    open_alerts: int


@api.get("/v1/summary", security=access("read"), responses={200: Summary}, summary="What is stored")
def summarize() -> Response:
    """Count."""
    return ok(summary.run(services(), caller().tenant_id))
