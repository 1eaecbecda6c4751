"""A renewal that nobody ended is asked for again by the minute's question, over a real worker and a real Celery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from pytest_httpserver import HTTPServer

from python_nodes.steps import access_settle
from python_nodes.store import connections
from tests.integration.worker.test_vendor_events import celery_worker, comes

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

pytestmark = pytest.mark.usefixtures("queue_settings")


def test_the_minutes_question_has_it_asked_for_again(worker: Worker, httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/oauth2/token").respond_with_json(
        {"access_token": "a", "refresh_token": "newer", "expires_in": 3600}
    )
    wanted = {
        "vendor": "airbnb", "name": uuid4().hex, "base_url": httpserver.url_for("").rstrip("/"),
        "credentials": {"client_id": "c", "client_secret": "s", "refresh_token": "older"},
    }  # fmt: skip
    answer = worker.post("/v1/connections", wanted)
    assert answer.status_code == 200, answer.text
    connection_id, tenant_id = int(answer.json()["id"]), worker.settings.tenant_id
    with worker.services.database.tenant(tenant_id) as conn:
        connections.renewing(conn, connection_id, worker.services.clock())
    log = tmp_path / "celery.log"
    with celery_worker(worker, log):
        assert worker.post("/v1/escalations/due").status_code == 200
        settled = comes(lambda: not access_settle.is_left(worker.services, tenant_id))
    assert settled, log.read_text()
    with worker.services.database.tenant(tenant_id) as conn:
        held = connections.get(conn, connection_id, worker.services.fernet_key).credentials
    assert held["refresh_token"] == "newer"
    assert [request.form["refresh_token"] for request, _ in httpserver.log] == ["older"]
