"""Vendors' events over HTTP by each way that a connection can be set to, beside Expedia Group's (test_immediate)."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import text

from python_nodes.steps import webhook_work
from tests.integration.worker.test_import_queue import CHECKOUT, PATIENCE_S, environment

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

pytestmark = pytest.mark.usefixtures("queue_settings")
SECRET = "a-secret-of-more-than-thirty-two-characters"
READS = {"event": "type", "property": "hotel", "id": "id", "operations": {"closed": "health"}}
RAW = b'{"id": "%s", "type": "closed", "hotel": "1001"}'


@dataclass(frozen=True)
class BookingCom:
    """Connections to a Booking.com that says that the property is closed."""

    worker: Worker
    server: HTTPServer

    def connect(self, webhook: dict[str, Any] | None, **credentials: str) -> int:
        """Connect with a webhook's setting."""
        body = {
            "vendor": "booking_com", "name": uuid4().hex, "base_url": self.server.url_for("").rstrip("/"),
            "settings": {"rate_limits": {"*": "1000/second"}} | ({"webhook": webhook} if webhook else {}),
            "credentials": {"client_id": "c", "client_secret": "s", "webhook_secret": SECRET, **credentials},
        }  # fmt: skip
        answer = self.worker.post("/v1/connections", body)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["id"])

    def tell(
        self, connection_id: int, raw: bytes, headers: dict[str, str] | None = None, query: str = ""
    ) -> httpx2.Response:
        """Send an event without a key of ours."""
        url = f"{self.worker.url}/v1/webhooks/{connection_id}{query}"
        return httpx2.post(url, content=raw, headers=headers, timeout=60)

    def looked_into(self) -> dict[str, Any]:
        """Do as the job does."""
        return webhook_work.run(self.worker.services, self.worker.settings.tenant_id, datetime.now(UTC))


@pytest.fixture
def booking_com(worker: Worker, httpserver: HTTPServer, portfolio: dict[str, Any]) -> BookingCom:
    assert worker.post("/v1/portfolio", portfolio).is_success
    httpserver.expect_request("/token-based-authentication/exchange").respond_with_json({"jwt": "t", "ruid": "r"})
    told = {"property_id": "1001", "status": "closed", "status_changed_at": "2026-03-01T00:00:00Z", "rooms": []}
    httpserver.expect_request("/property-health-api/properties/health").respond_with_json(
        {"data": {"properties": [told]}}
    )
    return BookingCom(worker, httpserver)


@contextmanager
def celery_worker(worker: Worker, log: Path) -> Iterator[None]:
    """A real one, of what people wait for."""
    program = [sys.executable, "-m", "celery", "-A", "python_nodes.jobs", "worker", "--pool", "solo"]
    env = environment(worker) | {"NIGHTPORTER_WEBHOOK_NETWORKS": "127.0.0.1/32"}
    with log.open("wb") as out:
        process = subprocess.Popen([*program, "-Q", "default.critical"], env=env, cwd=CHECKOUT, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def comes(happened: Callable[[], bool]) -> bool:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.2)
    return happened()


def basic(told: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(told.encode()).decode()}


WAYS: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "basic": ({"proof": "basic"}, basic(SECRET), ""),
    "url_token": ({"proof": "url_token"}, {}, f"?token={SECRET}"),
    "header": ({"proof": "header", "name": "X-Vendor-Key"}, {"X-Vendor-Key": SECRET}, ""),
}


@pytest.mark.parametrize("name", WAYS)
def test_an_event_is_proved_read_and_looked_into_by_the_connections_setting(booking_com: BookingCom, name: str) -> None:
    setting, headers, query = WAYS[name]
    connection_id, raw = booking_com.connect({**setting, "reads": READS}), RAW % uuid4().hex.encode()
    assert booking_com.tell(connection_id, raw).status_code == 401
    assert booking_com.tell(connection_id, raw, {"Authorization": "Basic !"}, "?token=x").status_code == 401
    taken = booking_com.tell(connection_id, raw, headers, query)
    assert (taken.status_code, taken.json()) == (202, {"event": "closed", "status": "accepted"})
    assert booking_com.tell(connection_id, raw, headers, query).json() == taken.json()
    told = booking_com.looked_into()
    assert (told["events"], told["observed"]) == (1, 2)


def test_celery_looks_into_it(booking_com: BookingCom, tmp_path: Path) -> None:
    connection_id, raw = booking_com.connect({"proof": "basic", "reads": READS}), RAW % uuid4().hex.encode()
    assert booking_com.tell(connection_id, raw, basic(SECRET)).status_code == 202
    worker, log = booking_com.worker, tmp_path / "celery.log"
    with celery_worker(worker, log):
        looked = comes(lambda: not webhook_work.is_left(worker.services, worker.settings.tenant_id))
    assert looked, log.read_text()
    assert [request.path for request, _ in booking_com.server.log][-1].endswith("/health")


