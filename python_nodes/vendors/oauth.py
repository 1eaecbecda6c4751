"""Access tokens for client credentials: fetched once, shared by all processes until they expire or are refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from python_nodes.errors import RetryableError
from python_nodes.vendors.base import Runtime
from python_nodes.vendors.base_http import Call, HttpSession, token_key

MARGIN_S = 60.0
"""A token is not used in its last minute: a call that starts with it should also end with it."""
HELD = timedelta(seconds=MARGIN_S / 2)
"""So long the shared cache need not be asked again: well within that minute."""


class TokenAuth:
    """Sends ``exchange`` for a token and signs requests with it as Bearer; see ``base_http.Auth``."""

    def __init__(
        self, session: HttpSession, runtime: Runtime, *, client_id: str, exchange: Call, answer_field: str, ttl_s: float
    ) -> None:
        self._session = session
        self._cache = runtime.token_cache
        self._exchange = exchange
        self._answer_field = answer_field
        self._ttl_s = ttl_s
        self._key = token_key(session.vendor, runtime.connection, client_id)
        self._clock = runtime.clock
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
        now = self._clock()
        if self._held is not None and self._held[0] != refused and now < self._held[1]:
            return self._held[0]
        token = self._cache.get(self._key)
        if token is None or token == refused:
            token, ttl_s = self._fetch()
            self._cache.set(self._key, token, ttl_s)
        self._held = (token, now + HELD)
        return token

    def _fetch(self) -> tuple[str, float]:
        reply = self._session.call(self._exchange)
        where = f"{self._session.vendor} token"
        try:
            answer: Any = json.loads(reply.content)
            token = answer[self._answer_field]
            told_s = answer.get("expires_in")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RetryableError(f"{where}: the answer holds no {self._answer_field}") from error
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RetryableError(f"{where}: the {self._answer_field} is not printable text")
        if isinstance(told_s, int) and told_s > 0:
            return token, min(self._ttl_s, max(told_s - MARGIN_S, told_s / 2))
        return token, self._ttl_s
