"""The folder in which the processes of a service keep what they count, so that any of them can tell it all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The client library's own; set before a process starts."""
# The library does not type it.
_mark_dead: Callable[[int], None] = mark_process_dead


def own() -> Path | None:
    """This service's folder, made where it is missing; None where a process counts for itself alone."""
    told = os.environ.get(VARIABLE)
    if not told:
        return None
    folder = Path(told)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def empty() -> None:
    """Remove what processes of an earlier start left; for a service's main process, before it forks."""
    folder = own()
    for file in folder.glob("*.db") if folder is not None else ():
        # What this process has opened already is its own.
        if not file.stem.endswith(f"_{os.getpid()}"):
            file.unlink(missing_ok=True)


def ended(pid: int) -> None:
    """Forget the gauges of a process that is no more; what it counted stays counted."""
    if own() is not None:
        _mark_dead(pid)
