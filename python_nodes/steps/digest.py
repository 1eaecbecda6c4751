"""The day's summary: write it once a day, send it to each recipient once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.alerts.policy import RoutePolicy
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.notify import base
from python_nodes.notify import digest as wording
from python_nodes.steps.services import Services
from python_nodes.store import alerts, digests, polls

SPAN = timedelta(hours=24)
RETRY_AFTER_S = 5.0


def write(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Put the last day together and plan a message for each recipient; asked again, the first wording stands."""
    with log.stage("digest_write", tenant_id=tenant_id) as facts, services.database.tenant(tenant_id) as conn:
        told = _told(conn, services.currency, as_of)
        due = digests.plan(conn, as_of.date(), recipients(services.policy), told)
        facts.update(open=told["open_count"], send=len(due))
    return {
        "open": told["open_count"],
        "resolved": told["ended_count"],
        "send": [{"digest_id": one.digest_id, "sender": one.sender, "recipient": one.recipient} for one in due],
    }


def send(services: Services, tenant_id: int, digest_id: int) -> dict[str, Any]:
    """Send one unless it is sent; a failure leaves it open, and a second try asks the provider first."""
    with (
        log.stage("digest_send", tenant_id=tenant_id, digest_id=digest_id) as facts,
        services.database.tenant(tenant_id) as lock,
    ):
        if not digests.hold(lock, digest_id):
            raise RetryableError(f"digest {digest_id} is being sent", retry_after_s=RETRY_AFTER_S)
        with services.database.tenant(tenant_id) as conn:
            one = digests.begin(conn, digest_id)
        facts.update(sender=one.sender, attempts=one.attempts + 1)
        if one.is_sent:
            return {"status": "sent", "provider_ref": one.provider_ref}
        if one.sender not in services.senders:
            raise PermanentError(f"sender {one.sender} is not set up", status=422, field="sender")
        console = base.Link(label="All alerts", url=f"{services.base_url.rstrip('/')}/console/alerts")
        words = wording.message(
            one.facts, delivery_id=f"np-digest-{digest_id}", recipient=one.recipient, links=[console],
            is_retry=one.attempts > 0,
        )  # fmt: skip
        reference = base.build(one.sender, services.senders[one.sender]).send(words)
        with services.database.tenant(tenant_id) as conn:
            digests.finish(conn, digest_id, reference, services.clock())
    return {"status": "sent", "provider_ref": reference}


def recipients(policy: RoutePolicy) -> list[tuple[str, str]]:
    """Return each recipient that the file names and that can be reached, once."""
    rule = policy.digest
    ways = [
        (sender, recipient)
        for team in (policy.teams[name] for name in rule.teams)
        for sender, named in team.recipients.items()
        for recipient in named
        if sender not in policy.not_set_up and (not rule.senders or sender in rule.senders)
    ]
    return list(dict.fromkeys(ways))


def _told(conn: Connection, currency: str, as_of: datetime) -> dict[str, Any]:
    since = as_of - SPAN
    known = [one for one in alerts.list_all(conn) if one.raised_at <= as_of]
    standing = [one for one in known if one.resolved_at is None or one.resolved_at > as_of]
    ended = [one for one in known if one.resolved_at is not None and since < one.resolved_at <= as_of]
    raised = sum(1 for one in known if one.raised_at > since)
    troubles = digests.troubles(conn, since, as_of) | {"failing_feeds": len(polls.failing(conn, as_of))}
    return wording.facts(standing, ended, raised, since, as_of, currency, troubles)
