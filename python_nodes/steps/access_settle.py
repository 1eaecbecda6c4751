"""Renewals of access that somebody began and did not end: asked again before the vendor forgets what it gave."""

from __future__ import annotations

from python_nodes import log, vendors
from python_nodes.errors import NightporterError
from python_nodes.steps import connect
from python_nodes.steps.services import Services
from python_nodes.store import connections
from python_nodes.store.connections import Connection


def is_left(services: Services, tenant_id: int) -> bool:
    """Return whether a renewal was begun and not stored; it may well go on now."""
    with services.database.tenant(tenant_id) as conn:
        return bool(connections.unsettled(conn))


def run(services: Services, tenant_id: int) -> int:
    """Settle each connection's; returns for how many there was something to do. What fails is left to the next."""
    with services.database.tenant(tenant_id) as conn:
        left = [connections.get(conn, one, services.fernet_key) for one in connections.unsettled(conn)]
    with log.stage("access_settle", tenant_id=tenant_id) as facts:
        settled = sum(_settle(services, tenant_id, one) for one in left)
        facts.update(left=len(left), settled=settled)
    return settled


def _settle(services: Services, tenant_id: int, connection: Connection) -> bool:
    facts = {"connection_id": connection.connection_id, "vendor": connection.vendor}
    try:
        client = connect.client_of(services, tenant_id, vendors.load(connection.vendor), connection)
        try:
            return bool(client.settle())
        finally:
            client.close()
    except NightporterError as error:
        log.get("access_settle").warning("access_waits", **facts, reason=type(error).__name__)
        return False
