"""Disks that are full under a running worker: it says which, stores nothing by halves, and goes on with room."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from python_nodes.store.session import engine_for
from tests.integration.worker.conftest import AS_OF, Worker, harbour
from tests.small_disk import filled, mounted

FIXTURE = Path(__file__).parents[2] / "fixtures" / "vendors" / "booking_com" / "reservations.xml"


@pytest.fixture
def connection(worker: Worker) -> int:
    worker.post("/v1/portfolio", harbour()).raise_for_status()
    body = {
        "vendor": "booking_com", "name": "ota", "base_url": "http://127.0.0.1:9",
        "credentials": {"client_id": "a", "client_secret": "b"},
    }  # fmt: skip
    return int(worker.client.post("/v1/connections", json=body).json()["id"])


def test_no_room_for_raw_payloads(worker: Worker, connection: int) -> None:
    root = worker.services.archive.root
    with mounted(root, "256k"):
        filler = filled(root)
        path = f"/v1/normalize/booking_com/reservations?connection_id={connection}&as_of={AS_OF}"
        content, told = FIXTURE.read_bytes(), {"Content-Type": "application/xml"}
        refused = worker.client.post(path, content=content, headers=told)
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        assert "NIGHTPORTER_RAW_ROOT) has no space left on its disk: make room there" in refused.json()["detail"]
        with worker.services.database.tenant(worker.settings.tenant_id) as conn:
            assert conn.execute(text("SELECT count(*) FROM raw_index")).scalar_one() == 0
            assert conn.execute(text("SELECT count(*) FROM rejected")).scalar_one() == 0
        filler.unlink()
        assert worker.client.post(path, content=content, headers=told).json()["fetched"] == 2


@pytest.fixture
def small_tablespace(worker: Worker, pg_admin_url: str, owner: Connection) -> Iterator[Path]:
    """Move the table of findings to a disk of a few hundred KB."""
    admin = engine_for(pg_admin_url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        data = Path(conn.execute(text("SHOW data_directory")).scalar_one())
    folder = Path(tempfile.mkdtemp(dir=data.parent, prefix="small-"))
    with mounted(folder, "400k"):
        inside = folder / "space"
        inside.mkdir()
        for one in (folder, inside):
            os.chown(one, data.stat().st_uid, data.stat().st_gid)
        with admin.connect() as conn:
            conn.execute(text(f"CREATE TABLESPACE small_disk LOCATION '{inside}'"))
            conn.execute(text("GRANT CREATE ON TABLESPACE small_disk TO PUBLIC"))
        owner.execute(text("ALTER TABLE listings SET TABLESPACE small_disk"))
        owner.commit()
        yield folder
        owner.execute(text("ALTER TABLE listings SET TABLESPACE pg_default"))
        owner.commit()
        with admin.connect() as conn:
            conn.execute(text("DROP TABLESPACE small_disk"))
        admin.dispose()
    shutil.rmtree(folder)


def test_no_room_for_the_databases_rows(worker: Worker, small_tablespace: Path) -> None:
    worker.post("/v1/portfolio", harbour()).raise_for_status()
    before = len(worker.client.get("/v1/portfolio").json()["listings"])
    filler = filled(small_tablespace)
    refused = worker.post("/v1/portfolio", harbour(range(1, 400)))
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    assert refused.json()["detail"].startswith("postgresql has no space left on its disk: make room there")
    assert len(worker.client.get("/v1/portfolio").json()["listings"]) == before, "nothing by halves"
    filler.unlink()
    assert worker.post("/v1/portfolio", harbour(range(1, 400))).status_code == 200
