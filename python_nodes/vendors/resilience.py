"""Limiter, breaker and token cache that all processes share through a Redis-protocol server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypedDict, TypeVar

import limits
import pybreaker
import redis
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from python_nodes.domain.sealing import sealer
from python_nodes.errors import ConfigError, PermanentError
from python_nodes.telemetry import meters
from python_nodes.vendors import alone
from python_nodes.vendors.base import CircuitOpenError, HttpSettings, Runtime, ThrottledError, Vault
from python_nodes.vendors.locks import RedisLocks

T = TypeVar("T")
TIMEOUT_S = 5.0
LIMIT_MAX_WAIT_S = 60.0
"""How long a call waits for its turn under a rate limit of ours, where nobody says otherwise."""
TOKENS = "nightporter:token:"
"""What every token's name begins with; the tenant and the connection follow the vendor's."""
REMEMBERED_S = 0.25
"""What a process may know late of a breaker that another one opened."""


@contextmanager
def _reached(what: str) -> Iterator[None]:
    """Tell a server that does not answer as a passing failure: nothing was sent to the vendor."""
    try:
        yield
    except redis.RedisError as error:
        raise alone.AwayError(f"valkey: {what} cannot be reached ({type(error).__name__})") from error


class RedisLimiter:
    """A sliding window per key; waits for its turn up to ``max_wait_s``."""

    def __init__(
        self, redis_url: str, *, clock: Callable[[], datetime], sleep: Callable[[float], None], max_wait_s: float
    ) -> None:
        self._window = self._open(redis_url)
        self._clock = clock
        self._sleep = sleep
        self._max_wait_s = max_wait_s

    def _open(self, redis_url: str) -> MovingWindowRateLimiter:
        # RedisStorage by name, not by `storage_from_string`: there is nothing it could silently fall back to.
        storage = RedisStorage(redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        return MovingWindowRateLimiter(storage)

    def acquire(self, key: str, rate: str) -> None:
        """See ``base.Limiter``."""
        item = limits.parse(rate)
        waited_s = 0.0
        while (free_at_s := self._taken_until_s(item, key)) is not None:
            pause_s = min(max(free_at_s - self._clock().timestamp(), 0.01), float(item.get_expiry()))
            if waited_s + pause_s > self._max_wait_s:
                meters.rate_limit_hits.labels(key.partition(":")[0], "own").inc()
                raise ThrottledError(f"rate limit {rate} of {key} is used up", retry_after_s=pause_s)
            self._sleep(pause_s)
            waited_s += pause_s

    def _taken_until_s(self, item: limits.RateLimitItem, key: str) -> float | None:
        """Take a place in the window, or say when one is free."""
        with _reached("the shared rate limit"):
            if self._window.hit(item, key):
                return None
            return float(self._window.get_window_stats(item, key).reset_time)


class OwnLimiter(RedisLimiter):
    """The same in the process's own memory."""

    def _open(self, redis_url: str) -> MovingWindowRateLimiter:
        return alone.window()


class _BreakerStorage(pybreaker.CircuitRedisStorage):
    """pybreaker's storage on the shared server, asked again only after `REMEMBERED_S`.

    pybreaker reads the state before each call and clears the count of failures after each that went well: two trips to
    the server for every request, of which nearly all learn and change nothing.
    """

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        super().__init__(pybreaker.STATE_CLOSED, client, namespace=namespace)
        self._known: str | None = None
        self._had_failures = True
        self._until_s = 0.0

    @property
    def state(self) -> str:
        """The state of all processes, at most `REMEMBERED_S` old."""
        if self._known is None or time.monotonic() >= self._until_s:
            self._known = super().state
            self._had_failures = self.counter > 0
            self._until_s = time.monotonic() + REMEMBERED_S
        return self._known

    @state.setter
    def state(self, state: str) -> None:
        with _reached("the shared breaker"):
            self._redis.set(self._namespace("state"), state)
        self._known = None

    def increment_counter(self) -> None:
        """Count a failure for all."""
        self._had_failures = True
        super().increment_counter()

    def reset_counter(self) -> None:
        """Forget the failures, where there are any."""
        if self._had_failures:
            super().reset_counter()
            self._had_failures = False


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
        self.ready()
        try:
            return self._breaker().call(func)
        except pybreaker.CircuitBreakerError as error:
            raise CircuitOpenError(f"{self._name}: breaker is open", retry_after_s=self._open_s) from error

    def ready(self) -> None:
        """Raise where what breakers know cannot be read."""
        with _reached("the shared breaker"):
            self._breaker()

    def _breaker(self) -> pybreaker.CircuitBreaker:
        """The thread's own: one of all would let one call through at a time. What they know is kept by the server."""
        held = getattr(self._own, "breaker", None)
        if not isinstance(held, pybreaker.CircuitBreaker):
            held = self._own.breaker = self._build()
        return held

    def _build(self) -> pybreaker.CircuitBreaker:
        return pybreaker.CircuitBreaker(
            fail_max=self._failures,
            reset_timeout=self._open_s,
            success_threshold=self._successes_to_close,
            exclude=[PermanentError, ThrottledError],
            state_storage=self._storage(),
            name=self._name,
            # The failure that trips it is told as itself; only the next call meets the open breaker.
            throw_new_error_on_trip=False,
        )

    def _storage(self) -> pybreaker.CircuitBreakerStorage:
        # At the first call: it writes to the server at once.
        return _BreakerStorage(self._client, self._name)


