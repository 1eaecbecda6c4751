"""The HTTP session of every vendor: limit, breaker, retry with jitter, bounded bodies, errors by what recovers."""

from __future__ import annotations

import hashlib
import math
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from typing import Any, Protocol

import httpx2
import limits
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from python_nodes.errors import NightporterError, PermanentError, RetryableError
from python_nodes.telemetry import meters
from python_nodes.vendors.base import CircuitOpenError, Runtime, ThrottledError

UPSTREAM_STATUS = HTTPStatus.BAD_GATEWAY
"""What the worker's caller sees for a vendor's refusal: the fault lies behind the worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request; ``path`` is under the connection's base URL, ``rate`` in the words of `limits`.

    ``check`` reads a successful answer and raises if its body is a refusal (GraphQL says so with status 200).
    """

    operation: str
    method: str
    path: str
    rate: str
    params: Mapping[str, str] | None = None
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] | None = None
    check: Callable[[bytes], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A successful answer, read to its end."""

    content: bytes
    content_type: str


class Auth(Protocol):
    """How a vendor signs a request."""

    def headers(self, *, fresh: bool) -> Mapping[str, str]:
        """Headers that authenticate; ``fresh`` after a 401: what is cached was refused."""
        ...


class UnauthorizedError(PermanentError):
    """401: the session refreshes the token once before it believes this."""


@cache
def _trusted() -> ssl.SSLContext:
    """The usual authorities; reading them takes longer than a poll's call, so once a process."""
    return httpx2.create_ssl_context(trust_env=False)


class HttpSession:
    """Calls one vendor for one connection; use as a context manager or close it."""

    def __init__(self, vendor: str, base_url: str, runtime: Runtime, *, within_s: float | None = None) -> None:
        """``within_s``: when a body that still comes is given up; a drip of bytes meets no time-out of single reads."""
        self.vendor = vendor
        self._within_s = within_s
        self._runtime = runtime
        http = runtime.http
        # No redirects: a vendor that sends us elsewhere would be sent our token.
        self._client = httpx2.Client(
            base_url=base_url.rstrip("/"),
            timeout=httpx2.Timeout(http.read_timeout_s, connect=http.connect_timeout_s),
            follow_redirects=False,
            trust_env=False,
            verify=_trusted(),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def at_once(self, rate: str) -> int:
        """How many calls may be on their way together: no more than the limit lets through at one time."""
        return min(self._runtime.http.at_once, limits.parse(rate).amount)

    def call(self, call: Call, auth: Auth | None = None) -> Reply:
        """Send with limit, breaker and retries; raises RetryableError or PermanentError."""
        http = self._runtime.http
        jitter = wait_exponential_jitter(multiplier=http.wait_initial_s, max=http.wait_max_s)

        def wait(state: RetryCallState) -> float:
            told = _told_wait(state.outcome.exception() if state.outcome else None)
            return jitter(state) if told is None else told

        def again(error: BaseException) -> bool:
            # A longer wait belongs to the caller's queue, not to a worker's thread.
            passing = isinstance(error, RetryableError) and not isinstance(error, CircuitOpenError)
            return passing and (_told_wait(error) or 0.0) <= http.retry_after_max_s

        retrying = Retrying(
            stop=stop_after_attempt(http.attempts),
            wait=wait,
            retry=retry_if_exception(again),
            sleep=self._runtime.sleep,
            reraise=True,
        )
        return retrying(self._authorized, call, auth)

    def _authorized(self, call: Call, auth: Auth | None) -> Reply:
        if auth is None:
            return self._guarded(call, {})
        try:
            return self._guarded(call, auth.headers(fresh=False))
        except UnauthorizedError:
            return self._guarded(call, auth.headers(fresh=True))

    def _guarded(self, call: Call, auth_headers: Mapping[str, str]) -> Reply:
        self._runtime.limiter.acquire(f"{self.vendor}:{self._runtime.connection}:{call.operation}", call.rate)
        try:
            return self._runtime.breaker.call(lambda: self._send(call, auth_headers))
        except CircuitOpenError:
            self._count("breaker_open")
            raise

    def _count(self, error_code: str) -> None:
        meters.api_errors.labels(self.vendor, error_code).inc()

    def _send(self, call: Call, auth_headers: Mapping[str, str]) -> Reply:
        where = f"{self.vendor} {call.operation}"
        # monotonic is a stopwatch, not a clock: no result depends on it.
        ends_s = math.inf if self._within_s is None else time.monotonic() + self._within_s
        try:
            with self._client.stream(
                call.method,
                call.path,
                params=call.params,
                json=call.json,
                content=call.content,
                headers={**(call.headers or {}), **auth_headers},
            ) as response:
                if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
                    raise self._refusal(response, where)
                content = self._read(response, where, ends_s)
                if call.check is not None:
                    call.check(content)
                return Reply(
                    content=content, content_type=response.headers.get("Content-Type", "application/octet-stream")
                )
        except httpx2.TimeoutException as error:
            self._count("timeout")
            raise RetryableError(f"{where}: timed out ({type(error).__name__})") from error
        except httpx2.TransportError as error:
            self._count("connection")
            raise RetryableError(f"{where}: connection failed or body cut ({type(error).__name__})") from error
        except (httpx2.DecodingError, httpx2.InvalidURL) as error:
            self._count("unreadable")
            raise RetryableError(f"{where}: unreadable answer ({type(error).__name__})") from error

    def _read(self, response: httpx2.Response, where: str, ends_s: float) -> bytes:
        limit = self._runtime.http.max_body_bytes
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if time.monotonic() >= ends_s:
                self._count("timeout")
                raise RetryableError(f"{where}: took longer than {self._within_s:g} s")
            if len(body) > limit:
                raise PermanentError(f"{where}: body exceeds {limit} bytes", status=UPSTREAM_STATUS)
        return bytes(body)

    def _refusal(self, response: httpx2.Response, where: str) -> NightporterError:
        status = response.status_code
        self._count(str(status))
        if status == HTTPStatus.UNAUTHORIZED:
            return UnauthorizedError(f"{where}: credentials were refused (401)", status=UPSTREAM_STATUS)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            meters.rate_limit_hits.labels(self.vendor, "vendor").inc()
            return ThrottledError(f"{where}: too many requests (429)", retry_after_s=self._retry_after_s(response))
        if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return RetryableError(f"{where}: failed with {status}", retry_after_s=self._retry_after_s(response))
        # The body is left out on purpose: it may name a guest.
        return PermanentError(f"{where}: refused with {status}", status=UPSTREAM_STATUS)

    def _retry_after_s(self, response: httpx2.Response) -> float | None:
        told = response.headers.get("Retry-After", "").strip()
        if told.isdecimal() and told.isascii():
            return float(told)
        until = _http_date(told)
        if until is None:
            return None
        # The other side's own clock, where it tells it: ours may differ.
        now = _http_date(response.headers.get("Date", "")) or self._runtime.clock()
        return max(0.0, (until - now).total_seconds())


def token_key(vendor: str, connection: str, client_id: str) -> str:
    """Name a cached token without writing the credential itself."""
    return f"{vendor}:{connection}:{hashlib.sha256(client_id.encode()).hexdigest()[:16]}"


def _told_wait(error: BaseException | None) -> float | None:
    return error.retry_after_s if isinstance(error, RetryableError) else None


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None
