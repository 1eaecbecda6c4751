"""A vendor's event: is it the vendor's, is it new; then read again what it is about, and score that at once.

The event itself is kept raw and believed in one thing only: where to look. What is stored is what the API then says.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import ModuleType
from typing import Any

from python_nodes import log
from python_nodes.errors import PermanentError
from python_nodes.steps import connect, observe, poll
from python_nodes.steps.services import Services
from python_nodes.store import connections, idempotency
from python_nodes.vendors.base import Notice

ENDPOINT = "/v1/webhooks"
OPERATION = "webhook"
OF_GUARDS_ONLY = frozenset({"health", "content"})
"""Operations that bring no point of a series: what they tell is what guards look at."""


def run(
    services: Services, tenant_id: int, connection_id: int, raw: bytes, headers: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """Take one event, once; sent again, it is answered as it was the first time."""
    with log.stage("webhook_receive", tenant_id=tenant_id, connection_id=connection_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            connection = connections.get(conn, connection_id, services.fernet_key)
        own = _module(connection.vendor)
        told = {name.lower(): value for name, value in headers.items()}
        own.verify(raw, told, connection.credentials, now)
        notice: Notice = own.read(raw)
        # Held until all is done: the same event that comes meanwhile waits, and after a crash it may come again.
        with services.database.tenant(tenant_id) as claim:
            key = f"{connection_id}:{notice.event_id}"
            first = idempotency.begin(claim, ENDPOINT, key, raw, services.clock())
            if first is not None:
                return dict(first.body)
            done = _act(services, tenant_id, connection_id, notice, raw, told.get("x-original-content-type", ""), now)
            idempotency.finish(claim, ENDPOINT, key, 200, done)
        facts.update(vendor_event=notice.event, found=done["found"])
    return done


def _module(vendor: str) -> ModuleType:
    name = f"python_nodes.vendors.{vendor}.webhooks"
    if importlib.util.find_spec(name) is None:
        raise PermanentError(f"{vendor} sends no events that we know how to verify", status=422, field="connection_id")
    return importlib.import_module(name)


def _act(
    services: Services, tenant_id: int, connection_id: int, notice: Notice, raw: bytes, content_type: str,
    now: datetime,
) -> dict[str, Any]:  # fmt: skip
    nothing = {"observed": 0, "found": 0, "as_of": now.isoformat(), "raised": 0, "updated": 0, "resolved": 0}
    if notice.operation is None:
        return {"event": notice.event, "status": "ignored", **nothing, "notify": []}
    with connect.opened(services, tenant_id, connection_id, notice.operation) as link:
        with services.database.tenant(tenant_id) as conn:
            services.archive.put(conn, link.connection.vendor, OPERATION, raw, content_type, now)
        about = [one for one in link.listings if one.channel_property_id == notice.property_id]
        if not about:
            return {"event": notice.event, "status": "unknown property", **nothing, "notify": []}
        poll.record(services, tenant_id, replace(link, listings=about), notice.operation, now, None)
    looks: tuple[observe.Look, ...] = ("guards",) if notice.operation in OF_GUARDS_ONLY else observe.LOOKS
    looked = observe.run(services, tenant_id, [one.listing_id for one in about], now, looks)
    return {"event": notice.event, "status": "observed", **looked}
