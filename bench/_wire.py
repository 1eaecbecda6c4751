"""A load of prepared HTTP requests on kept connections, each sent when it is due, whatever became of those before it.

The client must not be what is measured: on the machine that also computes the answers, a general HTTP client takes as
long for a request as the worker does. What goes over the wire is the same: HTTP/1.1 with its headers, read to the end.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TRIES = 3
_END = b"\r\n\r\n"
_Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Load:
    """Milliseconds from when each request was due to its whole answer, in order; how often each status came."""

    taken_ms: list[float]
    statuses: Counter[int]


def post(port: int, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    """Write one request out."""
    content = json.dumps(body).encode()
    told = {
        "Host": f"127.0.0.1:{port}", "Content-Type": "application/json", "Content-Length": str(len(content)), **headers,
    }  # fmt: skip
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + content


async def send(port: int, requests: Sequence[bytes], rate: float, connections: int) -> Load:
    """Send each at its moment, ``rate`` a second, over so many connections, each in its turn."""
    free: asyncio.Queue[_Pipe] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    began, taken, statuses = time.perf_counter() + 0.1, [0.0] * len(requests), Counter[int]()

    async def one(at: int) -> None:
        pipe = await free.get()
        try:
            status, pipe = await _asked(port, pipe, requests[at])
        finally:
            free.put_nowait(pipe)
        taken[at] = 1000 * (time.perf_counter() - began - at / rate)
        statuses[status] += 1

    async with asyncio.TaskGroup() as under_way:
        for at in range(len(requests)):
            await asyncio.sleep(max(0.0, began + at / rate - time.perf_counter()))
            under_way.create_task(one(at))
    while not free.empty():
        free.get_nowait()[1].close()
    return Load(taken, statuses)


async def _asked(port: int, pipe: _Pipe, request: bytes) -> tuple[int, _Pipe]:
    """Ask, and ask again where a kept connection was closed as it was used: a request's key makes it the same one."""
    for left in reversed(range(TRIES)):
        try:
            return await _answer(pipe, request), pipe
        except (asyncio.IncompleteReadError, ConnectionError):
            pipe[1].close()
            pipe = await asyncio.open_connection("127.0.0.1", port)
            if left == 0:
                raise
    raise AssertionError("never reached: the last try raises")


async def _answer(pipe: _Pipe, request: bytes) -> int:
    reader, writer = pipe
    writer.write(request)
    head = await reader.readuntil(_END)
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:")
    await reader.readexactly(length)
    return int(head[9:12])
