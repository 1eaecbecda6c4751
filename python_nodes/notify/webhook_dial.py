"""The way out to subscribers: dials the checked address only, follows nothing, reads little, and ends in time."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import httpcore2
import httpx2

from python_nodes.errors import RetryableError
from python_nodes.notify.webhook_guard import Guard, Place


@cache
def trusted() -> ssl.SSLContext:
    """The usual authorities, read once a process."""
    return httpx2.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a subscriber answered: its status, and how long it wants to be left alone, if it said so."""

    status: int
    retry_after_s: float | None

    @property
    def is_taken(self) -> bool:
        """Tell whether it says that it has the message."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class _Timed(httpcore2.NetworkStream):
    """A stream with one deadline for all of it: time-outs of single reads let a drip of bytes last for days."""

    def __init__(self, stream: httpcore2.NetworkStream, ends: float) -> None:
        self._stream, self._ends = stream, ends

    def _left(self, timeout: float | None) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the whole took too long")
        return left if timeout is None else min(left, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._left(timeout)), self._ends)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Pinned(httpcore2.NetworkBackend):
    """Dials addresses that were looked at, whatever name is asked for; the name stays what TLS and Host go by."""

    def __init__(self, addresses: list[str], ends: float) -> None:
        self._addresses, self._ends, self._plain = addresses, ends, httpcore2.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:  # fmt: skip
        failed: Exception = httpcore2.ConnectError("no address")
        for address in self._addresses:
            left = self._ends - time.monotonic()
            if left <= 0:
                raise httpcore2.ConnectTimeout("the whole took too long")
            try:
                tried = left if timeout is None else min(left, timeout)
                return _Timed(self._plain.connect_tcp(address, port, tried), self._ends)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed


def post(
    guard: Guard, place: Place, body: bytes, headers: Mapping[str, str], timeout_s: float,
    context: ssl.SSLContext | None = None,
) -> Answer:  # fmt: skip
    """Send once; raises PermanentError where it may not go there, RetryableError where no answer came."""
    ends = time.monotonic() + timeout_s
    backend = _Pinned(guard.addresses(place), ends)
    url = httpcore2.URL(
        scheme=place.scheme.encode(), host=place.host.encode(), port=place.port, target=place.target.encode()
    )
    told = [(b"Host", _host_header(place)), *((name.encode(), value.encode()) for name, value in headers.items())]
    limits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)}
    try:
        with (
            httpcore2.ConnectionPool(ssl_context=context or trusted(), network_backend=backend) as pool,
            pool.stream("POST", url, headers=told, content=body, extensions=limits) as answer,
        ):
            return Answer(status=answer.status, retry_after_s=_retry_after_s(answer.headers))
    except httpcore2.TimeoutException as error:
        raise RetryableError(f"no answer within {timeout_s:g} s ({type(error).__name__})") from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError, OSError) as error:
        raise RetryableError(f"connection failed ({type(error).__name__})") from None


def _host_header(place: Place) -> bytes:
    usual = 443 if place.scheme == "https" else 80
    host = f"[{place.host}]" if ":" in place.host else place.host
    return (host if place.port == usual else f"{host}:{place.port}").encode()


def _retry_after_s(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    told = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    return float(told) if told.isdigit() and len(told) < 8 else None
