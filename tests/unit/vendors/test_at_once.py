"""Several things asked for at the same time: in order, within bounds, and nothing that came is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from python_nodes.errors import RetryableError
from python_nodes.vendors import at_once
from python_nodes.vendors.base import RawPayload


def payload(key: str) -> RawPayload:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return RawPayload(operation="ari", content=key.encode(), content_type="text/plain", fetched_at=at, key=key)


def test_what_comes_stands_in_the_order_of_what_was_asked() -> None:
    last_began = threading.Event()

    def work(number: int) -> Iterator[RawPayload]:
        if number == 2:
            last_began.set()
        # The first can only end once the last has begun: they must be on their way together.
        assert last_began.wait(timeout=5)
        yield payload(f"{number}a")
        yield payload(f"{number}b")

    told = at_once.ask(work, [0, 1, 2], workers=3)
    assert [one.key for one in told] == ["0a", "0b", "1a", "1b", "2a", "2b"]


def test_no_more_are_on_their_way_than_allowed() -> None:
    lock, under_way, most = threading.Lock(), 0, 0

    def work(number: int) -> Iterator[RawPayload]:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        threading.Event().wait(0.01)
        with lock:
            under_way -= 1
        yield payload(str(number))

    assert len(list(at_once.ask(work, range(12), workers=2))) == 12
    assert most <= 2


def test_what_came_before_a_failure_is_given_and_what_waits_is_not_asked_for() -> None:
    asked: list[int] = []

    def work(number: int) -> Iterator[RawPayload]:
        asked.append(number)
        yield payload(f"{number}a")
        if number == 1:
            raise RetryableError("down")
        yield payload(f"{number}b")

    came: list[RawPayload] = []
    with pytest.raises(RetryableError, match="down"):
        came.extend(at_once.ask(work, range(50), workers=1))
    assert [one.key for one in came] == ["0a", "0b", "1a"]
    assert asked == [0, 1]


def test_what_was_under_way_beside_a_failure_is_given_too() -> None:
    together = threading.Barrier(2, timeout=5)

    def work(number: int) -> Iterator[RawPayload]:
        together.wait()
        if number == 0:
            raise RetryableError("down")
        # Still under way when the failure is known.
        threading.Event().wait(0.2)
        yield payload("1a")

    came: list[RawPayload] = []
    with pytest.raises(RetryableError, match="down"):
        came.extend(at_once.ask(work, [0, 1], workers=2))
    assert [one.key for one in came] == ["1a"]


def test_a_thread_logs_under_the_run_s_id() -> None:
    def work(_: int) -> Iterator[RawPayload]:
        yield payload(str(structlog.contextvars.get_contextvars().get("run_id")))

    with structlog.contextvars.bound_contextvars(run_id="r7"):
        assert [one.key for one in at_once.ask(work, [0, 1], workers=2)] == ["r7", "r7"]
