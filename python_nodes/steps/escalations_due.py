"""Plan who is told next of alerts that nobody has taken care of; asked each minute, it plans each telling once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes import log
from python_nodes.alerts import escalate, route
from python_nodes.alerts.route import PastDelivery
from python_nodes.steps import places
from python_nodes.steps.services import Services
from python_nodes.store import deliveries, portfolio, waiting


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Plan what is due and name the alerts to be told; one whose telling failed is named again each time."""
    with log.stage("escalations_due", tenant_id=tenant_id) as facts, services.database.tenant(tenant_id) as conn:
        waits = waiting.unattended(conn, as_of)
        past = waiting.planned(conn, [alert.alert_id for alert in waits])
        listings = portfolio.load_listings(conn) if waits else []
        due = 0
        for alert in waits:
            before = [
                PastDelivery(sender=one.sender, recipient=one.recipient, step=one.step, status=one.status)
                for one in past.get(alert.alert_id, ())
            ]
            about = route.subject(alert, places.of(alert, listings))
            decided = escalate.due(about, services.policy, as_of, before)
            deliveries.plan(conn, alert.alert_id, decided.send, decided.suppressed, as_of)
            due += len(decided.send)
        told = waiting.unsent(conn, escalate.PREFIX)
        facts.update(checked=len(waits), due=due, notify=len(told))
    return {"checked": len(waits), "due": due, "notify": [{"alert_id": alert_id} for alert_id in told]}
