"""Idempotency keys: the database decides whether a request was already answered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from python_nodes.errors import PermanentError
from python_nodes.store.tables import idempotency_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered the first time."""

    status: int
    body: Any


def begin(conn: Connection, endpoint: str, key: str, request: bytes, at: datetime) -> Answer | None:
    """Claim a key in this transaction; returns the first answer if there is one.

    A concurrent request with the same key waits here until the first commits. The same key with another request is
    refused with 422; a claim that never finished is taken over.
    """
    digest = hashlib.sha256(request).digest()
    k = idempotency_keys.c
    row = {"endpoint": endpoint, "key": key, "request_sha256": digest, "begun_at": at}
    conn.execute(insert(idempotency_keys).values(row).on_conflict_do_nothing())
    query = select(k.request_sha256, k.status, k.response).where(k.endpoint == endpoint, k.key == key)
    found = conn.execute(query.with_for_update()).one()
    if bytes(found.request_sha256) != digest:
        raise PermanentError(
            "Idempotency-Key was used with another request",
            status=422,
            field="Idempotency-Key",
        )
    return None if found.status is None else Answer(status=int(found.status), body=found.response)


def finish(conn: Connection, endpoint: str, key: str, status: int, body: Mapping[str, Any]) -> None:
    """Keep the answer for those who ask again."""
    k = idempotency_keys.c
    mine = (k.endpoint == endpoint) & (k.key == key)
    conn.execute(update(idempotency_keys).where(mine).values(status=status, response=dict(body)))
