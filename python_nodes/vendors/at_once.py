"""Asks for several independent things at the same time; how many is the caller's to say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from python_nodes.vendors.base import RawPayload

T = TypeVar("T")


def ask(work: Callable[[T], Iterable[RawPayload]], items: Sequence[T], workers: int) -> Iterator[RawPayload]:
    """What each item brings, in the items' order; what came before or beside a failure is given before it is raised."""
    came: list[list[RawPayload]] = [[] for _ in items]
    failed = threading.Event()

    def bring(number: int) -> None:
        if failed.is_set():
            return
        try:
            # Piece by piece, so that what came is there when the next piece fails.
            for payload in work(items[number]):
                came[number].append(payload)
        except Exception:
            # Whatever it was, nothing more is asked for; it is raised again, and `ask` raises the first of all.
            failed.set()
            raise

    failure: Exception | None = None
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(items)))) as pool:
        # A thread begins without the context; with it, its log lines carry the run's id.
        asked = [pool.submit(copy_context().run, bring, number) for number in range(len(items))]
        try:
            for number, done in enumerate(asked):
                found = _failure(done)
                failure = failure or found
                yield from came[number]
                came[number].clear()
        finally:
            for waiting in asked:
                waiting.cancel()
    if failure is not None:
        raise failure


def _failure(done: Future[None]) -> Exception | None:
    try:
        done.result()
    except Exception as error:
        return error
    return None
