"""Limiter, breaker and token cache that all processes share through a Redis-protocol server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

import limits
import pybreaker
import redis
from cryptography.fernet import Fernet, InvalidToken
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from python_nodes.errors import ConfigError, PermanentError, RetryableError
from python_nodes.vendors.base import CircuitOpenError, HttpSettings, Runtime, ThrottledError, Vault
from python_nodes.vendors.locks import RedisLocks

T = TypeVar("T")
TIMEOUT_S = 5.0


@contextmanager
def _reached(what: str) -> Iterator[None]:
    """Tell a server that does not answer as a passing failure: nothing was sent to the vendor."""
    try:
        yield
    except redis.RedisError as error:
        raise RetryableError(f"valkey: {what} cannot be reached ({type(error).__name__})") from error


class RedisLimiter:
    """A sliding window per key; waits for its turn up to ``max_wait_s``."""

    def __init__(
        self, redis_url: str, *, clock: Callable[[], datetime], sleep: Callable[[float], None], max_wait_s: float
    ) -> None:
        # RedisStorage by name, not by `storage_from_string`: there is nothing it could silently fall back to.
        storage = RedisStorage(redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self._window = MovingWindowRateLimiter(storage)
        self._clock = clock
        self._sleep = sleep
        self._max_wait_s = max_wait_s

    def acquire(self, key: str, rate: str) -> None:
        """See ``base.Limiter``."""
        item = limits.parse(rate)
        waited_s = 0.0
        while (free_at_s := self._taken_until_s(item, key)) is not None:
            pause_s = min(max(free_at_s - self._clock().timestamp(), 0.01), float(item.get_expiry()))
            if waited_s + pause_s > self._max_wait_s:
                raise ThrottledError(f"rate limit {rate} of {key} is used up", retry_after_s=pause_s)
            self._sleep(pause_s)
            waited_s += pause_s

    def _taken_until_s(self, item: limits.RateLimitItem, key: str) -> float | None:
        """Take a place in the window, or say when one is free."""
        with _reached("the shared rate limit"):
            if self._window.hit(item, key):
                return None
            return float(self._window.get_window_stats(item, key).reset_time)


class RedisBreaker:
    """pybreaker with its state in Redis under one namespace per vendor and connection."""

    def __init__(
        self, client: redis.Redis, namespace: str, *, failures: int, open_s: float, successes_to_close: int
    ) -> None:
        self._client = client
        self._name = namespace
        self._failures = failures
        self._open_s = open_s
        self._successes_to_close = successes_to_close
        self._own = threading.local()

    def call(self, func: Callable[[], T]) -> T:
        """See ``base.Breaker``."""
        with _reached("the shared breaker"):
            breaker = self._breaker()
        try:
            return breaker.call(func)
        except pybreaker.CircuitBreakerError as error:
            raise CircuitOpenError(f"{self._name}: breaker is open", retry_after_s=self._open_s) from error

    def _breaker(self) -> pybreaker.CircuitBreaker:
        """The thread's own: one of all would let one call through at a time. What they know is kept by the server."""
        held = getattr(self._own, "breaker", None)
        if not isinstance(held, pybreaker.CircuitBreaker):
            held = self._own.breaker = self._build()
        return held

    def _build(self) -> pybreaker.CircuitBreaker:
        # At the first call: its storage writes to the server at once.
        storage = pybreaker.CircuitRedisStorage(pybreaker.STATE_CLOSED, self._client, namespace=self._name)
        return pybreaker.CircuitBreaker(
            fail_max=self._failures,
            reset_timeout=self._open_s,
            success_threshold=self._successes_to_close,
            exclude=[PermanentError, ThrottledError],
            state_storage=storage,
            name=self._name,
            # The failure that trips it is told as itself; only the next call meets the open breaker.
            throw_new_error_on_trip=False,
        )


class RedisTokenCache:
    """Tokens with an expiry, under a prefix, encrypted: a dump of the server opens no vendor's account."""

    def __init__(self, client: redis.Redis, fernet_key: str) -> None:
        self._client = client
        self._fernet = Fernet(fernet_key)

    def get(self, key: str) -> str | None:
        """See ``base.TokenCache``."""
        with _reached("the token cache"):
            value = self._client.get(f"nightporter:token:{key}")
        if not isinstance(value, bytes):
            return None
        try:
            return self._fernet.decrypt(value).decode()
        except InvalidToken:
            # Written under another key: as good as none.
            return None

    def set(self, key: str, value: str | None, ttl_s: float) -> None:
        """See ``base.TokenCache``."""
        with _reached("the token cache"):
            if value is None:
                self._client.delete(f"nightporter:token:{key}")
            else:
                sealed = self._fernet.encrypt(value.encode())
                self._client.set(f"nightporter:token:{key}", sealed, px=max(1, int(ttl_s * 1000)))


def build_runtime(
    redis_url: str,
    *,
    fernet_key: str,
    vendor: str,
    connection: str,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    http: HttpSettings | None = None,
    vault: Vault | None = None,
    breaker_failures: int = 5,
    breaker_open_s: float = 60.0,
    breaker_successes_to_close: int = 2,
    limit_max_wait_s: float = 60.0,
) -> Runtime:
    """Build the shared runtime of one connection; connects on first use, not here."""
    if not redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigError("redis_url must be a redis://, rediss:// or unix:// address")
    client = redis.Redis.from_url(redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    storage_url = redis_url.replace("unix://", "redis+unix://", 1)
    return Runtime(
        connection=connection,
        limiter=RedisLimiter(storage_url, clock=clock, sleep=sleep, max_wait_s=limit_max_wait_s),
        breaker=RedisBreaker(
            client,
            f"nightporter:{vendor}:{connection}",
            failures=breaker_failures,
            open_s=breaker_open_s,
            successes_to_close=breaker_successes_to_close,
        ),
        token_cache=RedisTokenCache(client, fernet_key),
        locks=RedisLocks(client),
        clock=clock,
        sleep=sleep,
        http=http or HttpSettings(),
        vault=vault,
    )
