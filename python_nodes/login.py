"""Tokens of the pages: the printed link that opens them, and the session that follows; both JWTs of our own.

Apart from what checks requests, since whoever prints a link needs no web framework.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from python_nodes import clock
from python_nodes.domain.sealing import split
from python_nodes.scopes import Role

ISSUER = "nightporter"
ALGORITHM = "HS256"
Audience = Literal["login", "session"]
_NEEDED = ["aud", "exp", "iat", "iss", "jti", "tenant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who looks at the pages: with a role, by the printed link; or with an API key, whose end is the session's too."""

    tenant_id: int
    session_id: str
    expires_at: datetime
    role: str | None = None
    key_id: int | None = None
    name: str = ""
    scopes: frozenset[str] = frozenset()


def login_token(
    secret_key: str, tenant_id: int, *, role: Role = "operator", at: datetime | None = None, max_age_s: int = 86_400
) -> str:
    """Make a token for ``/login?token=``; it also expires by the worker's setting ``login_max_age_s``."""
    return _sign(secret_key, "login", {"tenant": tenant_id, "role": role}, at or clock.now(), max_age_s)


def read_login(secret_key: str, token: str, max_age_s: int) -> Mapping[str, Any] | None:
    """Read a login token; None if it is forged or too old."""
    told = _read(secret_key, "login", token)
    if told is None or clock.now() - datetime.fromtimestamp(told["iat"], UTC) > timedelta(seconds=max_age_s):
        return None
    return told


def session_token(secret_key: str, told: Mapping[str, Any], at: datetime, max_age_s: int) -> str:
    """Make a session's token: of its ``tenant`` and ``role``, or of a key's ``key``, ``name``, ``role``, ``scopes``."""
    kept = {name: told[name] for name in ("tenant", "role", "key", "name", "scopes") if name in told}
    return _sign(secret_key, "session", kept, at, max_age_s)


def read_session(secret_key: str, token: str) -> Session | None:
    """Read a session's token; None if it is forged or has expired."""
    told = _read(secret_key, "session", token)
    if told is None:
        return None
    return Session(
        tenant_id=int(told["tenant"]), session_id=str(told["jti"]),
        expires_at=datetime.fromtimestamp(told["exp"], UTC), role=told.get("role"), key_id=told.get("key"),
        name=str(told.get("name", "")), scopes=frozenset(told.get("scopes", ())),
    )  # fmt: skip


def csrf_token(secret_key: str, session_id: str) -> str:
    """Return what a session's forms and requests must carry: nobody can tell it who cannot read its pages."""
    return hmac.new(_keys(secret_key, "csrf")[0], session_id.encode(), "sha256").hexdigest()


def is_csrf_token(secret_key: str, session_id: str, told: str) -> bool:
    """Compare in constant time, under any of the keys."""
    given = told.encode("utf-8", "replace")
    wanted = [hmac.new(key, session_id.encode(), "sha256").hexdigest() for key in _keys(secret_key, "csrf")]
    return any(hmac.compare_digest(one.encode(), given) for one in wanted)


def _sign(secret_key: str, audience: Audience, told: Mapping[str, Any], at: datetime, max_age_s: int) -> str:
    claims = {
        **told, "iss": ISSUER, "aud": audience, "iat": at, "exp": at + timedelta(seconds=max_age_s),
        "jti": secrets.token_urlsafe(16),
    }  # fmt: skip
    return jwt.encode(claims, _keys(secret_key, audience)[0], algorithm=ALGORITHM)


def _read(secret_key: str, audience: Audience, token: str) -> Mapping[str, Any] | None:
    for key in _keys(secret_key, audience):
        try:
            found: Mapping[str, Any] = jwt.decode(
                token, key, algorithms=[ALGORITHM], audience=audience, issuer=ISSUER, options={"require": _NEEDED}
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidTokenError:
            return None
        return found
    return None


def _keys(secret_key: str, purpose: str) -> list[bytes]:
    """Derive a key for one purpose from each secret key, the one in use first: no use can be taken for another."""
    return [
        HKDF(algorithm=SHA256(), length=32, salt=None, info=f"nightporter.{purpose}".encode()).derive(one.encode())
        for one in split(secret_key)
    ]
