"""Add and list connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from python_nodes import vendors
from python_nodes.errors import ConfigError, PermanentError
from python_nodes.steps import connect, webhook_receive
from python_nodes.steps.services import Services
from python_nodes.store import connections, consents, polls

CONSENT_LIFE = timedelta(hours=1)
"""So long a customer may take to consent: a state that is older is not taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConnection:
    """A connection to be; credentials do not show in its repr."""

    vendor: str
    name: str
    base_url: str
    settings: Mapping[str, Any]
    credentials: Mapping[str, str] = field(repr=False)
    access_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose consent is asked for: at which vendor, as which of its clients, and where the customer is sent back to."""

    vendor: str
    base_url: str
    client_id: str
    redirect_uri: str


def add(services: Services, tenant_id: int, wanted: NewConnection) -> int:
    """Store a connection whose vendor accepts its settings, with the consent that its state names; returns its id."""
    try:
        vendor = vendors.load(wanted.vendor)
    except ConfigError as error:
        raise PermanentError(str(error), status=422, field="vendor") from None
    # A state is spent only by a connection that is stored: what is refused here may be sent again, mended.
    with services.database.tenant(tenant_id) as conn:
        credentials = _consented(services, conn, wanted)
        try:
            # Building the client checks settings and credentials by name; nothing is called.
            runtime = connect.runtime(services, wanted.vendor, f"{tenant_id}-new")
            own = webhook_receive.checked(wanted.vendor, wanted.settings)
            vendor.client(wanted.base_url, credentials, own, runtime).close()
        except ConfigError as error:
            raise PermanentError(str(error), status=422, field="settings") from None
        connect.check_reach(services, tenant_id, vendor, wanted.base_url, wanted.settings)
        return connections.create(
            conn,
            vendor=wanted.vendor,
            name=wanted.name,
            base_url=wanted.base_url,
            settings=wanted.settings,
            credentials=credentials,
            fernet_key=services.fernet_key,
            access_ends_at=wanted.access_ends_at,
        )


def consent(services: Services, tenant_id: int, asked: Asked) -> dict[str, Any]:
    """Return the page where a vendor's customer consents to our reading; nothing is called."""
    try:
        vendor = vendors.load(asked.vendor)
    except ConfigError as error:
        raise PermanentError(str(error), status=422, field="vendor") from None
    ask = getattr(vendor.client, "consent", None)
    if ask is None:
        raise PermanentError(f"vendor: {asked.vendor} asks nobody for consent", status=422, field="vendor")
    told: dict[str, str] = ask(asked.base_url, asked.client_id, asked.redirect_uri)
    now = services.clock()
    kept = {**asdict(asked), "code_verifier": told["code_verifier"]}
    with services.database.tenant(tenant_id) as conn:
        consents.add(conn, told["state"], kept, now, now + CONSENT_LIFE, services.fernet_key)
    return {"url": told["url"], "state": told["state"], "expires_at": now + CONSENT_LIFE}


def _consented(services: Services, conn: Connection, wanted: NewConnection) -> Mapping[str, str]:
    """Put PKCE's secret in the place of the state that a code came back with; a state is good once."""
    told = dict(wanted.credentials)
    if "authorization_code" not in told:
        return told
    kept = consents.take(conn, told.pop("state", ""), services.clock(), services.fernet_key)
    # Whoever brings a code must be who asked for it: the same vendor's, at the same place, as the same client.
    same = {"vendor": wanted.vendor, "base_url": wanted.base_url, "client_id": told.get("client_id")}
    if kept is None or any(kept[name] != value for name, value in same.items()):
        raise PermanentError(
            "credentials.state is not that of a consent which was asked for here, within the hour and for this vendor,"
            " base_url and client_id; ask again by POST /v1/connections/consent",
            status=422,
            field="credentials.state",
        )
    return {**told, "code_verifier": kept["code_verifier"], "redirect_uri": kept["redirect_uri"]}


def listed(services: Services, tenant_id: int, as_of: datetime) -> list[dict[str, Any]]:
    """Return every active connection with what may be polled and how fresh it is, without its secrets."""
    with services.database.tenant(tenant_id) as conn:
        found = connections.list_active(conn, services.fernet_key)
        polled = polls.freshness(conn, as_of)
        access = {one.connection_id: one for one in connections.access(conn)}
    return [
        {
            "id": one.connection_id,
            "vendor": one.vendor,
            "name": one.name,
            "operations": connect.operations_at(services, tenant_id, one),
            "access_ends_at": access[one.connection_id].ends_at if one.connection_id in access else None,
            "access_refused_at": access[one.connection_id].refused_at if one.connection_id in access else None,
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
