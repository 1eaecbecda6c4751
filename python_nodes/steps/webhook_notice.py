"""A word to the operator when a subscriber is disabled: to whoever gets the digest, once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.alerts.policy import RoutePolicy
from python_nodes.domain import written
from python_nodes.domain.said import say
from python_nodes.errors import NightporterError
from python_nodes.notify import base
from python_nodes.steps import digest, send_once
from python_nodes.steps.services import Services
from python_nodes.store import sends
from python_nodes.store.sends import Draft, Send
from python_nodes.store.webhooks import Webhook

TYPE = "webhook.disabled"
"""Outbox type; entity is ``webhook:sender:recipient``, version the moment."""
MOST_ATTEMPTS = 10
SPAN = "notice"


def plan(
    conn: Connection, policy: RoutePolicy, about: Webhook, since_at: datetime, reason: str, at: datetime
) -> None:  # fmt: skip
    """Write who is to be told that a subscriber gets nothing any more."""
    log.get("webhook").error("webhook_disabled", webhook_id=about.webhook_id, reason=reason)
    told = {
        "webhook_id": about.webhook_id, "name": about.name, "reason": reason, "since_at": since_at.isoformat(),
    }  # fmt: skip
    sends.plan(conn, TYPE, [
        Draft(entity=f"{about.webhook_id}:{sender}:{recipient}", version=int(at.timestamp()), sender=sender,
              recipient=recipient, about=told)
        for sender, recipient in digest.recipients(policy)
    ])  # fmt: skip


def send_due(services: Services, tenant_id: int) -> int:
    """Send what waits; what fails waits for the next time, a few times."""
    with services.database.tenant(tenant_id) as conn:
        due = [one for one in sends.due(conn, TYPE) if one.attempts < MOST_ATTEMPTS]
    sent = 0
    for one in due:
        try:
            send_once.run(services, tenant_id, one.message_id, KIND)
            sent += 1
        except NightporterError as error:
            log.get("webhook").warning("notice_waits", message_id=one.message_id, reason=str(error))
    return sent


def _prepare(conn: Connection, services: Services, one: Send, facts: dict[str, Any]) -> send_once.Words:
    return lambda _: worded(one, services.base_url)


KIND = send_once.Kind(
    name="notice", stage="webhook_notice_send", field="message_id", types=[TYPE], prepare=_prepare
)  # fmt: skip


def worded(one: Send, base_url: str) -> base.Message:
    """Say who gets nothing any more, since when and why, and where it is mended."""
    about = one.about
    return base.Message(
        delivery_id=f"np-webhook-{one.message_id}", alert_id=0, recipient=one.recipient, state="raised",
        category="medium", span=SPAN,
        title=say("Webhook {name} was disabled", name=about["name"]),
        summary=say(
            "It has taken nothing since {since}. What it did not take is kept: enable it, then replay.",
            since=written.moment(datetime.fromisoformat(about["since_at"])),
        ),
        fields=(base.Field(label=say("Last answer"), value=about["reason"]),),
        evidence=(),
        links=(base.Link(label=say("All webhooks"), url=f"{base_url.rstrip('/')}/v1/webhooks"),),
        is_retry=one.attempts > 0,
    )  # fmt: skip
