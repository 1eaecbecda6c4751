"""What a process does while the shared server cannot be reached: a strict share of every rate, and its own memory.

Nobody knows then how many others call the same vendor. So each process takes one in ``SHARE`` of what is allowed, which
``SHARE`` processes may do at once; work goes on, slower. Breakers and tokens are each process's own meanwhile. What
must be done once by all (a refresh of credentials that a vendor rotates) waits: its lock has no stand-in. A token that
two processes may ask for at once, each gets for itself.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import limits
import pybreaker
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from python_nodes import log
from python_nodes.errors import RetryableError
from python_nodes.vendors.base import Breaker, Limiter, TokenCache

T = TypeVar("T")
SHARE = 8
"""Processes that may call one vendor: three of gunicorn's and four of Celery's on the largest machine that was seen."""
AWAY_S = 2.0
"""How long a server that did not answer is left alone: each question may cost its whole time-out."""


class AwayError(RetryableError):
    """The shared server cannot be reached; nothing was sent to the vendor."""


@dataclass(slots=True)
class Reach:
    """Whether the shared server is worth asking now."""

    _until_s: float = field(default=0.0, init=False)

    def is_there(self) -> bool:
        """Whether to ask it."""
        return time.monotonic() >= self._until_s

    def lost(self, error: AwayError) -> None:
        """Leave it alone for a while."""
        self._until_s = time.monotonic() + AWAY_S
        log.get("vendors").warning("shared_server_away", reason=str(error), share=f"1/{SHARE}")


@cache
def reach(redis_url: str) -> Reach:
    """Return what this process knows of one server."""
    return Reach()


@cache
def window() -> MovingWindowRateLimiter:
    """Return the process's own window, which all its connections share."""
    return MovingWindowRateLimiter(MemoryStorage())


@cache
def breaker_storage(name: str) -> pybreaker.CircuitMemoryStorage:
    """Return what this process knows of one breaker."""
    return pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)


@cache
def lock(key: str) -> threading.Lock:
    """Return the process's own lock for what all processes should do once, and may do twice."""
    return threading.Lock()


def share_of(rate: str) -> str:
    """Word one in ``SHARE`` of a rate: fewer calls, or where that is less than one, one call in a longer stretch."""
    item = limits.parse(rate)
    amount = item.amount // SHARE or 1
    multiples = item.multiples if item.amount >= SHARE else item.multiples * math.ceil(SHARE / item.amount)
    return f"{amount}/{multiples} {item.GRANULARITY.name}"


@dataclass(frozen=True, slots=True)
class OwnShareLimiter:
    """The shared rate, and while that is away the process's own share of it."""

    shared: Limiter
    own: Limiter
    reach: Reach

    def acquire(self, key: str, rate: str) -> None:
        """See ``base.Limiter``."""
        if self.reach.is_there():
            try:
                self.shared.acquire(key, rate)
            except AwayError as error:
                self.reach.lost(error)
            else:
                return
        self.own.acquire(key, share_of(rate))


@dataclass(frozen=True, slots=True)
class OwnMemoryBreaker:
    """The shared breaker, and while that is away one of the process's own; ``ready`` raises where it is."""

    shared: Breaker
    ready: Callable[[], None]
    own: Breaker
    reach: Reach

    def call(self, func: Callable[[], T]) -> T:
        """See ``base.Breaker``."""
        if self.reach.is_there():
            try:
                # Apart from the call itself, which must not be made twice.
                self.ready()
            except AwayError as error:
                self.reach.lost(error)
            else:
                return self.shared.call(func)
        return self.own.call(func)


_tokens: dict[str, tuple[str, float]] = {}
_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class OwnTokens:
    """The shared tokens, and while they are away the process's own, which nobody else can read."""

    shared: TokenCache
    reach: Reach

    def get(self, key: str) -> str | None:
        """See ``base.TokenCache``."""
        if self.reach.is_there():
            try:
                return self.shared.get(key)
            except AwayError as error:
                self.reach.lost(error)
        with _guard:
            value, until_s = _tokens.get(key, ("", 0.0))
        return value if time.monotonic() < until_s else None

    def set(self, key: str, value: str | None, ttl_s: float) -> None:
        """See ``base.TokenCache``."""
        with _guard:
            _tokens.pop(key, None)
        if self.reach.is_there():
            try:
                self.shared.set(key, value, ttl_s)
            except AwayError as error:
                self.reach.lost(error)
            else:
                return
        if value is not None:
            with _guard:
                _tokens[key] = (value, time.monotonic() + ttl_s)
