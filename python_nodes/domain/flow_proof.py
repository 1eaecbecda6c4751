"""How a caller proves itself to a flow's webhook: by a token that is signed and good for minutes (ADR 23).

n8n keeps the headers of each call among its executions. The secret itself never travels, and the token that stays there
opens nothing any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import jwt

ALGORITHM = "HS256"
GOOD_FOR = timedelta(minutes=5)
"""So far may the clocks of n8n's machine and the caller's lie apart."""


def token(secret: str, at: datetime) -> str:
    """Sign one for calls from ``at`` on, by the wall clock, whatever moment the call is about."""
    return jwt.encode({"iss": "nightporter", "iat": at, "exp": at + GOOD_FOR}, secret, ALGORITHM)


def headers(secret: str, at: datetime) -> dict[str, str]:
    """What goes with a call."""
    return {"Authorization": f"Bearer {token(secret, at)}"}
