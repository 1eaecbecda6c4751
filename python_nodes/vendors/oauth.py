"""OAuth 2.0 by Authlib over our own sessions: requests for tokens, and tokens that all processes share."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client

from python_nodes.errors import NightporterError, PermanentError, RetryableError
from python_nodes.vendors.base import Runtime
from python_nodes.vendors.base_http import UPSTREAM_STATUS, Call, HttpSession, Reply, token_key

MARGIN_S = 60.0
"""A token is not used in its last minute: a call that starts with it should also end with it."""
HELD = timedelta(seconds=MARGIN_S / 2)
"""So long the shared cache need not be asked again: well within that minute."""
LONGEST_S = 10 * 366 * 86_400.0
"""No consent is given for longer."""
LOCK_HELD_S = 120.0
LOCK_WAIT_S = 60.0
SETTLE_WAIT_S = 1.0
"""Whoever looks after what another left behind does not wait for one who is still at it."""
ENDS_IN = ("refresh_token_expires_in", "refresh_expires_in")
"""What vendors call how long a refresh token, and with it the consent, is good; the standard has no word for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a token endpoint gave; None where it does not say."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in_s: float | None = None
    refresh_ends_in_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What Authlib asks of an answer; refusals were raised before one is made."""

    reply: Reply
    status_code: int = 200

    def json(self) -> Any:
        return json.loads(self.reply.content)

    def raise_for_status(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class _Wire:
    """Authlib's session: what it posts goes through ours, with its limit, breaker and retries."""

    session: HttpSession
    rate: str

    def post(self, path: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: ClientAuth) -> _Answer:
        _, signed, body = auth.prepare("POST", path, dict(headers), urlencode(data))
        call = Call(
            operation="token", method="POST", path=path, rate=self.rate, content=body.encode(), headers=dict(signed)
        )
        return _Answer(reply=self.session.call(call))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEndpoint:
    """Where a vendor gives tokens, and how it wants to be told who asks (``client_secret_basic`` or ``_post``)."""

    session: HttpSession
    path: str
    rate: str
    told_by: str = "client_secret_basic"

    def grant(self, kind: str, credentials: Mapping[str, str], **told: str) -> Granted:
        """Ask for a token by one of RFC 6749's grants; PermanentError where it is refused."""
        client = OAuth2Client(
            _Wire(self.session, self.rate), client_id=credentials["client_id"],
            client_secret=credentials["client_secret"], token_endpoint_auth_method=self.told_by,
        )  # fmt: skip
        where = f"{self.session.vendor} token"
        try:
            return _granted(client.fetch_token(self.path, grant_type=kind, **told))
        except NightporterError:
            raise
        except OAuth2Error as error:
            raise PermanentError(f"{where}: refused with 200 ({_word(error)})", status=UPSTREAM_STATUS) from None
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            # What came is left out: it may hold half a token.
            raise RetryableError(f"{where}: the answer holds no access_token that can be used") from None


class TokenAuth:
    """Signs requests with a Bearer token that ``fetch`` brings, fetched once for all; see ``base_http.Auth``."""

    def __init__(
        self, session: HttpSession, runtime: Runtime, *, client_id: str, fetch: Callable[[], Granted], ttl_s: float,
        is_rotated: bool = True,
    ) -> None:  # fmt: skip
        self._runtime = runtime
        self._cache = runtime.token_cache
        self._fetch = fetch
        self._ttl_s = ttl_s
        self._is_rotated = is_rotated
        self._key = token_key(session.vendor, runtime.connection, client_id)
        self._lock = threading.Lock()
        self._held: tuple[str, datetime] | None = None
        self._own = threading.local()

    def headers(self, *, fresh: bool) -> Mapping[str, str]:
        """See ``base_http.Auth``."""
        # One thread fetches, and the others wait for what it brings.
        with self._lock:
            token = self._token(refused=getattr(self._own, "token", None) if fresh else None)
        self._own.token = token
        return {"Authorization": f"Bearer {token}"}

    def _token(self, refused: str | None) -> str:
        """A token other than the refused one: that another thread or process fetched since, or a new one."""
        now = self._runtime.clock()
        if self._held is not None and self._held[0] != refused and now < self._held[1]:
            return self._held[0]
        token = self._cache.get(self._key)
        if token is None or token == refused:
            token = self._renewed(refused)
        self._held = (token, now + HELD)
        return token

    def settle(self, is_left: Callable[[], bool]) -> bool:
        """Fetch a token where another process began to and did not end; returns whether it was still left to do.

        RetryableError where somebody is at it.
        """
        with self._alone(SETTLE_WAIT_S):
            if not is_left():
                return False
            self._fetched()
        return True

    def _renewed(self, refused: str | None) -> str:
        # Vendors count tokens, and a newer one may end the one before: one process asks, the others take what it got.
        with self._alone(LOCK_WAIT_S):
            token = self._cache.get(self._key)
            return token if token is not None and token != refused else self._fetched()

    def _alone(self, wait_s: float) -> AbstractContextManager[None]:
        # Where asking uses up what was asked with, two must never ask at once: without the shared lock nobody does.
        hold = self._runtime.locks.hold
        return hold(f"oauth:{self._key}", held_s=LOCK_HELD_S, wait_s=wait_s, or_own=not self._is_rotated)

    def _fetched(self) -> str:
        granted = noted(self._runtime, self._fetch)
        told_s = granted.expires_in_s or 0.0
        ttl_s = min(self._ttl_s, max(told_s - MARGIN_S, told_s / 2)) if told_s > 0 else self._ttl_s
        self._cache.set(self._key, granted.access_token, ttl_s)
        return granted.access_token


def noted(runtime: Runtime, fetch: Callable[[], Granted]) -> Granted:
    """Fetch, and leave a note of how it went: who loses access hears of it before anybody misses a booking."""
    vault = runtime.vault
    try:
        granted = fetch()
    except PermanentError:
        if vault is not None:
            vault.refused()
        raise
    if vault is not None:
        ends_in_s = granted.refresh_ends_in_s
        vault.granted(None if ends_in_s is None else runtime.clock() + timedelta(seconds=ends_in_s))
    return granted


def printable(told: Any) -> str:
    """Refuse what cannot stand in a header."""
    if not isinstance(told, str) or not told or not told.isascii() or not told.isprintable():
        raise ValueError("a token must be printable text")
    return told


def _granted(told: Mapping[str, Any]) -> Granted:
    refresh = told.get("refresh_token")
    ends_in = next((told[name] for name in ENDS_IN if told.get(name)), None)
    return Granted(
        access_token=printable(told["access_token"]),
        refresh_token=None if refresh is None else printable(refresh),
        expires_in_s=_seconds(told.get("expires_in")),
        refresh_ends_in_s=_seconds(ends_in),
    )


def _seconds(told: Any) -> float | None:
    """Read a length of time; what is none, or longer than any calendar, says nothing and costs no token."""
    try:
        length_s = float(told)
    except (TypeError, ValueError, OverflowError):
        return None
    return length_s if 0 <= length_s <= LONGEST_S else None


def _word(error: OAuth2Error) -> str:
    """RFC 6749's word for it, never the description: nobody knows what a vendor writes there."""
    word = str(error.error)
    return word if word.isascii() and word.replace("_", "").isalnum() and len(word) <= 40 else "an unknown word"
