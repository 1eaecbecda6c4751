"""Quarantine and replay through a file vendor, and the command line on the same stores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

CHECKOUT = Path(__file__).resolve().parents[3]
CALENDAR = "unit_external_id,stay_date,is_open,units\nunit-1,2026-03-02,true,4\nunit-1,2026-03-3x,true,4\n"


def nightporter(worker: Worker, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    own = {
        "DATABASE_URL": worker.settings.database_url.get_secret_value(),
        "REDIS_URL": worker.settings.redis_url.get_secret_value(),
        "SECRET_KEY": worker.settings.secret_key.get_secret_value(),
        "RAW_ROOT": str(worker.settings.raw_root),
        "TENANT_ID": str(worker.settings.tenant_id),
    }
    env = {**os.environ, **{f"NIGHTPORTER_{name}": value for name, value in (own | settings).items()}}
    command = [str(Path(sys.executable).parent / "nightporter"), *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=120, check=False)


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def files(tmp_path: Path, portfolio: dict[str, Any]) -> Path:
    (tmp_path / "portfolio.json").write_text(json.dumps(portfolio))
    settings = {"path": str(tmp_path / "calendar.csv")}
    connection = {"vendor": "operator_file", "name": str(tmp_path), "settings": settings}
    (tmp_path / "connection.json").write_text(json.dumps(connection))
    (tmp_path / "calendar.csv").write_text(CALENDAR)
    return tmp_path


def test_a_bad_record_is_kept_as_it_came_and_replayed_when_mended(worker: Worker, files: Path) -> None:
    assert told(nightporter(worker, "portfolio", "import", str(files / "portfolio.json")))["listings"] == 2
    connection_id = told(nightporter(worker, "connection", "add", str(files / "connection.json")))["id"]
    body = {"connection_id": connection_id, "as_of": "2026-03-02T12:00:00Z"}
    polled = worker.post("/v1/poll/operator_calendar", body).json()
    assert (polled["stored"], polled["rejected"]) == (1, 1)
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        kept = conn.exec_driver_sql("SELECT raw, reason, raw_id FROM rejected").one()
        assert b"2026-03-3x" in worker.services.archive.keys.of(conn).opened(bytes(kept.raw))
        assert "stay_date" in kept.reason
        assert worker.services.archive.get(conn, kept.raw_id) == CALENDAR.encode()
    again = worker.post("/v1/poll/operator_calendar", body).json()
    assert (again["stored"], again["unchanged"], again["rejected"]) == (0, 1, 1)
    page = {"replayed": 0, "still_rejected": 1, "left": 0, "next_after": None}
    headers = {"Idempotency-Key": "a page"}
    assert worker.client.post("/v1/replay", json={}, headers=headers).json() == page
    # The next page with the key of the one before would be answered by what that one did: it is refused.
    assert worker.client.post("/v1/replay", json={"after": 1}, headers=headers).status_code == 422
    assert worker.post("/v1/replay", {"after": 2**53}).json() == {**page, "still_rejected": 0}
    # Nothing was mended: it stays.
    assert told(nightporter(worker, "replay-raw")) == {"replayed": 0, "still_rejected": 1}
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        keys = worker.services.archive.keys.of(conn)
        mended = keys.opened(bytes(kept.raw)).replace(b"2026-03-3x", b"2026-03-03")
        conn.exec_driver_sql("UPDATE rejected SET raw = %s", (keys.seal(mended),))
    assert told(nightporter(worker, "replay-raw")) == {"replayed": 1, "still_rejected": 0}
    assert worker.client.get("/v1/summary").json()["rejected"] == 0
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM operator_nights").scalar_one() == 2


def test_a_listing_nobody_knows_is_quarantined_and_the_rest_is_stored(worker: Worker, files: Path) -> None:
    (files / "calendar.csv").write_text(
        "unit_external_id,stay_date,is_open,units\nnobody,2026-03-05,true,4\nunit-2,2026-03-05,true,4\n"
    )
    connection_id = told(nightporter(worker, "connection", "add", str(files / "connection.json")))["id"]
    polled = worker.post("/v1/poll/operator_calendar", {"connection_id": connection_id}).json()
    assert (polled["stored"], polled["rejected"]) == (1, 1)


def test_a_created_key_opens_what_its_scopes_say(worker: Worker) -> None:
    done = nightporter(worker, "apikey", "create", "--name", "reader", "--scope", "read")
    assert done.returncode == 0, done.stderr
    headers = {"Authorization": f"Bearer {done.stdout.strip()}"}
    assert httpx2.get(f"{worker.url}/v1/alerts", headers=headers).status_code == 200
    assert httpx2.post(f"{worker.url}/v1/guards/check", headers=headers, json={}).status_code == 403
    refused = nightporter(worker, "apikey", "create", "--name", "x", "--scope", "root")
    assert refused.returncode == 2
    assert "scope" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_wrong_file_ends_with_one_line_that_names_the_field(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"currency": "EUR", "properties": [{}], "units": [], "listings": []}')
    done = nightporter(worker, "portfolio", "import", str(tmp_path / "p.json"))
    assert done.returncode == 2
    assert "properties.0.external_id" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    missing = nightporter(worker, "portfolio", "import", str(tmp_path / "none.json"))
    assert (missing.returncode, "none.json" in missing.stderr) == (2, True)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"DATABASE_URL": "postgresql://app:hunter2@127.0.0.1:1/np"}, "NIGHTPORTER_DATABASE_URL"),
        ({"SECRET_KEY": "hunter2"}, "NIGHTPORTER_SECRET_KEY"),
        ({"DATABSE_URL": "hunter2"}, "NIGHTPORTER_DATABSE_URL"),
        ({"REDIS_URL": "hunter2", "TENANT_ID": "none"}, "NIGHTPORTER_TENANT_ID"),
    ],
)
def test_a_wrong_setting_ends_with_one_line_that_names_it(worker: Worker, settings: dict[str, str], named: str) -> None:
    done = nightporter(worker, "replay-raw", **settings)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert named in line
    assert "hunter2" not in line


def test_the_login_link_opens_the_console(worker: Worker) -> None:
    link = nightporter(worker, "login-link").stdout.strip()
    token = link.partition("token=")[2]
    assert httpx2.get(f"{worker.url}/login", params={"token": token}).status_code == 302


def test_openapi_needs_no_settings() -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTPORTER_")}
    command = [str(Path(sys.executable).parent / "nightporter"), "openapi"]
    done = subprocess.run(command, env=clean, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout)["openapi"] == "3.1.0"
