"""Profiles as programs read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from python_nodes.steps.services import Services
from python_nodes.store import profiles


def run(services: Services, tenant_id: int, query: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page, and where the next begins."""
    with services.database.tenant(tenant_id) as conn:
        found = profiles.read(conn, **query)
    last = f"{found[-1].kind}/{found[-1].key}" if len(found) == query["limit"] else None
    return {
        "profiles": [
            asdict(one) | {"made_at": one.made_at.isoformat(), "as_of_date": one.as_of_date.isoformat()}
            for one in found
        ],
        "next": last,
    }
