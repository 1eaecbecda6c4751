"""Alerts of which people have not been told: which they are, and a word to whoever tells them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.errors import NightporterError
from python_nodes.notify import bell
from python_nodes.steps.services import Services
from python_nodes.store import alerts, outbox, undelivered


def waiting(conn: Connection) -> list[dict[str, int]]:
    """Return the alerts with a word or a message still to be sent."""
    told = {int(row.entity) for row in outbox.pending(conn, alerts.NOTIFY)} | set(undelivered.alert_ids(conn))
    return [{"alert_id": alert_id} for alert_id in sorted(told)]


def ring(services: Services, as_of: datetime, about: str) -> bool:
    """Have the flow start at once that tells what is new; where it cannot, its own schedule does within a minute."""
    if services.news is None:
        return False
    try:
        told = {"as_of": as_of.isoformat(), "about": about}
        bell.ring(services.news.url, services.news.secret, told, services.clock())
    except NightporterError as error:
        log.get("news").warning("flow_not_reached", reason=str(error))
        return False
    return True
