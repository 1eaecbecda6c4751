"""/console/alerts: every alert with its money, cause and deliveries."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.types import ResponseDict

from python_nodes import clock
from python_nodes.auth import access, caller
from python_nodes.console import page
from python_nodes.http.reply import services
from python_nodes.steps import alert_view

api = APIBlueprint("console_alerts", __name__, abp_tags=[{"name": "pages"}])
HTML: ResponseDict = {200: {"description": "An HTML page", "content": {"text/html": {"schema": {"type": "string"}}}}}


@api.get("/console/alerts", security=access("read", page=True), summary="Alerts as a page", responses=HTML)
def console_alerts() -> Response:
    """Show every alert with its money, cause and deliveries."""
    alerts = alert_view.with_deliveries(services(), caller().tenant_id)
    open_alerts = [alert for alert in alerts if alert["resolved_at"] is None]
    return page.page(
        "alerts.html", title="Alerts", here="alerts", open_alerts=open_alerts,
        resolved=[alert for alert in alerts if alert["resolved_at"] is not None],
        at_stake_minor=sum(alert["impact_minor"] for alert in open_alerts),
        currency=alerts[0]["currency"] if alerts else services().currency, shown_at=clock.now(),
    )  # fmt: skip