class OwnBreaker(RedisBreaker):
    """The same in the process's own memory."""

    def _storage(self) -> pybreaker.CircuitBreakerStorage:
        return alone.breaker_storage(self._name)


class RedisTokenCache:
    """Tokens with an expiry, under a prefix, encrypted: a dump of the server opens no vendor's account."""

    def __init__(self, client: redis.Redis, fernet_key: str) -> None:
        self._client = client
        self._sealer = sealer(fernet_key)

    def get(self, key: str) -> str | None:
        """See ``base.TokenCache``."""
        with _reached("the token cache"):
            value = self._client.get(f"{TOKENS}{key}")
        if not isinstance(value, bytes):
            return None
        try:
            return self._sealer.open(value, "a token").decode()
        except ConfigError:
            # Written under another key: as good as none.
            return None

    def set(self, key: str, value: str | None, ttl_s: float) -> None:
        """See ``base.TokenCache``."""
        with _reached("the token cache"):
            if value is None:
                self._client.delete(f"{TOKENS}{key}")
            else:
                sealed = self._sealer.seal(value.encode())
                self._client.set(f"{TOKENS}{key}", sealed, px=max(1, int(ttl_s * 1000)))


class _Waits(TypedDict):
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    max_wait_s: float


class _Patience(TypedDict):
    failures: int
    open_s: float
    successes_to_close: int


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
    limit_max_wait_s: float = LIMIT_MAX_WAIT_S,
) -> Runtime:
    """Build the shared runtime of one connection; connects on first use, not here."""
    if not redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigError("redis_url must be a redis://, rediss:// or unix:// address")
    client = redis.Redis.from_url(redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    storage_url = redis_url.replace("unix://", "redis+unix://", 1)
    reach, waits = alone.reach(redis_url), _Waits(clock=clock, sleep=sleep, max_wait_s=limit_max_wait_s)
    patience = _Patience(
        failures=breaker_failures, open_s=breaker_open_s, successes_to_close=breaker_successes_to_close
    )
    shared, own = (kind(client, _namespace(vendor, connection), **patience) for kind in (RedisBreaker, OwnBreaker))
    return Runtime(
        connection=connection,
        limiter=alone.OwnShareLimiter(RedisLimiter(storage_url, **waits), OwnLimiter(storage_url, **waits), reach),
        breaker=alone.OwnMemoryBreaker(shared, shared.ready, own, reach),
        token_cache=alone.OwnTokens(RedisTokenCache(client, fernet_key), reach),
        locks=RedisLocks(client),
        clock=clock,
        sleep=sleep,
        http=http or HttpSettings(),
        vault=vault,
    )


def breaker_states(redis_url: str, names: Sequence[tuple[str, str]]) -> list[str | None]:
    """Return the state of each (vendor, connection)'s breaker as pybreaker words it; None where it was never used."""
    if not names:
        return []
    client = redis.Redis.from_url(redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    kept_as = f"{pybreaker.CircuitRedisStorage.BASE_NAMESPACE}:state"
    with _reached("the shared breaker"), client:
        found = client.mget([f"{_namespace(*name)}:{kept_as}" for name in names])
    return [value.decode() if isinstance(value, bytes) else None for value in found]


def _namespace(vendor: str, connection: str) -> str:
    return f"nightporter:{vendor}:{connection}"
