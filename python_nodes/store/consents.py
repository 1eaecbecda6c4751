"""Consents that a vendor's customers have been asked for: each is good once, and not for long."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, insert

from python_nodes.domain.sealing import sealer
from python_nodes.store.tables import consents


def add(conn: Connection, state: str, asked: Mapping[str, str], at: datetime, until_at: datetime, keys: str) -> None:
    """Keep what was asked, encrypted, until the state comes back; what has expired by now goes."""
    conn.execute(delete(consents).where(consents.c.expires_at <= at))
    sealed = sealer(keys).seal(json.dumps(dict(asked)).encode())
    conn.execute(insert(consents).values(state_hash=_digest(state), asked=sealed, expires_at=until_at))


def take(conn: Connection, state: str, at: datetime, keys: str) -> Mapping[str, str] | None:
    """Return what was asked and forget it; None for a state that is unknown, used or expired."""
    # Deleting is taking: of two that come with the same state, one finds it.
    query = delete(consents).where(consents.c.state_hash == _digest(state)).returning(consents)
    row = conn.execute(query).mappings().first()
    if row is None or row["expires_at"] <= at:
        return None
    found: dict[str, str] = json.loads(sealer(keys).open(bytes(row["asked"]), f"consent {row['id']}"))
    return found


def _digest(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()
