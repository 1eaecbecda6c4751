"""Booking.com's token-based authentication: an hour's JWT, at most 30 an hour, by the sandbox's clock."""

from __future__ import annotations

import hmac
import secrets
import time
import uuid
from datetime import timedelta

import jwt
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from sandbox.clock import SimulatedClock

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"
TOKEN_LIFE = timedelta(hours=1)
EXCHANGES = parse("30/hour")


class Window:
    """A sliding rate limit that follows the sandbox's clock."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def hit(self, item: RateLimitItem, *key: str) -> bool:
        """Count one request; False if it is one too many."""
        return self._limiter.hit(item, *key, str(self._clock.era))

    def retry_after_s(self, item: RateLimitItem, *key: str) -> int:
        """Whole seconds until a request fits again."""
        reset_s = self._limiter.get_window_stats(item, *key, str(self._clock.era)).reset_time
        return max(1, round(reset_s - time.time()))


class Tokens:
    """Issues and checks tokens; the signing key lives as long as the process."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def issue(self, client_id: str, client_secret: str) -> dict[str, str] | None:
        """A new token, or None for wrong credentials."""
        good_id = hmac.compare_digest(client_id.encode(), CLIENT_ID.encode())
        good_secret = hmac.compare_digest(client_secret.encode(), CLIENT_SECRET.encode())
        if not (good_id and good_secret):
            return None
        now = self._clock.now()
        claims = {
            "sub": "connectivity-auth-proxy", "iss": "urn://connectivity-modern-auth/v1", "aud": "", "test": True,
            "iat": int(now.timestamp()), "exp": int((now + TOKEN_LIFE).timestamp()), "jti": str(uuid.uuid4()),
            "client_id": client_id,
        }  # fmt: skip
        return {"jwt": jwt.encode(claims, self._key, algorithm="HS256"), "ruid": str(uuid.uuid4())}

    def problem(self, authorization: str) -> str | None:
        """Why a request's Authorization header does not do, or None."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return "a Bearer token is required"
        # PyJWT would compare with the real clock; the token lives by the simulated one.
        try:
            claims = jwt.decode(
                token, self._key, algorithms=["HS256"],
                options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
            )  # fmt: skip
        except jwt.InvalidTokenError:
            return "the token is not valid"
        return "the token has expired" if claims["exp"] <= self._clock.now().timestamp() else None
