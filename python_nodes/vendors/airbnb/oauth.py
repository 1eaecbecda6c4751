"""A host's consent: the page that asks for it, and tokens that are renewed once for all processes and never lost."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from python_nodes.errors import PermanentError, RetryableError
from python_nodes.vendors.airbnb.settings import VENDOR
from python_nodes.vendors.base import Runtime, Vault
from python_nodes.vendors.base_http import UPSTREAM_STATUS, Call, HttpSession, token_key

AUTHORIZE_PATH = "/oauth2/authorize"
GRANT_PATH = "/oauth2/token"
SCOPE = "listings:read reservations:read reviews:read"
LOCK_HELD_S = 120.0
LOCK_WAIT_S = 60.0
EARLY_S = 60.0
"""A token is renewed this long before it expires, so that none expires on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What the token endpoint gave."""

    access_token: str
    refresh_token: str | None
    expires_in_s: float


def new_verifier() -> str:
    """Draw PKCE's secret of one consent (RFC 7636, 4.1)."""
    return secrets.token_urlsafe(48)


def authorization_url(base_url: str, *, client_id: str, redirect_uri: str, state: str, verifier: str) -> str:
    """Return the page where the host consents; it sends him back to ``redirect_uri`` with ``code`` and ``state``."""
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "state": state, "scope": SCOPE,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), "code_challenge_method": "S256",
    }  # fmt: skip
    return f"{base_url.rstrip('/')}{AUTHORIZE_PATH}?{urlencode(query)}"


class HeldCredentials:
    """A vault that lives as long as its client: for checks of settings, where nothing is called."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self._held = dict(credentials)

    def read(self) -> Mapping[str, str]:
        """See ``base.Vault``."""
        return self._held

    def replace(self, changes: Mapping[str, str | None]) -> None:
        """See ``base.Vault``."""
        kept = {**self._held, **changes}
        self._held = {name: value for name, value in kept.items() if value is not None}


class HostAuth:
    """Signs requests with an access token that all processes share; the refresh token rotates in the vault."""

    def __init__(self, session: HttpSession, credentials: Mapping[str, str], runtime: Runtime, rate: str) -> None:
        self._session = session
        self._runtime = runtime
        self._vault: Vault = runtime.vault or HeldCredentials(credentials)
        self._rate = rate
        self._key = token_key(VENDOR, runtime.connection, credentials["client_id"])
        self._sent: str | None = None

    def headers(self, *, fresh: bool) -> Mapping[str, str]:
        """See ``base_http.Auth``."""
        token = self._runtime.token_cache.get(self._key)
        if token is None or (fresh and token == self._sent):
            token = self._renewed(refused=self._sent if fresh else None)
        self._sent = token
        return {"Authorization": f"Bearer {token}"}

    def _renewed(self, *, refused: str | None) -> str:
        # A refresh token works once: two processes that used the same one would end the host's consent.
        with self._runtime.locks.hold(f"oauth:{self._key}", held_s=LOCK_HELD_S, wait_s=LOCK_WAIT_S):
            token = self._runtime.token_cache.get(self._key)
            if token is not None and token != refused:
                return token
            granted = self._exchange(self._vault.read())
            # Stored before the access token is used: whoever dies from here on leaves the next process a way in.
            changes: dict[str, str | None] = dict.fromkeys(("authorization_code", "code_verifier"))
            if granted.refresh_token is not None:
                changes["refresh_token"] = granted.refresh_token
            self._vault.replace(changes)
            self._runtime.token_cache.set(self._key, granted.access_token, max(1.0, granted.expires_in_s - EARLY_S))
            return granted.access_token

    def _exchange(self, credentials: Mapping[str, str]) -> Granted:
        if credentials.get("refresh_token"):
            grant = {"grant_type": "refresh_token", "refresh_token": credentials["refresh_token"]}
        else:
            grant = {
                "grant_type": "authorization_code", "code": credentials["authorization_code"],
                "code_verifier": credentials["code_verifier"], "redirect_uri": credentials["redirect_uri"],
            }  # fmt: skip
        form = {**grant, "client_id": credentials["client_id"], "client_secret": credentials["client_secret"]}
        call = Call(
            operation="token",
            method="POST",
            path=GRANT_PATH,
            rate=self._rate,
            content=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        try:
            reply = self._session.call(call)
        except PermanentError as error:
            told = f"{error}; the host must consent again (credentials.{grant['grant_type']} was not taken)"
            raise PermanentError(told, status=UPSTREAM_STATUS) from error
        return _granted(reply.content)


def _granted(content: bytes) -> Granted:
    try:
        told = json.loads(content)
        access, refresh = _token(told["access_token"]), told.get("refresh_token")
        expires_in_s = float(told.get("expires_in", 3600))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RetryableError(f"{VENDOR} token: the answer holds no access_token") from error
    return Granted(
        access_token=access, refresh_token=None if refresh is None else _token(refresh), expires_in_s=expires_in_s
    )


def _token(told: Any) -> str:
    if not isinstance(told, str) or not told or not told.isascii() or not told.isprintable():
        raise ValueError("a token must be printable text")
    return told
