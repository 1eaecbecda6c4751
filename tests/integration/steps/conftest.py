"""Services on a database of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from python_nodes import wiring
from python_nodes.config import Settings
from python_nodes.steps.services import Services
from tests.conftest import MigratedDatabase


@pytest.fixture
def services(database: MigratedDatabase, tenant_id: int, valkey_url: str, tmp_path: Path) -> Iterator[Services]:
    settings = Settings(
        database_url=SecretStr(database.app_url), redis_url=SecretStr(valkey_url),
        secret_key=SecretStr(Fernet.generate_key().decode()), raw_root=tmp_path, tenant_id=tenant_id,
    )  # fmt: skip
    built = wiring.build_services(settings)
    yield built
    built.database.dispose()
