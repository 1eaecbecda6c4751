"""POST /v1/flow-errors: a flow tells that a step of its own failed."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody
from python_nodes.http.reply import ok, services
from python_nodes.steps import flow_error

api = APIBlueprint("flow_errors", __name__, abp_tags=[{"name": "flows"}])


class FlowErrorBody(AsOfBody):
    """Where it failed and what it said."""

    workflow: str = Field(min_length=1, max_length=200)
    node: str = Field(max_length=200)
    message: str = Field(max_length=20_000)
    execution_id: str = Field(max_length=200)


class FlowErrorNoted(BaseModel):
    """The report's id."""

    id: int


@api.post("/v1/flow-errors", security=access("notify"), responses={202: FlowErrorNoted}, summary="Report a failed step")
def report_error(body: FlowErrorBody) -> Response:
    """Keep the report."""
    report = flow_error.Report(
        workflow=body.workflow, node=body.node, message=body.message, execution_id=body.execution_id
    )
    return ok({"id": flow_error.run(services(), caller().tenant_id, report, body.moment())}, 202)
