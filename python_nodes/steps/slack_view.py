"""What a form in Slack shows of an alert: what was done by now, what can be done, what may have caused it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from python_nodes.domain.findings import Alert
from python_nodes.domain.said import say
from python_nodes.domain.speech import speaking
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.notify import render, slack_form, words
from python_nodes.steps import alert_act, answers, spoken
from python_nodes.steps.alert_act import Request
from python_nodes.steps.services import Services
from python_nodes.store import alerts, idempotency

REPLAYED = "slack: this very request was received before"


def open_once(
    services: Services, tenant_id: int, request: Request, about: slack_form.About
) -> dict[str, Any] | None:  # fmt: skip
    """Return the form for an alert, once a signed request; None where there is no such alert."""
    with services.database.tenant(tenant_id) as conn:
        if idempotency.begin(conn, request.endpoint, request.key, request.raw, services.clock()) is not None:
            raise PermanentError(REPLAYED, status=409)
        idempotency.finish(conn, request.endpoint, request.key, 200, {"opened": about.alert_id})
        try:
            alert = alerts.get(conn, about.alert_id)
        except NotFoundError:
            return None
        with speaking(spoken.by(services, about.channel)):
            return slack_form.view(about, _content(conn, alert))


def _content(conn: Connection, alert: Alert) -> slack_form.Content:
    lines = [answers.sentence(one) for _, one in alert_act.taken(conn, alert.alert_id)]
    names = [str(one["cause"]) for one in alert.evidence.get("causes", ()) if "cause" in one] or [alert.cause]
    return slack_form.Content(
        title=render.title(alert),
        lines=lines,
        choices=[(name, say(label)) for name, label in answers.CHOICES.items()],
        causes=[(name, words.cause(name)) for name in dict.fromkeys(names)],
    )
