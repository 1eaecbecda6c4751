"""A vendor's event: is it the vendor's, is it new; if so it is kept and noted, and the vendor has its answer.

What it is about is read again later, by `webhook_work`: the event is believed in one thing only, where to look.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType
from typing import Any

from python_nodes import log, vendors
from python_nodes.errors import ConfigError, PermanentError
from python_nodes.steps.services import Services
from python_nodes.store import connections, idempotency, outbox
from python_nodes.store.connections import Connection
from python_nodes.vendors import webhook_proof, webhook_read
from python_nodes.vendors.base import Notice
from python_nodes.vendors.webhook_proof import Event, Proof

ENDPOINT = "/v1/webhooks"
OPERATION = "webhook"
RECEIVED = "webhook.received"
"""Outbox type of what vendors told and nobody has looked at yet; entity is ``connection:event``."""
CLIENT_ID = "webhook_client_id"
UNPROVED = "webhook: there is no such connection, or nothing proves that this comes from its vendor"


def run(services: Services, tenant_id: int, connection_id: int, event: Event, now: datetime) -> dict[str, Any]:
    """Take one event, once; sent again, it is answered as it was the first time."""
    with log.stage("webhook_receive", tenant_id=tenant_id, connection_id=connection_id) as facts:
        with _alike(facts):
            with services.database.tenant(tenant_id) as conn:
                connection = connections.get(conn, connection_id, services.fernet_key)
            facts["vendor"] = connection.vendor
            proof, read = _ways(connection)
            proof.check(event, webhook_proof.secrets_of(connection.credentials), now)
        notice = read(event.raw)
        # Held until all of it stands: the same event that comes meanwhile waits, and after a crash it may come again.
        with services.database.tenant(tenant_id) as conn:
            key = f"{connection_id}:{notice.event_id}"
            # The vendor's own id is what makes it this one: some of them change the envelope when they send again.
            first = idempotency.begin(conn, ENDPOINT, key, key.encode(), services.clock())
            if first is not None:
                return dict(first.body)
            answer = {"event": notice.event, "status": "ignored" if notice.operation is None else "accepted"}
            if notice.operation is not None:
                content_type = event.headers.get("x-original-content-type", "")
                services.archive.put(conn, connection.vendor, OPERATION, event.raw, content_type, now)
                about = {
                    "connection_id": connection_id, "property_id": notice.property_id, "operation": notice.operation,
                    "at": now.isoformat(),
                }  # fmt: skip
                outbox.add(conn, RECEIVED, key, 1, about)
            idempotency.finish(conn, ENDPOINT, key, 202, answer)
        facts.update(vendor_event=notice.event)
    return answer


def token(services: Services, tenant_id: int, connection_id: int, form: Mapping[str, str]) -> dict[str, Any]:
    """Give a vendor's client, which knows the connection's secret, the token that it sends its events with."""
    now = services.clock()
    with log.stage("webhook_token", tenant_id=tenant_id, connection_id=connection_id) as facts:
        if form.get("grant_type") != "client_credentials":
            raise PermanentError("grant_type must be client_credentials", status=400, field="grant_type")
        with _alike(facts):
            with services.database.tenant(tenant_id) as conn:
                known = connections.get(conn, connection_id, services.fernet_key).credentials
            if not known.get(CLIENT_ID) or form.get("client_id") != known[CLIENT_ID]:
                raise webhook_proof.refused("client")
            issued = webhook_proof.issue(form.get("client_secret", ""), webhook_proof.secrets_of(known), now)
    # Booking.com reads `jwt`, all others what OAuth 2.0 says.
    return {"jwt": issued, "access_token": issued, "token_type": "Bearer", "expires_in": webhook_proof.ISSUED_FOR_S}


@contextmanager
def _alike(facts: dict[str, Any]) -> Iterator[None]:
    """Answer whoever proves nothing in one way, whatever is wrong; what it is stands in the log.

    Anybody may send events: one who tries numbers must not learn which connections there are, or how they are set up.
    """
    try:
        yield
    except (PermanentError, ConfigError) as error:
        facts["unproved"] = str(error)
        raise PermanentError(UNPROVED, status=401) from None


def checked(vendor: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings that are the vendor's own; ConfigError names what is wrong with the webhook's."""
    told = settings.get(webhook_proof.SETTING)
    if told is not None:
        if not isinstance(told, Mapping):
            raise ConfigError(f"settings.{webhook_proof.SETTING} must be an object")
        webhook_proof.of_settings(told)
        webhook_read.of_settings(told, vendors.load(vendor).capabilities.operations)
    return webhook_proof.vendors_own(settings)


def _ways(connection: Connection) -> tuple[Proof, Callable[[bytes], Notice]]:
    """Return how an event is proved and how it is read: by the connection's setting, else as the vendor does."""
    told: Mapping[str, Any] = connection.settings.get(webhook_proof.SETTING) or {}
    own = _module(connection.vendor)
    proof: Proof | None = webhook_proof.of_settings(told) if told else getattr(own, "PROOF", None)
    reads = webhook_read.of_settings(told, vendors.load(connection.vendor).capabilities.operations)
    read: Callable[[bytes], Notice] | None = getattr(own, "read", None) if reads is None else reads.read
    if proof is None or read is None:
        raise PermanentError(
            f"{connection.vendor}: settings.{webhook_proof.SETTING} does not say how events are proved and what they"
            " are about, and we know of no way that the vendor has",
            status=422, field="connection_id",
        )  # fmt: skip
    return proof, read


def _module(vendor: str) -> ModuleType | None:
    name = f"python_nodes.vendors.{vendor}.webhooks"
    return None if importlib.util.find_spec(name) is None else importlib.import_module(name)
