"""Idempotency keys: the database decides whether a request was already answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from python_nodes.errors import PermanentError

# One round trip each, worded once: every POST goes through both.
_BEGIN = text(
    "INSERT INTO idempotency_keys AS k (endpoint, key, request_sha256, begun_at)"
    " VALUES (:endpoint, :key, :digest, :at)"
    # Changes nothing; the first comer's row is held, and told.
    " ON CONFLICT (tenant_id, endpoint, key) DO UPDATE SET begun_at = k.begun_at"
    " RETURNING request_sha256, status, response"
)
_FINISH = text(
    "UPDATE idempotency_keys SET status = :status, response = cast(:body AS jsonb)"
    " WHERE endpoint = :endpoint AND key = :key"
)


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
    found = conn.execute(_BEGIN, {"endpoint": endpoint, "key": key, "digest": digest, "at": at}).one()
    if bytes(found.request_sha256) != digest:
        raise PermanentError(
            "Idempotency-Key was used with another request",
            status=422,
            field="Idempotency-Key",
        )
    return None if found.status is None else Answer(status=int(found.status), body=found.response)


def finish(conn: Connection, endpoint: str, key: str, status: int, body: Mapping[str, Any]) -> None:
    """Keep the answer for those who ask again."""
    told = {"endpoint": endpoint, "key": key, "status": status, "body": json.dumps(dict(body))}
    conn.execute(_FINISH, told)
