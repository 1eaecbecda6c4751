"""POST /v1/escalations/due: who is told next of what nobody has taken care of."""

from __future__ import annotations

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from python_nodes import jobs, jobs_access, jobs_webhooks
from python_nodes.auth import access, caller
from python_nodes.http.bodies import AlertRef, AsOfBody
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import access_settle, alert_tell, escalations_due, webhook_work

api = APIBlueprint("escalations", __name__, abp_tags=[{"name": "alerts"}])


class Due(BaseModel):
    """How many alerts wait, how many messages were planned now, and which alerts have some to send."""

    checked: int
    due: int
    notify: list[AlertRef]


@api.post("/v1/escalations/due", security=access("notify"), responses={200: Due}, summary="Plan who is told next")
def escalations(body: AsOfBody) -> Response:
    """Plan what is due at that moment."""
    tenant_id = caller().tenant_id
    found = escalations_due.run(services(), tenant_id, body.moment())
    region: str = current_app.extensions["nightporter.settings"]["region"]
    # Asked each minute, so what subscribers are to be told, or told again, waits no longer than that.
    jobs_webhooks.ring(services(), tenant_id, region=region, run_id=run_id())
    if webhook_work.is_left(services(), tenant_id):
        jobs_webhooks.ring_work(tenant_id, region=region, run_id=run_id())
    if alert_tell.is_left(services(), tenant_id):
        # Whoever was sent for it died on the way, with the queue or before it.
        jobs.ring_tell(tenant_id, region=region, run_id=run_id())
    if access_settle.is_left(services(), tenant_id):
        jobs_access.ring(tenant_id, region=region, run_id=run_id())
    return ok(found)
