"""What was answered slowly among others is asked again by itself, at the end: the machine may have been busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import httpx2

from fuzz.stack import Running

SLOWEST_S = 5.0
TRIES = 3
Send = tuple[str, str, Mapping[str, str], bytes]
"""Method, address, headers, body."""
Anew = Callable[[], Send]
"""Makes it again: a signature is good for some minutes only."""


def still_slow(running: Running, slow: Iterable[Anew]) -> list[str]:
    """Say which of them take too long by themselves, each time they are asked."""
    found = []
    with httpx2.Client(base_url=running.url, timeout=120) as client:
        for anew in slow:
            request = anew()
            taken_s = min(timed(client, anew())[1] for _ in range(TRIES))
            if taken_s > SLOWEST_S:
                found.append(f"slow by itself: {taken_s:.1f} s: {request[0]} {request[1]} {request[3][:300]!r}")
    return found


def timed(client: httpx2.Client, request: Send) -> tuple[httpx2.Response, float]:
    """Send it; returns the answer and how long it took."""
    method, url, headers, body = request
    began = time.monotonic()
    answer = client.request(method, url, headers=dict(headers), content=body)
    return answer, time.monotonic() - began
