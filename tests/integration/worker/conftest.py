"""A real worker over real HTTP, on a real PostgreSQL and a real Valkey."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Connection
from werkzeug.serving import make_server

from python_nodes.app import create_app
from python_nodes.config import Settings
from python_nodes.steps.services import Services
from python_nodes.store import apikeys, migrate
from python_nodes.store.session import engine_for

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
def worker_settings(pg_admin_url: str, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a worker on stores that only this module uses."""
    owner_url, app_url = migrate.provision(pg_admin_url, f"np_{uuid4().hex[:12]}", "app-secret", "owner-secret")
    migrate.upgrade(owner_url)
    tenant_id = migrate.create_tenant(owner_url, "tenant-a", "EUR")
    return Settings(
        database_url=SecretStr(app_url),
        owner_url=SecretStr(owner_url),
        redis_url=SecretStr(valkey_url),
        secret_key=SecretStr(Fernet.generate_key().decode()),
        raw_root=tmp_path_factory.mktemp("raw"),
        tenant_id=tenant_id,
        max_body_bytes=MAX_BODY_BYTES,
        retry_attempts=1,
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
def owner(worker_settings: Settings) -> Iterator[Connection]:
    """The schema's owner: may break, lock and mend what the worker stands on."""
    assert worker_settings.owner_url is not None
    engine = engine_for(worker_settings.owner_url.get_secret_value())
    with engine.connect() as conn:
        yield conn
    engine.dispose()


@pytest.fixture
def portfolio() -> dict[str, Any]:
    """Two listings of one property."""
    return {
        "currency": "EUR",
        "properties": [
            {"external_id": "1001", "name": "Harbour", "market": "lisbon", "country": "PT", "subdivision": None,
             "timezone": "Europe/Lisbon", "currency": "EUR", "priority": 0.5},
        ],
        "units": [
            {"external_id": f"unit-{n}", "property_external_id": "1001", "name": f"Room {n}", "unit_count": 4,
             "base_price_minor": 12000, "floor_price_minor": 8000}
            for n in (1, 2)
        ],
        "listings": [
            {"external_id": f"100{n}01", "unit_external_id": f"unit-{n}", "channel": "booking_com",
             "title": f"Harbour room {n}", "rate_plan_external_id": "standard"}
            for n in (1, 2)
        ],
    }  # fmt: skip
