"""Create, list, rotate and revoke API keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.scopes import SCOPES, of_role, role_named
from python_nodes.steps.services import Services
from python_nodes.store import apikeys, audit, portfolio


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What a key is to be: with a role or with scopes; without properties for all of them."""

    name: str
    role: str | None = None
    scopes: Sequence[str] = ()
    properties: Sequence[str] | None = None
    expires_at: datetime | None = None


def create(
    services: Services, tenant_id: int, name: str, scopes: Sequence[str], at: datetime,
    properties: Sequence[str] | None = None,
) -> str:  # fmt: skip
    """Store a key's hash and return the key; an unknown scope or property is refused by name."""
    return add(services, tenant_id, NewKey(name=name, scopes=scopes, properties=properties), at)[1]


def add(services: Services, tenant_id: int, wanted: NewKey, at: datetime) -> tuple[int, str]:
    """Store a key's hash; return its id and the key, which is told this once."""
    _check(wanted, at)
    with services.database.tenant(tenant_id) as conn:
        ids = None if wanted.properties is None else _property_ids(conn, wanted.properties)
        key = apikeys.create(
            conn, wanted.name, wanted.scopes, created_at=at, role=wanted.role, expires_at=wanted.expires_at,
            property_ids=ids,
        )  # fmt: skip
        key_id = apikeys.id_of(conn, key)
    audit.note(key_id=key_id)
    return key_id, key


def listed(services: Services, tenant_id: int, at: datetime) -> list[dict[str, Any]]:
    """Return every key, oldest first, without what opens anything."""
    with services.database.tenant(tenant_id) as conn:
        return [_view(row, at) for row in apikeys.listed(conn)]


def rotate(
    services: Services, tenant_id: int, key_id: int, at: datetime, overlap_s: int, expires_at: datetime | None = None
) -> tuple[str, datetime]:
    """Give a key a new secret; return it and until when the one before works."""
    if expires_at is not None and expires_at <= at:
        raise PermanentError("expires_at: that is over", status=422, field="expires_at")
    until_at = at + timedelta(seconds=overlap_s)
    audit.note(key_id=key_id)
    with services.database.tenant(tenant_id) as conn:
        key = apikeys.rotate(conn, key_id, until_at=until_at, expires_at=expires_at, at=at)
    if key is None:
        raise NotFoundError(f"There is no key {key_id} that could be rotated.")
    return key, until_at


def revoke(services: Services, tenant_id: int, key_id: int, at: datetime) -> bool:
    """End a key and the sessions that it opened; False where it was revoked before."""
    audit.note(key_id=key_id)
    with services.database.tenant(tenant_id) as conn:
        if apikeys.revoke(conn, key_id, at):
            return True
        if not any(row["id"] == key_id for row in apikeys.listed(conn)):
            raise NotFoundError(f"There is no key {key_id}.")
    return False


def _check(wanted: NewKey, at: datetime) -> None:
    if bool(wanted.scopes) is (wanted.role is not None):
        raise PermanentError("role: say either a role or scopes", status=422, field="role")
    if wanted.role is not None:
        role_named(wanted.role)
    unknown = sorted(set(wanted.scopes) - set(SCOPES))
    if unknown:
        raise PermanentError(f"scope: {unknown[0]!r} is not one of {', '.join(SCOPES)}", status=422, field="scope")
    if wanted.expires_at is not None and wanted.expires_at <= at:
        raise PermanentError("expires_at: that is over", status=422, field="expires_at")


def _view(row: dict[str, Any], at: datetime) -> dict[str, Any]:
    over = row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= at)
    overlap = row["previous_until_at"]
    return {
        "id": row["id"], "name": row["name"], "role": row["role"], "state": "over" if over else "active",
        "scopes": sorted({*row["scopes"], *of_role(row["role"])}), "property_ids": row["property_ids"],
        **{name: _said(row[name]) for name in ("created_at", "expires_at", "last_used_at", "revoked_at")},
        "previous_until_at": _said(overlap) if overlap is not None and overlap > at and not over else None,
    }  # fmt: skip


def _said(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _property_ids(conn: Connection, names: Sequence[str]) -> list[int]:
    known = {listing.property_external_id: listing.property_id for listing in portfolio.load_listings(conn)}
    unknown = sorted(set(names) - known.keys())
    if unknown:
        raise PermanentError(f"property: there is no {unknown[0]!r}", status=422, field="property")
    return sorted({known[name] for name in names})
