"""API keys: only their hash is stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, text

from python_nodes.store.tables import api_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom a key stands for and what it may do; ``property_ids`` is None for all properties."""

    tenant_id: int
    key_id: int
    scopes: frozenset[str]
    property_ids: frozenset[int] | None = None


def _hash(key: str) -> bytes:
    # A key is 256 random bits, so a plain hash cannot be searched backwards.
    return hashlib.sha256(key.encode()).digest()


def create(
    conn: Connection,
    name: str,
    scopes: Sequence[str],
    *,
    created_at: datetime,
    expires_at: datetime | None = None,
    property_ids: Sequence[int] | None = None,
) -> str:
    """Store a new key of the transaction's tenant and return it, for the only time; None is all properties."""
    key = f"np_{secrets.token_urlsafe(32)}"
    row = {
        "name": name, "key_hash": _hash(key), "scopes": list(scopes), "created_at": created_at,
        "expires_at": expires_at, "property_ids": None if property_ids is None else list(property_ids),
    }  # fmt: skip
    conn.execute(insert(api_keys).values(row))
    return key


def authenticate(conn: Connection, key: str, at: datetime) -> Caller | None:
    """Return whom a key stands for, None if unknown or expired; ``conn`` comes from ``Database.anonymous``."""
    query = text("SELECT tenant_id, key_id, scopes, property_ids FROM authenticate_api_key(:hash, :at)")
    row = conn.execute(query, {"hash": _hash(key), "at": at}).first()
    if row is None:
        return None
    only = None if row.property_ids is None else frozenset(row.property_ids)
    return Caller(tenant_id=row.tenant_id, key_id=row.key_id, scopes=frozenset(row.scopes), property_ids=only)
