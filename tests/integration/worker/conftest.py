"""A real worker over real HTTP, on a real PostgreSQL and a real Valkey."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Connection
from werkzeug.serving import make_server

from python_nodes import config
from python_nodes.app import create_app
from python_nodes.config import Settings
from python_nodes.steps.services import Services
from python_nodes.store import apikeys, migrate
from python_nodes.store.session import engine_for

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

MAX_BODY_BYTES = 200_000
AS_OF = "2026-03-02T12:00:00Z"


@dataclass(frozen=True)
class Worker:
    """A running worker, a client with every scope, and what it was built with."""

    url: str
    client: httpx2.Client
    settings: Settings
    services: Services

    def key(self, *scopes: str) -> str:
        """Create a key of the tenant."""
        with self.services.database.tenant(self.settings.tenant_id) as conn:
            return apikeys.create(conn, "test", scopes, created_at=datetime.now(UTC))

    def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """POST as of the usual moment where the body says none."""
        return self.client.post(path, json=body if body is not None else {"as_of": AS_OF}, headers=headers)


@pytest.fixture(scope="module")
def worker_settings(
    new_database: NewDatabase, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings of a worker on stores that only this module uses."""
    with new_database() as made:
        yield Settings(
            database_url=SecretStr(made.app_url),
            owner_url=SecretStr(made.owner_url),
            redis_url=SecretStr(valkey_url),
            secret_key=SecretStr(Fernet.generate_key().decode()),
            raw_root=tmp_path_factory.mktemp("raw"),
            tenant_id=migrate.create_tenant(made.owner_url, "tenant-a", "EUR"),
            max_body_bytes=MAX_BODY_BYTES,
            retry_attempts=1,
            webhook_networks="127.0.0.1/32",
            email_to="ops@example.com",
        )


@pytest.fixture(scope="module")
def worker(worker_settings: Settings) -> Iterator[Worker]:
    """Start the worker and stop it."""
    app = create_app(worker_settings)
    services: Services = app.extensions["nightporter"]
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with services.database.tenant(worker_settings.tenant_id) as conn:
        key = apikeys.create(conn, "all", ["admin"], created_at=datetime.now(UTC))
    url = f"http://127.0.0.1:{server.server_port}"
    client = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
    try:
        yield Worker(url=url, client=client, settings=worker_settings, services=services)
    finally:
        client.close()
        server.shutdown()
        thread.join(timeout=10)
        services.database.dispose()


@pytest.fixture
def queue_settings(worker_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Celery's own settings come from the environment, also in the process of the test."""
    for name in ("database_url", "redis_url", "secret_key"):
        monkeypatch.setenv(f"NIGHTPORTER_{name.upper()}", getattr(worker_settings, name).get_secret_value())
    monkeypatch.setenv("NIGHTPORTER_RAW_ROOT", str(worker_settings.raw_root))
    config.settings.cache_clear()
    yield
    config.settings.cache_clear()


@pytest.fixture
def owner(worker_settings: Settings) -> Iterator[Connection]:
    """The schema's owner: may break, lock and mend what the worker stands on."""
    assert worker_settings.owner_url is not None
    engine = engine_for(worker_settings.owner_url.get_secret_value())
    with engine.connect() as conn:
        yield conn
    engine.dispose()


def harbour(rooms: Sequence[int] = (1, 2), unit_count: int = 4) -> dict[str, Any]:
    """Return a portfolio of one property, a listing a room: ``100101`` is room 1."""
    return {
        "currency": "EUR",
        "properties": [
            {"external_id": "1001", "name": "Harbour", "market": "lisbon", "country": "PT", "subdivision": None,
             "timezone": "Europe/Lisbon", "currency": "EUR", "priority": 0.5},
        ],
        "units": [
            {"external_id": f"unit-{n}", "property_external_id": "1001", "name": f"Room {n}", "unit_count": unit_count,
             "base_price_minor": 12000, "floor_price_minor": 8000}
            for n in rooms
        ],
        "listings": [
            {"external_id": f"100{n}01", "unit_external_id": f"unit-{n}", "channel": "booking_com",
             "title": f"Harbour room {n}", "rate_plan_external_id": "standard"}
            for n in rooms
        ],
    }  # fmt: skip


@pytest.fixture
def portfolio() -> dict[str, Any]:
    """Two listings of one property."""
    return harbour()
