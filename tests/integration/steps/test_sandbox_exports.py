"""What the sandbox leaves for download is read whole by the sources that `up` saves for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from python_nodes import wiring
from python_nodes.config import Settings
from python_nodes.domain.imports import ImportSource
from python_nodes.endpoints.portfolio import PortfolioBody
from python_nodes.local import downloads
from python_nodes.steps import import_admin, import_folder, portfolio_import
from python_nodes.steps.services import Imports, Services
from python_nodes.store import portfolio
from sandbox import exports
from sandbox.world import DEFAULT_SCENARIO, DEFAULT_T0, build_world

if TYPE_CHECKING:
    from tests.conftest import MigratedDatabase

LISTINGS, DAYS = 40, 40
AS_OF = datetime.combine(DEFAULT_T0, time(12), tzinfo=UTC)


@pytest.fixture
def services(database: MigratedDatabase, tenant_id: int, valkey_url: str, tmp_path: Path) -> Iterator[Services]:
    settings = Settings(
        database_url=SecretStr(database.app_url), redis_url=SecretStr(valkey_url),
        secret_key=SecretStr(Fernet.generate_key().decode()), raw_root=tmp_path / "raw", tenant_id=tenant_id,
    )  # fmt: skip
    built = wiring.build_services(settings)
    yield replace(built, imports=Imports(folder=downloads.folder(tmp_path)))
    built.database.dispose()


def test_every_file_is_imported_without_a_rejected_row(services: Services, tenant_id: int, tmp_path: Path) -> None:
    world = build_world(3, LISTINGS, DAYS, 14, DEFAULT_T0, DEFAULT_SCENARIO)
    body = PortfolioBody.model_validate(world.portfolio_json())
    portfolio_import.run(services, tenant_id, body.model_dump())
    for source in downloads.sources():
        import_admin.save(services, tenant_id, ImportSource(**source), AS_OF)
    exports.write_recent(world, tmp_path, DEFAULT_T0)

    done = import_folder.scan(services, tenant_id, AS_OF)
    assert (done["imported"], done["failed"]) == (5, 0)
    assert [one["rejected"] for one in done["files"]] == [0] * 5
    eve = DEFAULT_T0 - timedelta(days=1)
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        assert conn.execute(text("SELECT count(*) FROM listing_changes")).scalar_one() > 0
    channels = np.array([one.channel for one in listings])
    told = services.metrics.read(
        tenant_id, ["search_rank", "competitor_price", "listing_views"], [one.listing_id for one in listings], eve, eve
    )
    assert np.isfinite(told.values["search_rank"]).all()
    assert np.isfinite(told.values["competitor_price"]).all()
    reported = np.isfinite(told.values["listing_views"][:, 0])
    # Booking.com's report comes by its interface, so there is no file of it.
    assert reported.tolist() == (channels != "booking_com").tolist()

    exports.write_recent(world, tmp_path, DEFAULT_T0)
    again = import_folder.scan(services, tenant_id, AS_OF + timedelta(days=1))
    assert [one["already_imported"] for one in again["files"]] == [True] * 5
