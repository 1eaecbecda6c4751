"""API keys: only their hash is stored; a role or scopes say what each may do, and for which properties."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update

from python_nodes.store.tables import api_keys, ended_sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom a key stands for and what it may do; ``property_ids`` is None for all properties."""

    tenant_id: int
    key_id: int
    name: str
    scopes: frozenset[str]
    role: str | None = None
    property_ids: frozenset[int] | None = None


_AUTHENTICATE = text("SELECT tenant_id, key_id, name, scopes, role, property_ids FROM authenticate_api_key(:hash, :at)")


def _hash(key: str) -> bytes:
    # A key is 256 random bits, so a plain hash cannot be searched backwards.
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


def _new() -> str:
    return f"np_{secrets.token_urlsafe(32)}"


def create(
    conn: Connection,
    name: str,
    scopes: Sequence[str],
    *,
    created_at: datetime,
    role: str | None = None,
    expires_at: datetime | None = None,
    property_ids: Sequence[int] | None = None,
) -> str:
    """Store a new key of the transaction's tenant and return it, for the only time; None is all properties."""
    key = _new()
    row = {
        "name": name, "key_hash": _hash(key), "scopes": list(scopes), "created_at": created_at, "role": role,
        "expires_at": expires_at, "property_ids": None if property_ids is None else list(property_ids),
    }  # fmt: skip
    conn.execute(insert(api_keys).values(row))
    return key


def authenticate(conn: Connection, key: str, at: datetime) -> Caller | None:
    """Return whom a key stands for, None if unknown or expired; ``conn`` is ``Database.stranger``'s or ``anonymous``'s.

    Asked of the database for each request, so that a key that is revoked opens nothing from then on.
    """
    row = conn.execute(_AUTHENTICATE, {"hash": _hash(key), "at": at}).first()
    if row is None:
        return None
    only = None if row.property_ids is None else frozenset(row.property_ids)
    return Caller(
        tenant_id=row.tenant_id, key_id=row.key_id, name=row.name, scopes=frozenset(row.scopes), role=row.role,
        property_ids=only,
    )  # fmt: skip


def listed(conn: Connection) -> list[dict[str, Any]]:
    """Return every key, oldest first, without what opens anything."""
    shown = [column for column in api_keys.c if column.name not in {"tenant_id", "key_hash", "previous_hash"}]
    return [dict(row) for row in conn.execute(select(*shown).order_by(api_keys.c.id)).mappings()]


def id_of(conn: Connection, key: str) -> int:
    """Return the id of a key that was made in this tenant."""
    return int(conn.execute(select(api_keys.c.id).where(api_keys.c.key_hash == _hash(key))).scalar_one())


def rotate(
    conn: Connection, key_id: int, *, until_at: datetime, expires_at: datetime | None, at: datetime
) -> str | None:
    """Give a key a new secret and return it; the one before works until ``until_at``, any older one no longer.

    None where the key is not there, is revoked or has expired.
    """
    key, known = _new(), api_keys.c
    standing = (known.id == key_id) & known.revoked_at.is_(None)
    alive = known.expires_at.is_(None) | (known.expires_at > at)
    changes: dict[str, Any] = {
        "previous_hash": known.key_hash, "previous_until_at": until_at, "key_hash": _hash(key),
    }  # fmt: skip
    if expires_at is not None:
        changes["expires_at"] = expires_at
    done = conn.execute(update(api_keys).where(standing & alive).values(changes)).rowcount
    return key if done else None


def revoke(conn: Connection, key_id: int, at: datetime) -> bool:
    """End a key, and every session that was opened with it; False where it is not there or was revoked before."""
    wanted = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
    return bool(conn.execute(update(api_keys).where(wanted).values(revoked_at=at)).rowcount)


_STANDS = text(
    "SELECT NOT EXISTS (SELECT 1 FROM ended_sessions WHERE session_id = :session) AND (:key IS NULL OR EXISTS ("
    "SELECT 1 FROM api_keys WHERE id = :key AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :at)))"
)


def session_stands(conn: Connection, session_id: str, key_id: int | None, at: datetime) -> bool:
    """Return whether a session was not ended and the key that opened it, if any, still holds."""
    told = {"session": session_id, "key": key_id, "at": at}
    return bool(conn.execute(_STANDS, told).scalar_one())


def end_session(conn: Connection, session_id: str, expires_at: datetime, at: datetime) -> None:
    """End a session before its time; those that would have ended by now anyway are forgotten."""
    conn.execute(delete(ended_sessions).where(ended_sessions.c.expires_at < at))
    told = {"session": session_id, "expires_at": expires_at}
    conn.execute(
        text(
            "INSERT INTO ended_sessions (session_id, expires_at) VALUES (:session, :expires_at) ON CONFLICT DO NOTHING"
        ),
        told,
    )
