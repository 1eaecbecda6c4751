"""What the tests know of a running worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2

from python_nodes.config import Settings
from python_nodes.steps.services import Services
from python_nodes.store import apikeys

MAX_BODY_BYTES = 200_000
AS_OF = "2026-03-02T12:00:00Z"


@dataclass(frozen=True)
class Worker:
    """A running worker, a client with every scope, and what it was built with."""

    url: str
    client: httpx2.Client
    settings: Settings
    services: Services

    def key(self, *scopes: str) -> str:
        """Create a key of the tenant."""
        with self.services.database.tenant(self.settings.tenant_id) as conn:
            return apikeys.create(conn, "test", scopes, created_at=datetime.now(UTC))

    def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """POST as of the usual moment where the body says none."""
        return self.client.post(path, json=body if body is not None else {"as_of": AS_OF}, headers=headers)
