"""Clocks that are wrong: libfaketime before a process that is started.

A clock that jumps under a running process cannot be had here: libfaketime 0.9.10 jumps the monotonic clock with it,
which no real jump does, and sleeps fail where it is told not to. So a process is started again on the wrong clock.
"""

from __future__ import annotations

from pathlib import Path

from chaos.cache import cache_dir

LIBRARY = "libfaketimeMT.so.1"


def library() -> Path | None:
    """libfaketime, where `make chaos` could unpack it."""
    found = sorted((cache_dir() / "libfaketime-0.9.10").rglob(LIBRARY))
    return found[0] if found else None


def off_by(seconds: int) -> dict[str, str]:
    """What lets a process that is started believe that it is so much later, or earlier."""
    if not seconds:
        return {}
    return {"LD_PRELOAD": str(library()), "FAKETIME": f"{seconds:+d}s"}
