"""A message whose lock is lost while it is under way: nobody sends it again before it must have arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
import tenacity
from flask import request
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from python_nodes.errors import RetryableError
from python_nodes.steps import alert_route, delivery_send
from python_nodes.store import deliveries
from tests.integration.worker.told import CHANNEL, NOON, Case, telling

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

POST, UPLOAD = "chat.postMessage", "files.getUploadURLExternal"
SOON_S = 20.0
LOCKS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Door:
    """Slack's door: keeps the first request to one method outside until it is opened."""

    def __init__(self) -> None:
        self.method = ""
        self.came, self.opened = Event(), Event()

    def __call__(self) -> None:
        """Called with each request before Slack's counterpart looks at it."""
        if request.path.rsplit("/", 1)[1] == self.method and not self.came.is_set():
            self.came.set()
            assert self.opened.wait(SOON_S), "nobody opened"


class Way:
    """One message to Slack that two may want to send."""

    def __init__(self, case: Case, door: Door) -> None:
        self.case, self._door = case, door
        self.alert_id = case.alert(is_told=False)
        (one,) = alert_route.run(case.services, case.tenant_id, self.alert_id, NOON)["send"]
        self.delivery_id: int = one["delivery_id"]

    def send(self) -> dict[str, Any]:
        """Send as a request does."""
        return delivery_send.run(self.case.services, self.case.tenant_id, self.delivery_id, NOON)

    @contextmanager
    def kept_outside(self, method: str) -> Iterator[Future[dict[str, Any]]]:
        """Send while the request to this method is kept outside, and let the database forget who holds the message."""
        self._door.method = method
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(self.send)
            try:
                assert self._door.came.wait(SOON_S), "no such request came"
                with self.case.conn() as conn:
                    assert conn.execute(LOCKS).all(), "somebody held the message"
                yield first
            finally:
                self._door.opened.set()

    def stored(self) -> deliveries.Delivery:
        """Return what the database knows of it."""
        with self.case.conn() as conn:
            return deliveries.get(conn, self.delivery_id)

    def seen(self) -> list[str]:
        """Return what people see of it in Slack."""
        return [message.ts for message in self.case.messages(self.alert_id)]


@tenacity.retry(
    retry=tenacity.retry_if_not_result(bool), stop=tenacity.stop_after_delay(SOON_S), wait=tenacity.wait_fixed(0.05),
    retry_error_callback=lambda state: state.outcome and state.outcome.result(),
)  # fmt: skip
def until(holds: Callable[[], object]) -> object:
    return holds()


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def way(worker: Worker, tmp_path: Path, door: Door) -> Iterator[Way]:
    with telling(worker, tmp_path, door) as case:
        yield Way(case, door)


def test_what_is_on_its_way_is_waited_for_though_its_lock_is_lost(way: Way) -> None:
    with way.kept_outside(POST) as first:
        with pytest.raises(RetryableError, match="may still arrive") as refused:
            way.send()
        assert 0 < (refused.value.retry_after_s or 0) <= 40
        assert (way.stored().status, way.stored().attempts, way.seen()) == ("sending", 1, [])
    with pytest.raises(OperationalError):
        first.result(SOON_S)  # its lock's connection is gone; what it did is not
    (ts,) = way.seen()
    assert (way.stored().status, way.stored().provider_ref) == ("sent", way.send()["provider_ref"])
    assert str(way.stored().provider_ref).startswith(f"{CHANNEL}:{ts}")
    assert len(way.seen()) == 1


def test_who_was_overtaken_before_it_left_sends_nothing(way: Way) -> None:
    with way.kept_outside(UPLOAD) as first:
        assert way.send()["status"] == "sent", "nothing had left: there was nothing to wait for"
    with pytest.raises((RetryableError, OperationalError)):
        first.result(SOON_S)
    assert len(way.seen()) == 1
    assert (way.stored().status, way.stored().attempts, way.stored().error) == ("sent", 2, None)


def test_what_arrives_after_its_sender_gave_it_up_arrives_once(worker: Worker, tmp_path: Path, door: Door) -> None:
    with telling(worker, tmp_path, door, timeout_s=1) as case:
        way = Way(case, door)
        door.method = POST
        with pytest.raises(RetryableError, match="slack: ") as lost:
            way.send()
        assert not lost.value.is_answered
        assert (way.stored().status, way.seen()) == ("failed", [])
        with pytest.raises(RetryableError, match="may still arrive"):
            way.send()
        door.opened.set()
        assert until(way.seen), "it never arrived"
        later = text("UPDATE deliveries SET arrives_by_at = clock_timestamp() WHERE id = :id")
        with case.conn() as conn:
            conn.execute(later, {"id": way.delivery_id})
        assert way.send()["status"] == "sent"
        assert len(way.seen()) == 1, "found, not sent again"
        assert way.stored().attempts == 2


def test_a_clock_set_back_holds_nothing_up_for_long(way: Way) -> None:
    ahead = text("UPDATE deliveries SET arrives_by_at = clock_timestamp() + interval '2 hours' WHERE id = :id")
    with way.case.conn() as conn:
        conn.execute(ahead, {"id": way.delivery_id})
    assert way.send()["status"] == "sent"
    assert len(way.seen()) == 1
