"""Decide who gets an alert now, and keep a delivery record for each send and each decision not to send."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes import log
from python_nodes.alerts import route
from python_nodes.alerts.route import PastDelivery
from python_nodes.steps import places
from python_nodes.steps.services import Services
from python_nodes.store import alerts, deliveries, outbox, undelivered


def run(services: Services, tenant_id: int, alert_id: int, as_of: datetime) -> dict[str, Any]:
    """Route one alert and plan its deliveries; the outbox row ends in the transaction that plans them."""
    with log.stage("alert_route", tenant_id=tenant_id, alert_id=alert_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            alert = alerts.get(conn, alert_id)
            before = deliveries.list_for_alert(conn, alert_id)
            past = [
                PastDelivery(sender=one.sender, recipient=one.recipient, step=one.step, status=one.status)
                for one in before
            ]
            about = route.subject(alert, places.load(conn, alert))
            routed = route.route(about, services.policy, as_of, past)
            deliveries.plan(conn, alert_id, routed.send, routed.suppressed, as_of)
            if not routed.waits:
                # What waits for a team's hours stays open, so that the cycles to come ask again.
                outbox.mark_entity_done(conn, alerts.NOTIFY, str(alert_id), as_of)
            due = undelivered.of_alert(conn, alert_id)
        facts.update(send=len(due), suppressed=len(routed.suppressed))
    return {
        "send": [{"delivery_id": one.delivery_id, "sender": one.sender, "recipient": one.recipient} for one in due],
        "suppressed": [{"sender": one.sender, "reason": one.reason} for one in routed.suppressed],
    }
