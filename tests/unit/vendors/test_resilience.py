"""Limiter, breaker and tokens on a real server, shared by two runtimes as by two processes."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import limits
import pytest
import redis
from cryptography.fernet import Fernet

from python_nodes.errors import ConfigError, PermanentError, RetryableError
from python_nodes.vendors import alone
from python_nodes.vendors.base import CircuitOpenError, Runtime, ThrottledError
from python_nodes.vendors.resilience import REMEMBERED_S, RedisTokenCache, build_runtime

FERNET_KEY = Fernet.generate_key().decode()
NOWHERE = "redis://127.0.0.1:1/0"


def _runtime(url: str, connection: str, **settings: float) -> Runtime:
    return build_runtime(
        url, fernet_key=FERNET_KEY, vendor="v", connection=connection, clock=lambda: datetime.now(UTC),
        sleep=lambda _: None, breaker_open_s=settings.get("open_s", 60.0), limit_max_wait_s=settings.get("wait_s", 0.0),
    )  # fmt: skip


@pytest.fixture
def connection() -> str:
    return uuid.uuid4().hex


def test_limit_is_shared_and_lives_on_the_server(valkey_url: str, connection: str) -> None:
    one, other = _runtime(valkey_url, connection), _runtime(valkey_url, connection)
    one.limiter.acquire(connection, "2/minute")
    other.limiter.acquire(connection, "2/minute")
    with pytest.raises(ThrottledError) as caught:
        one.limiter.acquire(connection, "2/minute")
    assert caught.value.retry_after_s is not None
    assert 50 < caught.value.retry_after_s <= 60
    assert list(redis.Redis.from_url(valkey_url).scan_iter(f"*{connection}*"))


def _fail() -> None:
    raise RetryableError("down")


def _refuse() -> None:
    raise PermanentError("no")


def test_five_failures_open_it_for_all(valkey_url: str, connection: str) -> None:
    one, other = _runtime(valkey_url, connection), _runtime(valkey_url, connection)
    for _ in range(5):
        with pytest.raises(RetryableError, match="down"):
            one.breaker.call(_fail)
    with pytest.raises(CircuitOpenError):
        other.breaker.call(lambda: pytest.fail("must not be sent"))
    assert _runtime(valkey_url, connection + "x").breaker.call(lambda: 1) == 1, "another connection is untouched"


def test_two_successes_close_it_again(valkey_url: str, connection: str) -> None:
    runtime = _runtime(valkey_url, connection, open_s=0.0)
    states = redis.Redis.from_url(valkey_url)

    def state() -> object:
        return states.get(f"nightporter:v:{connection}:pybreaker:state")

    for _ in range(5):
        with pytest.raises(RetryableError):
            runtime.breaker.call(_fail)
    assert state() == b"open"
    runtime.breaker.call(lambda: 1)
    assert state() == b"half-open"
    runtime.breaker.call(lambda: 1)
    assert state() == b"closed"


def test_what_goes_well_asks_the_server_but_now_and_then(valkey_url: str, connection: str) -> None:
    runtime, server = _runtime(valkey_url, connection), redis.Redis.from_url(valkey_url)
    runtime.breaker.call(lambda: 1)
    before = _commands(server)
    assert [runtime.breaker.call(lambda: 1) for _ in range(200)] == [1] * 200
    assert _commands(server) - before < 100, "pybreaker itself asks twice a call"


def test_one_that_knew_it_closed_learns_that_another_opened_it(valkey_url: str, connection: str) -> None:
    one, other = _runtime(valkey_url, connection), _runtime(valkey_url, connection)
    assert other.breaker.call(lambda: 1) == 1
    for _ in range(5):
        with pytest.raises(RetryableError, match="down"):
            one.breaker.call(_fail)
    time.sleep(REMEMBERED_S)
    with pytest.raises(CircuitOpenError):
        other.breaker.call(lambda: pytest.fail("must not be sent"))


def test_a_success_anywhere_clears_the_failures_of_all(valkey_url: str, connection: str) -> None:
    one, other = _runtime(valkey_url, connection), _runtime(valkey_url, connection)
    assert other.breaker.call(lambda: 1) == 1
    for _ in range(2):
        for _ in range(4):
            with pytest.raises(RetryableError, match="down"):
                one.breaker.call(_fail)
        time.sleep(REMEMBERED_S)
        assert other.breaker.call(lambda: 1) == 1


def _commands(server: redis.Redis) -> int:
    return int(server.info("stats")["total_commands_processed"])


def test_calls_of_one_runtime_go_through_together(valkey_url: str, connection: str) -> None:
    together, runtime = threading.Barrier(3, timeout=5), _runtime(valkey_url, connection)
    with ThreadPoolExecutor(max_workers=3) as pool:
        # The barrier breaks unless all three are inside at the same time.
        assert all(done.result() is not None for done in [
            pool.submit(runtime.breaker.call, together.wait) for _ in range(3)
        ])  # fmt: skip


def test_failures_of_several_threads_open_it_together(valkey_url: str, connection: str) -> None:
    runtime = _runtime(valkey_url, connection)
    with ThreadPoolExecutor(max_workers=5) as pool:
        ready = threading.Barrier(5, timeout=5)

        def fail() -> None:
            ready.wait()
            with pytest.raises(RetryableError):
                runtime.breaker.call(_fail)

        for done in [pool.submit(fail) for _ in range(5)]:
            done.result()
    with pytest.raises(CircuitOpenError):
        runtime.breaker.call(lambda: pytest.fail("must not be sent"))


def test_refusals_do_not_open_it(valkey_url: str, connection: str) -> None:
    runtime = _runtime(valkey_url, connection)
    for _ in range(10):
        with pytest.raises(PermanentError):
            runtime.breaker.call(_refuse)
    assert runtime.breaker.call(lambda: 1) == 1


def test_token_is_shared_and_forgotten(valkey_url: str, connection: str) -> None:
    one, other = _runtime(valkey_url, connection), _runtime(valkey_url, connection)
    one.token_cache.set(connection, "t", 60)
    assert other.token_cache.get(connection) == "t"
    other.token_cache.set(connection, None, 0)
    assert one.token_cache.get(connection) is None


def test_a_token_rests_encrypted_and_another_key_reads_none(valkey_url: str, connection: str) -> None:
    _runtime(valkey_url, connection).token_cache.set(connection, "eyJhbGciOi.jwt", 60)
    server = redis.Redis.from_url(valkey_url)
    (name,) = server.scan_iter(f"nightporter:token:*{connection}*")
    kept = server.get(name)
    assert isinstance(kept, bytes)
    assert b"jwt" not in kept
    assert 0 < server.ttl(name) <= 60
    stranger = RedisTokenCache(server, Fernet.generate_key().decode())
    assert stranger.get(connection) is None


def test_without_the_server_a_process_takes_a_strict_share_and_goes_on(connection: str) -> None:
    runtime = _runtime(NOWHERE, connection)
    for _ in range(2):
        runtime.limiter.acquire(connection, "16/minute")
    with pytest.raises(ThrottledError) as caught:
        runtime.limiter.acquire(connection, "16/minute")
    assert caught.value.retry_after_s is not None
    assert 50 < caught.value.retry_after_s <= 60
    assert runtime.breaker.call(lambda: 1) == 1


def test_without_the_server_breakers_and_tokens_are_the_processs_own(connection: str) -> None:
    one, other = _runtime(NOWHERE, connection), _runtime(NOWHERE, connection)
    for _ in range(5):
        with pytest.raises(RetryableError, match="down"):
            one.breaker.call(_fail)
    with pytest.raises(CircuitOpenError):
        other.breaker.call(lambda: pytest.fail("must not be sent"))
    one.token_cache.set(f"v:{connection}", "jwt", 60.0)
    assert other.token_cache.get(f"v:{connection}") == "jwt"
    one.token_cache.set(f"v:{connection}", None, 0.0)
    assert other.token_cache.get(f"v:{connection}") is None


def test_what_all_must_do_once_waits_for_the_server(connection: str) -> None:
    runtime = _runtime(NOWHERE, connection)
    with (
        pytest.raises(RetryableError, match="valkey: the shared lock cannot be reached"),
        runtime.locks.hold(connection, held_s=1.0, wait_s=0.1),
    ):
        pytest.fail("must not be held")


@pytest.mark.parametrize(
    ("rate", "share"),
    [
        ("500/second", "62/1 second"), ("8/second", "1/1 second"), ("7/second", "1/2 second"),
        ("1/20 second", "1/160 second"), ("30/hour", "3/1 hour"),
    ],
)  # fmt: skip
def test_a_share_is_never_more_than_its_part_of_the_rate(rate: str, share: str) -> None:
    assert alone.share_of(rate) == share
    part, whole = limits.parse(share), limits.parse(rate)
    assert alone.SHARE * part.amount / part.get_expiry() <= whole.amount / whole.get_expiry()


def test_other_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="redis_url"):
        _runtime("memory://", "c")
