"""Create API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from python_nodes.errors import PermanentError
from python_nodes.steps.services import Services
from python_nodes.store import apikeys

KNOWN = ("read", "ingest", "score", "notify", "admin")


def create(services: Services, tenant_id: int, name: str, scopes: Sequence[str], at: datetime) -> str:
    """Store a key's hash and return the key; an unknown scope is refused by name."""
    unknown = sorted(set(scopes) - set(KNOWN))
    if unknown:
        raise PermanentError(f"scope: {unknown[0]!r} is not one of {', '.join(KNOWN)}", status=422, field="scope")
    with services.database.tenant(tenant_id) as conn:
        return apikeys.create(conn, name, scopes, created_at=at)
