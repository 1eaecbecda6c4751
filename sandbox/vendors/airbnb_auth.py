"""Airbnb's side of OAuth 2.0: a host's consent by authorization code with PKCE, tokens by the sandbox's clock.

Documented: RFC 6749 (code and refresh grants), RFC 7636 (PKCE), RFC 9700 (a refresh token that is used again ends the
grant). Assumed: an hour's access token, a code's ten minutes, and the minutes in which a replaced refresh token is
still taken, so that a lost answer loses nobody's consent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import jwt

from sandbox.clock import SimulatedClock

CLIENT_ID = "sandbox-airbnb-client"
CLIENT_SECRET = "sandbox-airbnb-secret"
ACCESS_LIFE = timedelta(hours=1)
CODE_LIFE = timedelta(minutes=10)
LEEWAY = timedelta(minutes=10)
# The same in every process: a prepared history keeps a connection whose tokens an earlier sandbox gave.
_KEY = hashlib.sha256(b"nightporter sandbox airbnb").digest()


class GrantError(Exception):
    """A request that the token endpoint refuses; ``code`` is RFC 6749's word for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a client asks a host to consent to."""

    client_id: str
    redirect_uri: str
    state: str
    challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    ask: Ask
    expires_at: datetime


class Grants:
    """Codes, tokens and what became of them."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, _Code] = {}
        self._replaced: dict[str, datetime] = {}
        self._ended: set[str] = set()

    def consent(self, ask: Ask) -> str:
        """The host has said yes: a code for the client."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = _Code(ask=ask, expires_at=self._clock.now() + CODE_LIFE)
        return code

    def by_code(self, code: str, verifier: str, redirect_uri: str, client_id: str) -> dict[str, object]:
        """Tokens for a code, which works once."""
        with self._lock:
            held = self._codes.pop(code, None)
        if held is None or held.expires_at <= self._clock.now():
            raise GrantError("invalid_grant", "the code is unknown, used or expired")
        if (held.ask.redirect_uri, held.ask.client_id) != (redirect_uri, client_id):
            raise GrantError("invalid_grant", "redirect_uri or client_id is not the one that asked")
        if not hmac.compare_digest(challenge_of(verifier), held.ask.challenge):
            raise GrantError("invalid_grant", "code_verifier does not fit")
        return self._tokens(secrets.token_hex(8))

    def by_refresh(self, token: str) -> dict[str, object]:
        """New tokens for a refresh token; one that was replaced long ago ends the whole grant."""
        claims = _claims(token, "refresh")
        if claims is None:
            raise GrantError("invalid_grant", "the refresh token is not valid")
        family, now = str(claims["grant"]), self._clock.now()
        with self._lock:
            replaced_at = self._replaced.setdefault(str(claims["jti"]), now)
            # The clock of a sandbox that was started anew may stand before the token's days.
            if now - replaced_at > LEEWAY:
                self._ended.add(family)
            if family in self._ended:
                raise GrantError("invalid_grant", "the refresh token was used before: the host must consent again")
        return self._tokens(family)

    def problem(self, authorization: str) -> str | None:
        """Why a request's Authorization header does not do, or None."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return "a Bearer token is required"
        claims = _claims(token, "access")
        if claims is None:
            return "the token is not valid"
        with self._lock:
            if claims["grant"] in self._ended:
                return "the host's consent has ended"
        return "the token has expired" if int(str(claims["exp"])) <= self._clock.now().timestamp() else None

    def _tokens(self, family: str) -> dict[str, object]:
        now = self._clock.now()
        claims = {"grant": family, "iat": int(now.timestamp())}
        access = {**claims, "use": "access", "exp": int((now + ACCESS_LIFE).timestamp()), "jti": secrets.token_hex(8)}
        refresh = {**claims, "use": "refresh", "jti": secrets.token_hex(8)}
        return {
            "access_token": jwt.encode(access, _KEY, algorithm="HS256"), "token_type": "Bearer",
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "refresh_token": jwt.encode(refresh, _KEY, algorithm="HS256"),
        }  # fmt: skip


def challenge_of(verifier: str) -> str:
    """PKCE's S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def is_client(client_id: str, client_secret: str) -> bool:
    """Whether these are the demo client's credentials."""
    good_id = hmac.compare_digest(client_id.encode(), CLIENT_ID.encode())
    return hmac.compare_digest(client_secret.encode(), CLIENT_SECRET.encode()) and good_id


def may_return_to(redirect_uri: str) -> bool:
    """Any port of the loopback host, as RFC 8252 has it for clients on the host's own machine."""
    try:
        parts = urlsplit(redirect_uri)
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost") and not parts.fragment


def _claims(token: str, use: str) -> dict[str, object] | None:
    # PyJWT would compare with the real clock; tokens live by the simulated one.
    try:
        claims: dict[str, object] = jwt.decode(
            token, _KEY, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}
        )
    except jwt.InvalidTokenError:
        return None
    return claims if claims.get("use") == use else None
