"""Subscribe a URL to what happens here; disable, enable, remove it, give it a new secret, test and replay."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from python_nodes import log
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.notify import webhook_guard, webhook_out
from python_nodes.steps import webhook_send
from python_nodes.steps.services import Services
from python_nodes.store import webhook_messages, webhooks
from python_nodes.store.webhook_events import EVENTS
from python_nodes.store.webhooks import Secret, Webhook

Change = Literal["disable", "enable", "delete", "rotate"]
OVERLAP = timedelta(hours=24)
"""How long the secret before the last goes on being valid."""
BY_HAND = "by hand"
MOST = 100
"""Subscribers of one tenant: each event is written once for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhook:
    """A subscriber to be."""

    name: str
    url: str = field(repr=False)
    events: Sequence[str]


def add(services: Services, tenant_id: int, wanted: NewWebhook) -> dict[str, Any]:
    """Subscribe; the answer is the only one that ever tells the secret."""
    unknown = sorted(set(wanted.events) - set(EVENTS))
    if unknown:
        raise PermanentError(
            f"events: {unknown[0][:40]!r} does not exist; there are: {', '.join(EVENTS)}", status=422, field="events"
        )
    try:
        services.webhook_guard.addresses(webhook_guard.read(wanted.url))
    except RetryableError as error:
        raise PermanentError(str(error), status=422, field="url") from None
    secret = webhook_out.new_secret()
    with log.stage("webhook_add", tenant_id=tenant_id) as facts, services.database.tenant(tenant_id) as conn:
        if len(webhooks.list_all(conn, services.fernet_key)) >= MOST:
            raise PermanentError(f"there are {MOST} webhooks, and no more are kept", status=409)
        webhook_id = webhooks.add(
            conn, name=wanted.name, url=wanted.url, events=sorted(set(wanted.events)), secret=secret,
            at=services.clock(), fernet_key=services.fernet_key,
        )  # fmt: skip
        facts.update(webhook_id=webhook_id)
    return {"id": webhook_id, "secret": secret}


def listed(services: Services, tenant_id: int, webhook_id: int | None = None) -> list[dict[str, Any]]:
    """Return every subscriber, or one, without its secrets."""
    with services.database.tenant(tenant_id) as conn:
        found = (
            webhooks.list_all(conn, services.fernet_key)
            if webhook_id is None
            else [webhooks.get(conn, webhook_id, services.fernet_key)]
        )
        dead = webhook_messages.letter_count(conn)
    return [_plain(one, dead.get(one.webhook_id, 0)) for one in found]


def _plain(one: Webhook, letters: int) -> dict[str, Any]:
    return {
        "id": one.webhook_id, "name": one.name, "url": one.url, "events": list(one.events),
        "created_at": one.created_at, "taken_at": one.taken_at, "failing_since_at": one.failing_since_at,
        "disabled_at": one.disabled_at, "disabled_because": one.disabled_because, "letters": letters,
    }  # fmt: skip


def change(services: Services, tenant_id: int, webhook_id: int, wish: Change) -> dict[str, Any]:
    """Do one of them; of a rotation the answer tells the new secret, once."""
    now, told = services.clock(), dict[str, Any]()
    with (
        log.stage("webhook_change", tenant_id=tenant_id, webhook_id=webhook_id, wish=wish),
        services.database.tenant(tenant_id) as conn,
    ):
        one = webhooks.hold(conn, webhook_id, services.fernet_key)
        if wish == "disable":
            webhooks.disable(conn, webhook_id, one.disabled_at or now, one.disabled_because or BY_HAND)
            webhook_messages.bury_all(conn, webhook_id, f"disabled {BY_HAND}", now)
        elif wish == "enable":
            webhooks.enable(conn, webhook_id)
        elif wish == "delete":
            webhook_messages.drop_all(conn, webhook_id, now)
            webhooks.remove(conn, webhook_id)
        else:
            told["secret"] = webhook_out.new_secret()
            # Two at most: whoever rotates twice in a day had a reason.
            kept = [Secret(key=one.secrets[0].key, until_at=now + OVERLAP)]
            secrets = [Secret(key=told["secret"]), *kept]
            webhooks.change_secrets(conn, webhook_id, secrets, services.fernet_key)
            told["until_at"] = now + OVERLAP
    return {"id": webhook_id, "status": {"rotate": "rotated"}.get(wish, f"{wish}d"), **told}


def test(services: Services, tenant_id: int, webhook_id: int) -> dict[str, Any]:
    """Send a message that says nothing, now, and tell what became of it; it is tried once."""
    with services.database.tenant(tenant_id) as conn:
        webhooks.get(conn, webhook_id, services.fernet_key)
        message_id = webhook_messages.add_test(conn, webhook_id, services.clock())
    reason = webhook_send.alone(services, tenant_id, webhook_id, message_id)
    return {"is_taken": reason is None, "reason": reason}


def letters(services: Services, tenant_id: int, webhook_id: int) -> list[dict[str, Any]]:
    """Return the messages that one subscriber never took, the oldest first, with why."""
    with services.database.tenant(tenant_id) as conn:
        webhooks.get(conn, webhook_id, services.fernet_key)
        found = webhook_messages.letters(conn, webhook_id)
    return [
        {
            "id": one.letter_id, "event": one.event, "at": one.payload["at"], "reason": one.reason,
            "attempts": one.attempts, "died_at": one.died_at,
        }
        for one in found
    ]  # fmt: skip


def replay(
    services: Services, tenant_id: int, webhook_id: int, letter_ids: Collection[int] | None
) -> dict[str, int]:  # fmt: skip
    """Send given-up messages anew, all or some; they go with what else is due."""
    with (
        log.stage("webhook_replay", tenant_id=tenant_id, webhook_id=webhook_id) as facts,
        services.database.tenant(tenant_id) as conn,
    ):
        one = webhooks.hold(conn, webhook_id, services.fernet_key)
        if one.disabled_at is not None:
            raise PermanentError(f"webhook {webhook_id} is disabled: enable it first", status=409)
        count = webhook_messages.replay(conn, webhook_id, letter_ids, services.clock())
        facts.update(replayed=count)
    return {"replayed": count}
