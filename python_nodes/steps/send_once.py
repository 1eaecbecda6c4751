"""Sends a message of the outbox once: held while it is sent, counted before, closed after."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain.speech import speaking
from python_nodes.errors import NightporterError, PermanentError, RetryableError
from python_nodes.notify import base
from python_nodes.steps import spoken
from python_nodes.steps.services import Services
from python_nodes.store import sends, turns
from python_nodes.store.sends import Send

RETRY_AFTER_S = 5.0
Words = Callable[[base.Sender], base.Message]
"""Words a message for who is to carry it; called while the recipient's language is spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is sent: its name in messages, the log's stage and field, its types of the outbox.

    ``prepare`` reads what the words are made of, and notes facts for the log.
    """

    name: str
    stage: str
    field: str
    types: Collection[str]
    prepare: Callable[[Connection, Services, Send, dict[str, Any]], Words]


def run(services: Services, tenant_id: int, message_id: int, kind: Kind) -> dict[str, Any]:
    """Send one unless it is sent; a failure leaves it open, and a second try asks the provider first."""
    with (
        log.stage(kind.stage, tenant_id=tenant_id, **{kind.field: message_id}) as facts,
        services.database.tenant(tenant_id) as lock,
    ):
        if not sends.hold(lock, message_id, wait_s=turns.PATIENCE_S):
            raise RetryableError(f"{kind.name} {message_id} is being sent", retry_after_s=RETRY_AFTER_S)
        with services.database.tenant(tenant_id) as conn:
            one = sends.begin(conn, message_id, kind.types, kind.name)
            words = kind.prepare(conn, services, one, facts)
        facts.update(sender=one.sender, attempts=one.attempts + 1)
        if one.is_sent:
            return {"status": "sent", "provider_ref": one.provider_ref}
        if one.sender not in services.senders:
            raise PermanentError(f"sender {one.sender} is not set up", status=422, field="sender")
        sender = base.build(one.sender, services.senders[one.sender])
        with speaking(spoken.by(services, one.recipient)):
            reference = _send(services, tenant_id, one, sender, words(sender))
        with services.database.tenant(tenant_id) as conn:
            sends.finish(conn, message_id, reference, services.clock())
    return {"status": "sent", "provider_ref": reference}


def _send(services: Services, tenant_id: int, one: Send, sender: base.Sender, message: base.Message) -> str:
    def leaves(within_s: float) -> None:
        with services.database.tenant(tenant_id) as conn:
            sends.leaves(conn, one, within_s)

    try:
        return sender.send(message, leaves)
    except NightporterError as error:
        if not base.may_arrive(error):
            with services.database.tenant(tenant_id) as conn:
                sends.settled(conn, one)
        raise
