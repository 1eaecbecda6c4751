"""A connection's client and mapping, with the limits, breaker and tokens that all processes share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection as SqlConnection

from python_nodes import log, vendors
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import ConfigError, PermanentError
from python_nodes.notify import webhook_guard
from python_nodes.steps.services import Services
from python_nodes.steps.vault import StoredCredentials
from python_nodes.store import connections, portfolio
from python_nodes.store.connections import Connection
from python_nodes.vendors.base import HttpSettings, Product, Products, RawPayload, Runtime, Vault
from python_nodes.vendors.resilience import LIMIT_MAX_WAIT_S, build_runtime
from python_nodes.vendors.webhook_proof import vendors_own

POLLED = ("reservations", "ari", "ical_calendar", "health", "performance", "operator_calendar", "reviews", "content")
"""Operations that a flow polls, in the order in which they should run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A connection: who, through what, about which listings; without a client while nothing is asked of the vendor."""

    connection: Connection
    vendor: vendors.Vendor
    client: Any = None
    listings: Sequence[ListingInfo]

    def fetch(
        self, operation: str, as_of: datetime, start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read one operation's payloads for every property of the connection's channel."""
        property_ids = sorted({listing.channel_property_id for listing in self.listings})
        reader = getattr(self.client, f"fetch_{operation}")
        more = {"products": self._products()} if operation == "ari" else {}
        found: Iterator[RawPayload] = reader(as_of=as_of, property_ids=property_ids, start=start, end=end, **more)
        return found

    def _products(self) -> Products:
        found: dict[str, list[Product]] = {}
        for one in self.listings:
            product = Product(one.external_id, one.rate_plan_external_id)
            found.setdefault(one.channel_property_id, []).append(product)
        return found


def operations_of(vendor: vendors.Vendor, names: Sequence[str] = POLLED) -> list[str]:
    """Return what a flow may poll of a vendor."""
    return [name for name in names if name in vendor.capabilities.operations]


def operations_at(
    services: Services, tenant_id: int, connection: Connection, names: Sequence[str] = POLLED
) -> list[str]:
    """Return what a flow may poll through this connection: a vendor's client may offer less than the vendor has."""
    vendor = vendors.load(connection.vendor)
    client = client_of(services, tenant_id, vendor, connection)
    try:
        offers = getattr(client, "offers", None)
        return [name for name in operations_of(vendor, names) if offers is None or offers(name)]
    finally:
        client.close()


def client_of(services: Services, tenant_id: int, vendor: vendors.Vendor, connection: Connection) -> Any:
    """Build a connection's client, which connects when it is first used."""
    check_reach(services, tenant_id, vendor, connection.base_url, connection.settings)
    vault = StoredCredentials(services=services, tenant_id=tenant_id, connection_id=connection.connection_id)
    link_runtime = runtime(services, connection.vendor, f"{tenant_id}-{connection.connection_id}", vault)
    return vendor.client(connection.base_url, connection.credentials, vendors_own(connection.settings), link_runtime)


def check_reach(
    services: Services, tenant_id: int, vendor: vendors.Vendor, base_url: str, settings: Mapping[str, Any]
) -> None:
    """Refuse another tenant than the machine's own its files, and addresses of its network.

    Whoever runs the machine connects what they like. What another tenant names is asked by our machine as ourselves: it
    must be public, as a subscriber's address must. It is looked up here and again by whoever dials.
    """
    if tenant_id == services.home_id:
        return
    if vendor.capabilities.transport == "file":
        raise PermanentError("vendor: files of this machine are its own tenant's", status=422, field="vendor")
    told = {"base_url": base_url, **{name: one for name, one in settings.items() if name.endswith("_url")}}
    for name, url in told.items():
        try:
            services.webhook_guard.addresses(webhook_guard.read(str(url)))
        except PermanentError as error:
            raise PermanentError(f"{name}: {error}", status=422, field=name) from None


def runtime(
    services: Services, vendor: str, connection: str, vault: Vault | None = None, *,
    http: HttpSettings | None = None, limit_max_wait_s: float = LIMIT_MAX_WAIT_S,
) -> Runtime:  # fmt: skip
    """Build what a client needs of the world; connects on first use. ``http`` in place of the settings' patience."""
    patience = services.resilience
    return build_runtime(
        services.redis_url,
        fernet_key=services.fernet_key,
        vendor=vendor,
        connection=connection,
        clock=services.clock,
        sleep=services.sleep,
        http=http or patience.http,
        vault=vault,
        breaker_failures=patience.breaker_failures,
        breaker_open_s=patience.breaker_open_s,
        breaker_successes_to_close=patience.breaker_successes,
        limit_max_wait_s=limit_max_wait_s,
    )


def _channel(vendor: vendors.Vendor, connection: Connection) -> str | None:
    """Return the channel that a connection speaks for; None for all."""
    channels = vendor.capabilities.channels
    if not channels:
        return None
    channel = connection.settings.get("channel", channels[0])
    if channel not in channels:
        raise ConfigError(f"{connection.vendor}: settings.channel must be one of {', '.join(channels)}")
    return str(channel)


def known(conn: SqlConnection, services: Services, connection_id: int, operation: str) -> Link:
    """Read a connection for one operation, refused with 404 or 422; nothing is built that could call the vendor."""
    connection = connections.get(conn, connection_id, services.fernet_key)
    vendor = vendors.load(connection.vendor)
    if operation not in vendor.capabilities.operations:
        raise PermanentError(
            f"{connection.vendor} has no operation {operation[:40]!r}; it has {', '.join(operations_of(vendor))}",
            status=422,
            field="operation",
        )
    log.note(vendor=connection.vendor)
    listings = portfolio.load_listings(conn, channel=_channel(vendor, connection))
    return Link(connection=connection, vendor=vendor, listings=listings)


@contextmanager
def opened(services: Services, tenant_id: int, connection_id: int, operation: str) -> Iterator[Link]:
    """Open a connection for one operation; refused with 404 or 422 before anything is called."""
    with services.database.tenant(tenant_id) as conn:
        link = known(conn, services, connection_id, operation)
    client = client_of(services, tenant_id, link.vendor, link.connection)
    try:
        yield replace(link, client=client)
    finally:
        client.close()
