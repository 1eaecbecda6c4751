"""Limiter, breaker and token cache that all processes share through a Redis-protocol server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import limits
import pybreaker
import redis
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from python_nodes.errors import ConfigError, PermanentError
from python_nodes.vendors.base import CircuitOpenError, HttpSettings, Runtime, ThrottledError

T = TypeVar("T")


class RedisLimiter:
    """A sliding window per key; waits for its turn up to ``max_wait_s``."""

    def __init__(
        self, redis_url: str, *, clock: Callable[[], datetime], sleep: Callable[[float], None], max_wait_s: float
    ) -> None:
        # RedisStorage by name, not by `storage_from_string`: there is nothing it could silently fall back to.
        self._window = MovingWindowRateLimiter(RedisStorage(redis_url))
        self._clock = clock
        self._sleep = sleep
        self._max_wait_s = max_wait_s

    def acquire(self, key: str, rate: str) -> None:
        """See ``base.Limiter``."""
        item = limits.parse(rate)
        waited_s = 0.0
        while not self._window.hit(item, key):
            free_at_s = self._window.get_window_stats(item, key).reset_time
            pause_s = min(max(free_at_s - self._clock().timestamp(), 0.01), float(item.get_expiry()))
            if waited_s + pause_s > self._max_wait_s:
                raise ThrottledError(f"rate limit {rate} of {key} is used up", retry_after_s=pause_s)
            self._sleep(pause_s)
            waited_s += pause_s


class RedisBreaker:
    """pybreaker with its state in Redis under one namespace per vendor and connection."""

    def __init__(
        self, client: redis.Redis, namespace: str, *, failures: int, open_s: float, successes_to_close: int
    ) -> None:
        self._name = namespace
        self._open_s = open_s
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures,
            reset_timeout=open_s,
            success_threshold=successes_to_close,
            exclude=[PermanentError, ThrottledError],
            state_storage=pybreaker.CircuitRedisStorage(pybreaker.STATE_CLOSED, client, namespace=namespace),
            name=namespace,
            # The failure that trips it is told as itself; only the next call meets the open breaker.
            throw_new_error_on_trip=False,
        )

    def call(self, func: Callable[[], T]) -> T:
        """See ``base.Breaker``."""
        try:
            return self._breaker.call(func)
        except pybreaker.CircuitBreakerError as error:
            raise CircuitOpenError(f"{self._name}: breaker is open", retry_after_s=self._open_s) from error


class RedisTokenCache:
    """Tokens with an expiry, under a prefix."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def get(self, key: str) -> str | None:
        """See ``base.TokenCache``."""
        value = self._client.get(f"nightporter:token:{key}")
        return value.decode() if isinstance(value, bytes) else None

    def set(self, key: str, value: str | None, ttl_s: float) -> None:
        """See ``base.TokenCache``."""
        if value is None:
            self._client.delete(f"nightporter:token:{key}")
        else:
            self._client.set(f"nightporter:token:{key}", value, px=max(1, int(ttl_s * 1000)))


def build_runtime(
    redis_url: str,
    *,
    vendor: str,
    connection: str,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    http: HttpSettings | None = None,
    breaker_failures: int = 5,
    breaker_open_s: float = 60.0,
    breaker_successes_to_close: int = 2,
    limit_max_wait_s: float = 60.0,
) -> Runtime:
    """Build the shared runtime of one connection; connects on first use, not here."""
    if not redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigError("redis_url must be a redis://, rediss:// or unix:// address")
    client = redis.Redis.from_url(redis_url)
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
        token_cache=RedisTokenCache(client),
        clock=clock,
        sleep=sleep,
        http=http or HttpSettings(),
    )
