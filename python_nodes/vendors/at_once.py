"""Asks for several independent things at the same time; how many is the caller's to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from python_nodes.vendors.base import RawPayload

T = TypeVar("T")


def ask(work: Callable[[T], Iterable[RawPayload]], items: Sequence[T], workers: int) -> Iterator[RawPayload]:
    """What each item brings, in the items' order; what came before or beside a failure is given before it is raised."""
    came: list[list[RawPayload]] = [[] for _ in items]

    def bring(number: int) -> None:
        # Piece by piece, so that what came is there when the next piece fails.
        came[number].extend(work(items[number]))

    failure: Exception | None = None
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(items)))) as pool:
        # A thread begins without the context; with it, its log lines carry the run's id.
        asked = [pool.submit(copy_context().run, bring, number) for number in range(len(items))]
        try:
            for number, done in enumerate(asked):
                try:
                    done.result()
                except CancelledError:
                    continue
                except Exception as error:
                    failure = failure or error
                    for waiting in asked:
                        waiting.cancel()
                yield from came[number]
                came[number].clear()
        finally:
            for waiting in asked:
                waiting.cancel()
    if failure is not None:
        raise failure
