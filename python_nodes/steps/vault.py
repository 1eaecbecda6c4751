"""A connection's credentials as vendors may read and replace them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from python_nodes.steps.services import Services
from python_nodes.store import connections


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredentials:
    """See ``vendors.base.Vault``; a change is a transaction of its own and stands whatever becomes of the poll."""

    services: Services
    tenant_id: int
    connection_id: int

    def read(self) -> Mapping[str, str]:
        """Read them anew."""
        with self.services.database.tenant(self.tenant_id) as conn:
            return connections.get(conn, self.connection_id, self.services.fernet_key).credentials

    def renewing(self) -> None:
        """Note and commit."""
        with self.services.database.tenant(self.tenant_id) as conn:
            connections.renewing(conn, self.connection_id, self.services.clock())

    def is_renewing(self) -> bool:
        """Look anew."""
        with self.services.database.tenant(self.tenant_id) as conn:
            return self.connection_id in connections.unsettled(conn)

    def replace(self, changes: Mapping[str, str | None]) -> None:
        """Store and commit."""
        with self.services.database.tenant(self.tenant_id) as conn:
            connections.change_credentials(conn, self.connection_id, changes, self.services.fernet_key)

    def granted(self, ends_at: datetime | None) -> None:
        """Clear what was refused; the end is what the vendor says last."""
        with self.services.database.tenant(self.tenant_id) as conn:
            connections.granted(conn, self.connection_id, ends_at)

    def refused(self) -> None:
        """Mark the connection."""
        with self.services.database.tenant(self.tenant_id) as conn:
            connections.refused(conn, self.connection_id, self.services.clock())
