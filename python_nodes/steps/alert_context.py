"""What goes with an alert: advice by its cause, how earlier ones like it ended, links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from python_nodes.alerts import guide
from python_nodes.alerts.guide import Context, Past
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.steps import places
from python_nodes.steps.services import Services
from python_nodes.store import similar

MAX_PAST = 5


def of(conn: Connection, services: Services, alert: Alert, listings: Sequence[ListingInfo]) -> Context:
    """Read what is stored about an alert's past and put it together; ``listings`` may be the whole portfolio."""
    past = [
        Past(
            alert_id=one.alert.alert_id, raised_at=one.alert.raised_at, resolved_at=one.alert.resolved_at,
            lost_minor=one.alert.lost_so_far_minor, ended=one.ended, is_real=one.is_real,
        )
        for one in similar.before(conn, alert, MAX_PAST)
    ]  # fmt: skip
    about = places.of(alert, listings)
    return guide.context(alert, about, past, services.guide, services.base_url, services.grafana_url)


def view(told: Context) -> dict[str, Any]:
    """Write it as JSON has it."""
    return {
        "likely_cause": told.likely_cause,
        "suggested_action": told.suggested_action,
        "history": [
            asdict(one)
            | {
                "raised_at": one.raised_at.isoformat(),
                "resolved_at": one.resolved_at.isoformat() if one.resolved_at else None,
            }
            for one in told.history
        ],
        "links": [{"label": label, "url": url} for label, url in told.links],
    }
