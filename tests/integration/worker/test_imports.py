"""Imports over HTTP, by the command and from the watched folder, on the same real stores."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from python_nodes.errors import PermanentError
from python_nodes.steps import import_folder, import_job
from python_nodes.steps.import_file import Order
from python_nodes.steps.services import Imports
from tests.integration.worker.test_replay_and_cli import nightporter, told

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

AS_OF = datetime(2026, 3, 10, 12, tzinfo=UTC)
HEAD = "Date,Room,Views,Impressions,Money\n"
SOURCE = {
    "name": "booking-report", "kind": "performance", "channel": "booking_com", "currency": "EUR",
    "columns": {
        "listing_id": "Room", "date": "Date", "listing_views": "Views", "search_impressions": "Impressions",
        "revenue": "Money",
    },
    "file_pattern": "*report*.csv",
}  # fmt: skip


@pytest.fixture
def ready(worker: Worker, portfolio: dict[str, Any]) -> Worker:
    assert worker.post("/v1/portfolio", portfolio).status_code == 200
    assert worker.client.post("/v1/imports/sources", json=SOURCE).status_code == 200
    return worker


def upload(worker: Worker, content: str, **query: str) -> Any:
    return worker.client.post(
        "/v1/imports", params=query, content=content.encode(), headers={"Content-Type": "text/csv"}
    )


def test_a_preview_by_raw_body_and_by_form_tells_the_same(ready: Worker) -> None:
    content = HEAD + "2026-03-01,100101,10,100,99.50\n2026-03-02,100101,ten,100,1\n"
    told = upload(ready, content, source="booking-report", preview="true", file="r.csv").json()
    assert (told["stored"], told["rejected"]) == (1, 1)
    assert told["errors"][0]["reasons"] == ["r.csv, row 3, column 'Views': listing_views: 'ten' is no whole number"]
    form = {"file": ("r.csv", content.encode(), "text/csv")}
    query = {"source": "booking-report", "preview": "true"}
    assert ready.client.post("/v1/imports", params=query, files=form).json() == told


def test_without_a_source_the_preview_offers_a_mapping_that_can_be_saved(ready: Worker) -> None:
    content = "ds,listing_id,first_page_search_impressions,listing_views,currency\n2026-03-01,100101,100,10,EUR\n"
    guess = upload(ready, content, kind="performance", channel="booking_com", preview="true").json()
    assert guess["columns"]["search_impressions"] == "first_page_search_impressions"
    saved = {**SOURCE, "name": "guessed", "columns": guess["columns"], "file_pattern": None}
    assert ready.client.post("/v1/imports/sources", json=saved).status_code == 200
    assert "guessed" in {one["name"] for one in ready.client.get("/v1/imports/sources").json()["sources"]}


def test_an_upload_becomes_a_job_that_a_worker_finishes(ready: Worker) -> None:
    content = HEAD + "2026-03-03,100101,10,100,99.50\n"
    tenant_id, order = ready.settings.tenant_id, Order(file="r.csv", content=content.encode())
    asked = import_job.accept(ready.services, tenant_id, "good", "booking-report", order, AS_OF)
    assert asked is not None
    assert ready.client.get("/v1/jobs/good").json()["state"] == "queued"
    import_job.run(ready.services, tenant_id, "good", asked)
    job = ready.client.get("/v1/jobs/good").json()
    assert (job["state"], job["done"], job["total"], job["result"]["stored"]) == ("done", 1, 1, 1)
    again = upload(ready, content, source="booking-report", file="again.csv").json()["job_id"]
    assert ready.client.get(f"/v1/jobs/{again}").json()["result"]["already_imported"] is True


def test_a_file_that_cannot_be_read_fails_its_job_and_says_why(ready: Worker) -> None:
    order = Order(file="r.csv", content=b"Date,Room\n2026-03-03,100101\n")
    asked = import_job.accept(ready.services, ready.settings.tenant_id, "bad", "booking-report", order, AS_OF)
    assert asked is not None
    with pytest.raises(PermanentError):
        import_job.run(ready.services, ready.settings.tenant_id, "bad", asked)
    job = ready.client.get("/v1/jobs/bad").json()
    assert job["state"] == "failed"
    assert "names the column 'Impressions' for search_impressions, which is not there" in job["error"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "weather"}, "kind"),
        ({"columns": {"nonsense": "A"}}, "columns"),
        ({"columns": {"date": "Date"}}, "columns"),
        ({"date_format": "DD.MM"}, "date_format"),
        ({"channel": None}, "channel"),
        ({"currency": "EUX"}, "currency"),
    ],
)
def test_a_source_that_could_read_nothing_is_refused_by_field(
    ready: Worker, change: dict[str, Any], field: str
) -> None:
    answer = ready.client.post("/v1/imports/sources", json={**SOURCE, "name": "wrong", **change})
    assert answer.status_code == 422
    assert field in answer.text


def test_an_unknown_source_and_none_at_all_are_refused(ready: Worker) -> None:
    assert upload(ready, HEAD, source="nobody", preview="true").status_code == 404
    assert upload(ready, HEAD).status_code == 422


def test_the_watched_folder_is_emptied_into_done_and_failed(ready: Worker, tmp_path: Path) -> None:
    services = replace(ready.services, imports=Imports(folder=tmp_path))
    (tmp_path / "a-report.csv").write_text(HEAD + "2026-03-05,100101,10,100,1\n2026-03-05,nobody,10,100,1\n")
    (tmp_path / "b-report.csv").write_text("nothing,of,this\n1,2,3\n")
    (tmp_path / "stranger.csv").write_text(HEAD)
    (tmp_path / "c-report.csv.part").write_text(HEAD)
    done = import_folder.scan(services, ready.settings.tenant_id, AS_OF)
    assert (done["imported"], done["failed"]) == (1, 2)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [".scan.lock", "c-report.csv.part"]
    report = json.loads((tmp_path / "done" / "20260310T120000-a-report.csv.report.json").read_text())
    assert (report["stored"], report["rejected"]) == (1, 1)
    reason = json.loads((tmp_path / "failed" / "20260310T120000-stranger.csv.report.json").read_text())["reason"]
    assert "no import source has a pattern that fits" in reason
    assert import_folder.scan(services, ready.settings.tenant_id, AS_OF)["files"] == []


def test_the_command_previews_saves_and_imports(ready: Worker, tmp_path: Path) -> None:
    file = tmp_path / "vrbo.csv"
    file.write_text("Date;Property Number;Page Views;Currency\n06.03.2026;100101;12;EUR\n")
    shown = nightporter(ready, "import", "file", str(file), "--kind", "performance", "--channel", "booking_com")
    assert (shown.returncode, "2026-03-06" in shown.stdout, "DD.MM.YYYY" in shown.stdout) == (0, True, True), shown
    saving = ("import", "source", "by-hand", "--kind", "performance", "--channel", "booking_com", "--like", str(file))
    assert told(nightporter(ready, *saving))["date_format"] == "DD.MM.YYYY"
    report = told(nightporter(ready, "import", "file", str(file), "--source", "by-hand", "--json"))
    assert (report["stored"], report["already_imported"]) == (1, False)
    again = nightporter(ready, "import", "file", str(file), "--source", "by-hand")
    assert "imported before" in again.stdout
    wrong = nightporter(ready, "import", "file", str(file), "--source", "nobody")
    assert (wrong.returncode, wrong.stderr.strip()) == (2, "nightporter: import source 'nobody' does not exist")
