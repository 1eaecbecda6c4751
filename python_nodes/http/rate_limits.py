"""How often an address and a key may call: counted in Valkey by all processes, or strictly by each where it is away."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import limits
import redis
from flask import Response, g, request
from flask_openapi.openapi import OpenAPI
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from python_nodes import log
from python_nodes.http.problems import problem

LOCAL_PART = 4
"""Without Valkey a process lets through a quarter of each limit: what up to four processes let through stays within."""
TIMEOUT_S = 0.5
AWAY_S = 5.0
"""How long Valkey is not asked again after it did not answer."""
UNAUTHORIZED = 401
UNCOUNTED = frozenset({"/healthz", "/readyz", "/metrics"})
"""What orchestrators ask: a full limit must not look like an illness."""


@lru_cache(maxsize=16)
def _parsed(rate: str) -> limits.RateLimitItem:
    return limits.parse(rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Calls by period, as ``limits`` words them: ``600/minute``; ``login`` and ``refused`` count only what failed."""

    key: str
    address: str
    refused: str
    login: str
    proxies: int = 0
    """How many stand before us; only what the first of them was called from is believed."""


@dataclass(slots=True)
class Counter:
    """Counts in Valkey under a prefix of this deployment; in this process's memory while Valkey does not answer."""

    url: str
    prefix: str
    _shared: SlidingWindowCounterRateLimiter | None = None
    _own: SlidingWindowCounterRateLimiter = field(
        default_factory=lambda: SlidingWindowCounterRateLimiter(MemoryStorage())
    )
    _away_until_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse_s(self, rate: str, *names: str) -> float | None:
        """Count one call; the seconds to wait if it is one too many, else None."""
        item = _parsed(rate)
        # monotonic is a stopwatch, not a clock: no result depends on it.
        if time.monotonic() >= self._away_until_s:
            try:
                return self._hit(self._in_valkey(), item, names)
            except redis.RedisError as error:
                self._away_until_s = time.monotonic() + AWAY_S
                log.get("rate_limits").warning("valkey_away", reason=type(error).__name__)
        share = type(item)(max(1, item.amount // LOCAL_PART), item.multiples, item.namespace)
        return self._hit(self._own, share, names)

    def _hit(
        self, window: SlidingWindowCounterRateLimiter, item: limits.RateLimitItem, names: tuple[str, ...]
    ) -> float | None:
        told = (self.prefix, *names)
        if window.hit(item, *told):
            return None
        return max(1.0, window.get_window_stats(item, *told).reset_time - time.time())

    def _in_valkey(self) -> SlidingWindowCounterRateLimiter:
        with self._lock:
            if self._shared is None:
                # RedisStorage by name, not by `storage_from_string`: there is nothing it could silently fall back to.
                storage = RedisStorage(
                    self.url.replace("unix://", "redis+unix://", 1), key_prefix="nightporter:limit",
                    socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S,
                )  # fmt: skip
                self._shared = SlidingWindowCounterRateLimiter(storage)
            return self._shared


def counter(redis_url: str, secret_key: str) -> Counter:
    """Make a deployment's counter: two that share a Valkey do not use up each other's limits."""
    return Counter(redis_url, hashlib.sha256(f"rate limits {secret_key}".encode()).hexdigest()[:12])


def around(check: Callable[[], Response | None], counter: Counter, rates: Rates) -> Callable[[], Response | None]:
    """Return a check that counts the address before ``check`` asks who it is, and the key once that is known."""

    def counted() -> Response | None:
        if request.url_rule is not None and request.url_rule.rule in UNCOUNTED:
            return check()
        if wait_s := counter.refuse_s(rates.address, "address", _address(rates)):
            return too_many(wait_s, "from this address")
        refused = check()
        found = g.get("caller")
        if found is not None and (found.key_id is not None or found.session is not None):
            by = f"key{found.key_id}" if found.key_id is not None else found.session.session_id
            if wait_s := counter.refuse_s(rates.key, "key", str(found.tenant_id), by):
                # Nothing was done: the audit log has no line of each call that came too soon.
                g.caller = None
                return too_many(wait_s, "with this key")
        return refused

    return counted


def install(app: OpenAPI, counter: Counter, rates: Rates) -> None:
    """Count by address what failed to say who it is, whatever was to tell it: key, session, link, signature."""

    def refused(answer: Response) -> Response:
        if answer.status_code != UNAUTHORIZED:
            return answer
        is_login = request.path == "/login"
        rate, name = (rates.login, "login") if is_login else (rates.refused, "refused")
        wait_s = counter.refuse_s(rate, name, _address(rates))
        return answer if wait_s is None else too_many(wait_s, "that failed to say who calls, from this address")

    app.after_request(refused)


def _address(rates: Rates) -> str:
    """Return who calls: each proxy adds whom it was called by, and only as many as there are can be believed."""
    told = request.access_route
    if rates.proxies and "X-Forwarded-For" in request.headers and len(told) >= rates.proxies:
        return told[-rates.proxies]
    return request.remote_addr or ""


def too_many(wait_s: float, of: str) -> Response:
    """429 with the seconds to wait."""
    seconds = max(1, round(wait_s))
    answer = problem(429, f"Too many requests {of}; try again in {seconds} s")
    answer.headers["Retry-After"] = str(seconds)
    return answer
