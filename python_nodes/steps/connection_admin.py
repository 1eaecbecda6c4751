"""Add and list connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from python_nodes import vendors
from python_nodes.errors import ConfigError, PermanentError
from python_nodes.steps import connect
from python_nodes.steps.services import Services
from python_nodes.store import connections, polls


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConnection:
    """A connection to be; credentials do not show in its repr."""

    vendor: str
    name: str
    base_url: str
    settings: Mapping[str, Any]
    credentials: Mapping[str, str] = field(repr=False)


def add(services: Services, tenant_id: int, wanted: NewConnection) -> int:
    """Store a connection whose vendor accepts its settings; returns its id."""
    try:
        vendor = vendors.load(wanted.vendor)
    except ConfigError as error:
        raise PermanentError(str(error), status=422, field="vendor") from None
    try:
        # Building the client checks settings and credentials by name; nothing is called.
        runtime = connect.runtime(services, wanted.vendor, f"{tenant_id}-new")
        vendor.client(wanted.base_url, wanted.credentials, wanted.settings, runtime).close()
    except ConfigError as error:
        raise PermanentError(str(error), status=422, field="settings") from None
    with services.database.tenant(tenant_id) as conn:
        return connections.create(
            conn,
            vendor=wanted.vendor,
            name=wanted.name,
            base_url=wanted.base_url,
            settings=wanted.settings,
            credentials=wanted.credentials,
            fernet_key=services.fernet_key,
        )


def consent(vendor_name: str, base_url: str, client_id: str, redirect_uri: str) -> dict[str, str]:
    """Return the page where a vendor's customer consents to our reading; nothing is stored and nothing called."""
    try:
        vendor = vendors.load(vendor_name)
    except ConfigError as error:
        raise PermanentError(str(error), status=422, field="vendor") from None
    ask = getattr(vendor.client, "consent", None)
    if ask is None:
        raise PermanentError(f"vendor: {vendor_name} asks nobody for consent", status=422, field="vendor")
    told: dict[str, str] = ask(base_url, client_id, redirect_uri)
    return told


def listed(services: Services, tenant_id: int, as_of: datetime) -> list[dict[str, Any]]:
    """Return every active connection with what may be polled and how fresh it is, without its secrets."""
    with services.database.tenant(tenant_id) as conn:
        found = connections.list_active(conn, services.fernet_key)
        polled = polls.freshness(conn, as_of)
    return [
        {
            "id": one.connection_id,
            "vendor": one.vendor,
            "name": one.name,
            "operations": connect.operations_at(services, tenant_id, one),
            **_stale([item for item in polled if item.connection_id == one.connection_id]),
        }
        for one in found
    ]


def _stale(polled: Sequence[polls.Freshness]) -> dict[str, Any]:
    """What of a connection fails and since when; the last good data stand as of ``last_good_at``."""
    failing = [(one, one.failing_since_at) for one in polled if one.failing_since_at is not None]
    return {
        "stale_since_at": min((since_at for _, since_at in failing), default=None),
        "stale": [
            {
                "operation": one.operation,
                "since_at": since_at,
                "last_good_at": one.succeeded_at,
                "reason": one.reason,
            }
            for one, since_at in failing
        ],
    }