def test_booking_com_gets_its_token_and_sends_its_notifications_with_it(booking_com: BookingCom) -> None:
    connection_id = booking_com.connect(None, webhook_client_id="theirs")
    url = f"{booking_com.worker.url}/v1/connections/{connection_id}/token"
    form = {"grant_type": "client_credentials", "client_id": "theirs", "client_secret": SECRET}
    given = httpx2.post(url, data=form)
    assert given.status_code == 200, given.text
    told = {"metadata": {"uuid": uuid4().hex, "type": "PAYOUT_UPDATE", "payloadVersion": "1.0"}, "payload": {}}
    raw = json.dumps(told).encode()
    bearer = {"Authorization": f"Bearer {given.json()['jwt']}"}
    answer = booking_com.tell(connection_id, raw, bearer)
    assert (answer.status_code, answer.json()) == (202, {"event": "PAYOUT_UPDATE", "status": "ignored"})
    # Another connection's token is none of this one's.
    other = booking_com.connect(None, webhook_client_id="theirs", webhook_secret="another-secret-of-thirty-two-letters")
    assert booking_com.tell(other, raw, bearer).status_code == 401
    for wrong in ({"client_secret": "x"}, {"client_id": "x"}, {"client_id": ""}):
        assert httpx2.post(url, data=form | wrong).status_code == 401
    assert httpx2.post(url, data=form | {"grant_type": "password"}).status_code == 400
    assert httpx2.post(url, content=b"{}").status_code == 400


def test_a_token_is_kept_nowhere_though_it_is_asked_for_under_a_key(booking_com: BookingCom) -> None:
    connection_id = booking_com.connect(None, webhook_client_id="theirs")
    url = f"{booking_com.worker.url}/v1/connections/{connection_id}/token"
    form = {"grant_type": "client_credentials", "client_id": "theirs", "client_secret": SECRET}
    given = [httpx2.post(url, data=form, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [one.status_code for one in given] == [200, 200]
    with booking_com.worker.services.database.tenant(booking_com.worker.settings.tenant_id) as conn:
        kept = str(conn.execute(text("SELECT * FROM idempotency_keys")).all())
    assert not any(one.json()["jwt"] in kept for one in given)


def test_what_is_too_large_or_no_json_is_refused_and_nothing_is_kept(booking_com: BookingCom) -> None:
    connection_id = booking_com.connect({"proof": "basic", "reads": READS})
    assert booking_com.tell(connection_id, b"x" * 1_100_000, basic(SECRET)).status_code == 413
    for broken in (b"", b"<xml/>", b"[" * 50_000, b'{"type": "closed"}'):
        assert booking_com.tell(connection_id, broken, basic(SECRET)).status_code == 422
    assert booking_com.looked_into()["events"] == 0


def test_several_secrets_are_valid_while_one_takes_the_others_place(booking_com: BookingCom) -> None:
    connection_id = booking_com.connect({"proof": "basic", "reads": READS}, webhook_secret_next="user:next")
    for told in (SECRET, "user:next"):
        assert booking_com.tell(connection_id, RAW % uuid4().hex.encode(), basic(told)).status_code == 202


@pytest.mark.parametrize("webhook", [{"proof": "trust"}, {"proof": "basic", "reads": {"event": "x"}}, {}, "basic"])
def test_a_wrong_setting_is_refused_by_name(booking_com: BookingCom, webhook: Any) -> None:
    body = {
        "vendor": "booking_com", "name": "wrong", "base_url": "http://127.0.0.1:1", "settings": {"webhook": webhook},
        "credentials": {"client_id": "c", "client_secret": "s"},
    }  # fmt: skip
    refused = booking_com.worker.post("/v1/connections", body)
    assert (refused.status_code, refused.json()["field"]) == (422, "settings")
    assert "settings.webhook" in refused.json()["detail"]


def test_secrets_of_events_rest_nowhere_in_clear(booking_com: BookingCom) -> None:
    connection_id = booking_com.connect({"proof": "url_token", "reads": READS})
    assert booking_com.tell(connection_id, RAW % b"clear", query=f"?token={SECRET}").status_code == 202
    with booking_com.worker.services.database.tenant(booking_com.worker.settings.tenant_id) as conn:
        for table in ("connections", "idempotency_keys", "outbox", "raw_index"):
            assert SECRET not in str(conn.execute(text(f"SELECT * FROM {table}")).all())
