"""A portfolio with a past in a real PostgreSQL, seeded once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bench import _panel_world as world
from python_nodes.config import Settings
from python_nodes.steps.services import Services
from python_nodes.store import migrate, viewers
from python_nodes.store.session import Database, engine_for
from python_nodes.wiring import build_services
from tests.conftest import MigratedDatabase

PASSWORD = "it's 100 % secret"
CONSOLE = "https://console.example"
LISTINGS, DAYS = 24, 100


@dataclass(frozen=True)
class Seeded:
    """Two tenants' portfolios in one database, and the way to each as a dashboard has it."""

    urls: MigratedDatabase
    admin_url: str
    services: Services
    tenants: tuple[int, int]
    listing_ids: list[int]
    foreign_listing_id: int

    @property
    def database(self) -> Database:
        """The application's own way to it."""
        return self.services.database

    def viewer_url(self, tenant_id: int) -> str:
        """The address by which the tenant's role logs in."""
        url = engine_for(self.urls.app_url).url.set(username=viewers.role_of(tenant_id), password=PASSWORD)
        return url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def seeded(pg_admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """Seed both tenants and make the roles of both."""
    owner_url, app_url = migrate.provision(pg_admin_url, "np_panels", "app-secret", "owner-secret")
    migrate.upgrade(owner_url)
    tenants = migrate.create_tenant(owner_url, "panels-a", "EUR"), migrate.create_tenant(owner_url, "panels-b", "USD")
    services = build_services(Settings(
        database_url=SecretStr(app_url), redis_url=SecretStr("redis://127.0.0.1:1"),
        raw_root=tmp_path_factory.mktemp("raw"), secret_key=SecretStr(Fernet.generate_key().decode()),
    ))  # fmt: skip
    ids = [world.seed(services.database, services.metrics, one, listings=LISTINGS, days=DAYS) for one in tenants]
    for name in ("panels-a", "panels-b"):
        viewers.create(pg_admin_url, owner_url, name, PASSWORD, CONSOLE)
    yield Seeded(MigratedDatabase(owner_url, app_url), pg_admin_url, services, tenants, ids[0], ids[1][0])
    services.database.dispose()
