"""A payload that somebody else fetched, as an ops user's own HTTP Request node: archive, map, normalize, store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes import log
from python_nodes.errors import PermanentError
from python_nodes.steps import connect, poll
from python_nodes.steps.recording import RECORDERS
from python_nodes.steps.services import Services
from python_nodes.store import polls
from python_nodes.vendors.base import RawPayload


def run(
    services: Services, tenant_id: int, connection_id: int, vendor: str, operation: str, raw: bytes,
    content_type: str, as_of: datetime,
) -> dict[str, Any]:  # fmt: skip
    """Record one payload as if our own poll had fetched it; what cannot be used is quarantined and counted."""
    if operation not in RECORDERS:
        known = ", ".join(sorted(RECORDERS))
        raise PermanentError(f"operation: {operation[:40]!r} is none of {known}", status=422, field="operation")
    if not raw:
        raise PermanentError("the body is empty: send the payload as it came", status=422, field="body")
    with log.stage("payload_normalize", tenant_id=tenant_id, operation=operation, connection_id=connection_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            link = connect.known(conn, services, connection_id, operation)
            if link.connection.vendor != vendor:
                raise PermanentError(
                    f"vendor: connection {connection_id} is of {link.connection.vendor}", status=422, field="vendor"
                )
            run_id = polls.start(conn, connection_id, operation, as_of)
        payload = RawPayload(
            operation=operation, content=raw, content_type=content_type, fetched_at=as_of, key="handed in"
        )  # fmt: skip
        archived = poll.archive(services, tenant_id, vendor, [payload])
        done, _ = poll.keep(services, tenant_id, link, operation, archived, as_of)
        with services.database.tenant(tenant_id) as conn:
            polls.finish(conn, run_id, done, finished_at=services.clock())
        facts.update(done)
    return {"operation": operation, "run_id": run_id, **done}
