"""Create API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from python_nodes.errors import PermanentError
from python_nodes.steps.services import Services
from python_nodes.store import apikeys, portfolio

KNOWN = ("read", "ingest", "score", "notify", "admin")


def create(
    services: Services, tenant_id: int, name: str, scopes: Sequence[str], at: datetime,
    properties: Sequence[str] | None = None,
) -> str:  # fmt: skip
    """Store a key's hash and return the key; an unknown scope or property is refused by name."""
    unknown = sorted(set(scopes) - set(KNOWN))
    if unknown:
        raise PermanentError(f"scope: {unknown[0]!r} is not one of {', '.join(KNOWN)}", status=422, field="scope")
    with services.database.tenant(tenant_id) as conn:
        ids = None if properties is None else _property_ids(conn, properties)
        return apikeys.create(conn, name, scopes, created_at=at, property_ids=ids)


def _property_ids(conn: Connection, names: Sequence[str]) -> list[int]:
    known = {listing.property_external_id: listing.property_id for listing in portfolio.load_listings(conn)}
    unknown = sorted(set(names) - known.keys())
    if unknown:
        raise PermanentError(f"property: there is no {unknown[0]!r}", status=422, field="property")
    return sorted({known[name] for name in names})
