"""A file that is larger than the settings allow is refused by every way in, and nothing of it is kept."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from python_nodes.app import create_app
from python_nodes.config import Settings
from python_nodes.errors import PermanentError
from python_nodes.steps import import_job
from python_nodes.steps.import_file import Order
from tests.integration.worker.test_imports import AS_OF, HEAD, SOURCE
from tests.integration.worker.test_replay_and_cli import nightporter

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

MAX_BYTES, MAX_ROWS = 20_000, 100
QUERY = {"source": "booking-report", "file": "r.csv"}
TABLES = ("raw_index", "jobs", "import_runs", "metrics_daily", "rejected", "outbox")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="module")
def worker_settings(worker_settings: Settings, folder: Path) -> Settings:
    """The same worker, for small files only."""
    return worker_settings.model_copy(
        update={"max_import_bytes": MAX_BYTES, "max_import_rows": MAX_ROWS, "import_folder": folder}
    )


@pytest.fixture
def ready(worker: Worker, portfolio: dict[str, Any]) -> Worker:
    assert worker.post("/v1/portfolio", portfolio).status_code == 200
    assert worker.client.post("/v1/imports/sources", json=SOURCE).status_code == 200
    return worker


def held(worker: Worker) -> dict[str, int]:
    """Count what is kept of files."""
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        return {name: conn.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in TABLES}


def large() -> bytes:
    return (HEAD + "2026-03-01,100101,10,100,99.50\n" * (MAX_BYTES // 20)).encode()


def long(rows: int) -> bytes:
    days = (f"2025-{1 + k // 28:02}-{1 + k % 28:02},100101,10,100,1" for k in range(rows - 1))
    return (HEAD + "\n".join(days) + "\n").encode()


@pytest.mark.parametrize("preview", ["false", "true"])
def test_an_oversized_upload_is_refused_as_body_and_as_form(ready: Worker, preview: str) -> None:
    before, query = held(ready), {**QUERY, "preview": preview}
    raw = ready.client.post("/v1/imports", params=query, content=large(), headers={"Content-Type": "text/csv"})
    form = ready.client.post("/v1/imports", params=query, files={"file": ("r.csv", large(), "text/csv")})
    for answer in (raw, form):
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert held(ready) == before


@pytest.mark.parametrize("path", ["/v1/imports", "/v1/normalize/booking_com/health"])
def test_what_comes_in_chunks_and_does_not_say_how_large_it_is_is_refused_and_not_cut(ready: Worker, path: str) -> None:
    before = held(ready)
    app = create_app(ready.settings.model_copy(update={"max_body_bytes": MAX_BYTES}))
    # As gunicorn hands on what comes in chunks: without a length, and with an end.
    answer = app.test_client().post(
        path, query_string=QUERY if path == "/v1/imports" else {"connection_id": "1"},
        input_stream=io.BytesIO(large()), environ_overrides={"wsgi.input_terminated": True},
        headers={"Authorization": f"Bearer {ready.key('ingest')}", "Content-Type": "text/csv",
                 "Transfer-Encoding": "chunked"},
    )  # fmt: skip
    assert answer.status_code == 413
    assert held(ready) == before


@pytest.mark.parametrize("content", [b"", b" \r\n"])
def test_an_empty_upload_is_refused_at_once(ready: Worker, content: bytes) -> None:
    before = held(ready)
    answer = ready.client.post("/v1/imports", params=QUERY, content=content, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["field"]) == (422, "file")
    assert held(ready) == before


def test_too_many_rows_are_refused_with_their_number(ready: Worker) -> None:
    assert len(long(MAX_ROWS + 1)) < MAX_BYTES
    before = held(ready)
    refused = ready.client.post("/v1/imports", params={**QUERY, "preview": "true"}, content=long(MAX_ROWS + 1))
    assert (refused.status_code, refused.json()["field"]) == (413, "file")
    assert f"{MAX_ROWS + 1} rows" in refused.text
    assert held(ready) == before
    whole = ready.client.post("/v1/imports", params={**QUERY, "preview": "true"}, content=long(MAX_ROWS))
    assert (whole.status_code, whole.json()["rejected"]) == (200, 0)


def test_a_job_with_too_many_rows_fails_says_why_and_stores_no_point(ready: Worker) -> None:
    order = Order(file="long.csv", content=long(MAX_ROWS + 1))
    asked = import_job.accept(ready.services, ready.settings.tenant_id, "long", "booking-report", order, AS_OF)
    assert asked is not None
    with pytest.raises(PermanentError, match="rows"):
        import_job.run(ready.services, ready.settings.tenant_id, "long", asked)
    job = ready.client.get("/v1/jobs/long").json()
    assert (job["state"], f"{MAX_ROWS} are the most" in job["error"]) == ("failed", True)
    assert {name: held(ready)[name] for name in ("metrics_daily", "import_runs", "rejected")} == {
        "metrics_daily": 0, "import_runs": 0, "rejected": 0,
    }  # fmt: skip


def test_the_watched_folder_puts_large_files_aside_and_goes_on(ready: Worker, folder: Path) -> None:
    (folder / "a-report.csv").write_bytes(large())
    (folder / "b-report.csv").write_bytes(long(MAX_ROWS + 1))
    (folder / "c-report.csv").write_bytes(long(3))
    done = ready.post("/v1/imports/scan", {"as_of": AS_OF.isoformat()}).json()
    assert [(one["status"], one["file"]) for one in done["files"]] == [
        ("failed", "a-report.csv"), ("failed", "b-report.csv"), ("done", "c-report.csv"),
    ]  # fmt: skip
    reports = [json.loads(path.read_text())["reason"] for path in sorted((folder / "failed").glob("*.report.json"))]
    assert f"more than {MAX_BYTES} bytes" in reports[0]
    assert f"{MAX_ROWS + 1} rows" in reports[1]


def test_the_command_refuses_both(ready: Worker, tmp_path: Path) -> None:
    for content, word in ((large(), "MAX_IMPORT_BYTES"), (long(MAX_ROWS + 1), "rows")):
        file = tmp_path / "r.csv"
        file.write_bytes(content)
        limits = {"MAX_IMPORT_BYTES": str(MAX_BYTES), "MAX_IMPORT_ROWS": str(MAX_ROWS)}
        done = nightporter(ready, "import", "file", str(file), "--source", "booking-report", **limits)
        assert done.returncode == 2
        assert word in done.stderr
