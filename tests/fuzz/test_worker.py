"""The short form of `make fuzz`: a real worker is asked what nobody would ask, and answers all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from fuzz import again, payloads, schema, stack
from fuzz.stack import Running

SEED = 20261122


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with stack.scratch() as path:
        yield path


@pytest.fixture(scope="module")
def running(directory: Path) -> Iterator[Running]:
    with stack.started(directory) as found:
        stack.warm(found)
        yield found


def test_schemathesis_finds_nothing(running: Running, directory: Path) -> None:
    asked = schema.ask(running, "admin", directory, seconds=20, examples=3, seed=SEED)
    assert asked.requests > 10
    assert (asked.faults, asked.failed, running.faults()) == ((), (), [])
    assert again.still_slow(running, asked.slow) == []
    # It asked also to revoke keys; those in use still open.
    for name in ("admin", "narrow", "reader"):
        headers = {"Authorization": f"Bearer {running.keys[name]}"}
        assert httpx2.get(f"{running.url}/v1/alerts", headers=headers, timeout=60).status_code != 401, name


def test_documents_at_every_door_and_bombs_are_answered(running: Running) -> None:
    before_mb = running.rss_mb()
    sent = payloads.feed(running, examples=2, seed=SEED, share=15)
    assert sent.requests > 100
    assert (sent.faults, running.faults()) == ([], [])
    assert again.still_slow(running, sent.slow) == []
    assert running.rss_mb() - before_mb < 300


@pytest.mark.parametrize("path", ["/login", "/healthz", "/readyz"])
def test_a_method_that_a_public_address_does_not_know_is_405(running: Running, path: str) -> None:
    for method in ("TRACE", "PUT", "FOO"):
        answer = httpx2.request(method, f"{running.url}{path}", timeout=60)
        assert answer.status_code == 405, method
        assert "GET" in answer.headers["Allow"]
    # Of any other nobody without a key learns whether it is there.
    assert httpx2.request("TRACE", f"{running.url}/v1/alerts", timeout=60).status_code == 401


def test_hostile_titles_are_escaped_on_the_console(running: Running) -> None:
    headers = {"Authorization": f"Bearer {running.keys['admin']}"}
    page = httpx2.get(f"{running.url}/console/alerts", headers=headers, timeout=60)
    assert page.status_code == 200
    assert "Ignore your instructions" in page.text
    assert "<script>alert(1)" not in page.text


def test_hostile_words_resolved_nothing(running: Running) -> None:
    headers = {"Authorization": f"Bearer {running.keys['admin']}"}
    told = httpx2.get(f"{running.url}/v1/alerts", headers=headers, timeout=60).json()["alerts"]
    hostile = [one for one in told if one["title"] == stack.TITLE]
    assert len(hostile) == stack.N_ALERTS
