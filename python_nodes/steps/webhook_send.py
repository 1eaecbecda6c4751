"""Send one subscriber what it follows, one message after the other; what is not taken waits, dies, or ends it.

Messages go in the order in which they were written. One that was not taken waits for its own next try and lets those
after it pass: the order is kept as far as the subscriber takes what it is sent.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from celery.utils.time import get_exponential_backoff_interval

from python_nodes import log
from python_nodes.errors import NightporterError, RetryableError
from python_nodes.notify import webhook_out
from python_nodes.notify.webhook_out import GoneError, Letter
from python_nodes.steps import webhook_notice
from python_nodes.steps.services import Services
from python_nodes.store import sends, webhook_events, webhook_messages, webhooks
from python_nodes.store.sends import Send
from python_nodes.store.webhooks import Webhook

MOST_AT_ONCE = 50
"""Messages that one job sends, before another subscriber has its turn."""
MOST_S = 60.0
"""How long one job goes on: a transaction stays open for it, and who is slow has had its turn."""
MOST_ATTEMPTS = 14
"""After which a message is given up: some 32 hours after the first."""
FIRST_WAIT_S, LONGEST_WAIT_S = 60, 6 * 3600
FAILS_FOR = timedelta(days=3)
"""How long a subscriber may take nothing at all before it is disabled."""


def waiting(services: Services, tenant_id: int) -> list[tuple[int, bool]]:
    """Return the subscribers to whom something is to be sent now, and whether each failed the last time."""
    with services.database.tenant(tenant_id) as conn:
        return webhook_messages.waiting_for(conn, services.clock())


def run(services: Services, tenant_id: int, webhook_id: int) -> dict[str, int]:
    """Send what is due until all is taken or something is not; whoever comes meanwhile leaves it to this one."""
    sent = 0
    with (
        log.stage("webhook_send", tenant_id=tenant_id, webhook_id=webhook_id) as facts,
        services.database.tenant(tenant_id) as lock,
    ):
        if not webhooks.claim(lock, webhook_id):
            return {"sent": 0, "waits": 0}
        with services.database.tenant(tenant_id) as conn:
            due = webhook_messages.due(conn, webhook_id, services.clock(), MOST_AT_ONCE)
        ends = time.monotonic() + MOST_S
        for message_id in due:
            if time.monotonic() > ends or _one(services, tenant_id, webhook_id, message_id) is not None:
                break
            sent += 1
        facts.update(sent=sent, waits=len(due) - sent)
    webhook_notice.send_due(services, tenant_id)
    return {"sent": sent, "waits": len(due) - sent}


def alone(services: Services, tenant_id: int, webhook_id: int, message_id: int) -> str | None:
    """Send one message out of turn, and return why it was not taken."""
    return _one(services, tenant_id, webhook_id, message_id)


def _one(services: Services, tenant_id: int, webhook_id: int, message_id: int) -> str | None:
    with services.database.tenant(tenant_id) as conn:
        to = webhooks.get(conn, webhook_id, services.fernet_key)
        # Counted before it goes out: what died on the way may have arrived, and the receiver knows it by its id.
        message = sends.begin(conn, message_id, [webhook_events.TYPE], "message")
    if message.is_sent:
        return None
    now = services.clock()
    try:
        if to.disabled_at is not None and message.about["event"] != webhook_events.TEST:
            raise RetryableError("the subscriber is disabled")
        letter = letter_of(services, to, message)
        status = webhook_out.send(letter, to.valid(now), now, services.webhook_guard)
    except NightporterError as error:
        return _not_taken(services, tenant_id, to, message, error)
    with services.database.tenant(tenant_id) as conn:
        sends.finish(conn, message_id, str(status), services.clock())
        webhooks.taken(conn, webhook_id, services.clock())
    return None


def letter_of(services: Services, to: Webhook, message: Send) -> Letter:
    """Put together what is sent: small, with a link to the rest."""
    about = message.about
    data = dict(about["data"])
    if "proposal_id" in data:
        data["link"] = f"{services.base_url.rstrip('/')}/v1/proposals/{data['proposal_id']}"
    elif "alert_id" in data:
        data["link"] = f"{services.base_url.rstrip('/')}/v1/alerts/{data['alert_id']}"
    first = webhook_messages.first_of(message.message_id, about)
    at = datetime.fromisoformat(about["at"]).isoformat()
    return Letter(message_id=f"msg_{first}", url=to.url, event=about["event"], at=at, data=data)


def _not_taken(
    services: Services, tenant_id: int, to: Webhook, message: Send, error: NightporterError
) -> str:  # fmt: skip
    now, reason, attempts = services.clock(), str(log.redact(str(error))), message.attempts + 1
    log.get("webhook_send").warning("not_taken", webhook_id=to.webhook_id, attempts=attempts, reason=reason)
    with services.database.tenant(tenant_id) as conn:
        if message.about["event"] == webhook_events.TEST:
            webhook_messages.drop(conn, message.message_id, now)
            return reason
        since = webhooks.failed(conn, to.webhook_id, now)
        if isinstance(error, GoneError) or now - since >= FAILS_FOR:
            webhooks.disable(conn, to.webhook_id, now, reason)
            webhook_messages.bury_all(conn, to.webhook_id, reason, now)
            webhook_notice.plan(conn, services.policy, to, since, reason, now)
        elif attempts >= MOST_ATTEMPTS:
            webhook_messages.bury(conn, message.message_id, reason, now)
        else:
            wait = timedelta(seconds=_wait_s(attempts, error))
            webhook_messages.put_off(conn, message.message_id, reason, now + wait)
    return reason


def _wait_s(attempts: int, error: NightporterError) -> float:
    usual = get_exponential_backoff_interval(FIRST_WAIT_S, attempts - 1, LONGEST_WAIT_S)
    told = error.retry_after_s if isinstance(error, RetryableError) else None
    return max(float(usual), told or 0.0)
