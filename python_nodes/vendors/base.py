"""What every vendor client is given and gives back: raw payloads, and the protocols a step passes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from python_nodes.errors import RetryableError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPayload:
    """One answer as it came; ``key`` names it within its operation (a queue's name, a window, a property)."""

    operation: str
    content: bytes
    content_type: str
    fetched_at: datetime
    key: str


class Product(NamedTuple):
    """What is sold at a property: a listing by its rate plan, both as the channel calls them."""

    listing_external_id: str
    rate_plan_external_id: str


Products = Mapping[str, Sequence[Product]]
"""All that the portfolio knows of each property, by the channel's name for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a vendor's verified event is about; ``operation`` is what to read again of the property, None for nothing.

    ``event_id`` is the vendor's own, the same each time it sends the event again.
    """

    event_id: str
    event: str
    property_id: str
    operation: str | None


class ThrottledError(RetryableError):
    """The other side, or our own limit, says: slower; no sign that the other side is ill."""


class CircuitOpenError(RetryableError):
    """The breaker is open: nothing was sent."""


class Limiter(Protocol):
    """Shares a rate over all processes."""

    def acquire(self, key: str, rate: str) -> None:
        """Wait until one more call under ``key`` fits ``rate`` (such as ``"1/20 second"``).

        Raises ThrottledError with ``retry_after_s`` where the wait would be too long.
        """
        ...


class Breaker(Protocol):
    """Stops calling what keeps failing."""

    def call(self, func: Callable[[], T]) -> T:
        """Run ``func``; RetryableError counts as a failure, ThrottledError and PermanentError do not.

        Raises CircuitOpenError while open.
        """
        ...


class TokenCache(Protocol):
    """Keeps access tokens for all processes until they expire."""

    def get(self, key: str) -> str | None:
        """Return the token, or None if there is none or it has expired."""
        ...

    def set(self, key: str, value: str | None, ttl_s: float) -> None:
        """Keep ``value`` for ``ttl_s`` seconds; None forgets it."""
        ...


class Locks(Protocol):
    """Lets one process at a time do what must be done once."""

    def hold(self, key: str, *, held_s: float, wait_s: float, or_own: bool = False) -> AbstractContextManager[None]:
        """Hold ``key`` inside the context, ``held_s`` seconds at most: a process that died holds up nobody for longer.

        Raises RetryableError if it is not free within ``wait_s`` seconds, or where it cannot be asked for; with
        ``or_own`` the process's own lock then stands in, for what two processes may do at once without harm.
        """
        ...


class Vault(Protocol):
    """A connection's credentials where they rest encrypted, for vendors that hand out new ones."""

    def read(self) -> Mapping[str, str]:
        """Return the credentials as they are stored now, whoever replaced them."""
        ...

    def renewing(self) -> None:
        """Note, durable when it returns, that what is stored is about to be used up; ``replace`` takes the note away.

        Whoever finds it later knows that the vendor may have answered and nobody kept what it gave.
        """
        ...

    def is_renewing(self) -> bool:
        """Whether that note stands."""
        ...

    def replace(self, changes: Mapping[str, str | None]) -> None:
        """Store ``changes`` by name, None to forget one; durable when it returns."""
        ...

    def granted(self, ends_at: datetime | None) -> None:
        """Note that the vendor took the credentials; ``ends_at`` is when they end, where it says so."""
        ...

    def refused(self) -> None:
        """Note that the vendor takes them no longer: people hear of it at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Time-outs and retries of one HTTP session; every value is a setting."""

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0
    attempts: int = 4
    wait_initial_s: float = 0.5
    wait_max_s: float = 30.0
    retry_after_max_s: float = 60.0
    max_body_bytes: int = 256 * 1024 * 1024
    at_once: int = 4
    """Calls of one poll on their way at the same time, where they do not depend on one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What a client needs of the world; ``connection`` makes limits, breaker and tokens this connection's own.

    ``vault`` is None where nothing is to be called, as when a connection's settings are checked.
    """

    connection: str
    limiter: Limiter
    breaker: Breaker
    token_cache: TokenCache
    locks: Locks
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    http: HttpSettings = field(default_factory=HttpSettings)
    vault: Vault | None = None
