"""Keep what a flow reports of its own failure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from python_nodes import log
from python_nodes.steps.services import Services
from python_nodes.store import flowerrors


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Where a flow failed and what it said."""

    workflow: str
    node: str
    message: str
    execution_id: str


def run(services: Services, tenant_id: int, report: Report, as_of: datetime) -> int:
    """Store the report, redacted, and log it; returns its id."""
    log.get("flow_error").error(
        "flow_error", tenant_id=tenant_id, workflow=report.workflow, node=report.node, execution_id=report.execution_id
    )
    with services.database.tenant(tenant_id) as conn:
        return flowerrors.add(
            conn,
            workflow=report.workflow,
            node=report.node,
            message=str(log.redact(report.message)),
            execution_id=report.execution_id,
            reported_at=as_of,
        )
