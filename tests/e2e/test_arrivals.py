"""What arrives between two cycles, and the day's exchange rates, through flows in a real n8n."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from python_nodes.domain import flow_proof
from python_nodes.local import downloads
from python_nodes.local.worker_client import WorkerClient
from tests.e2e.conftest import AFTER_THE_LIVE_DAYS, Live

CHANNEL = "airbnb"
PATIENCE_S = 90.0
AT = datetime.fromisoformat(AFTER_THE_LIVE_DAYS)


def call(live: Live, about: str) -> httpx2.Response:
    """Call the flow as the worker does after an upload."""
    headers = flow_proof.headers(live.saved.webhook_secret, datetime.now(UTC))
    body = {"as_of": AFTER_THE_LIVE_DAYS, "about": about}
    return httpx2.post(f"{live.n8n_url}/webhook/import-files", json=body, headers=headers, timeout=120)


def listings(live: Live, channel: str = CHANNEL) -> list[dict[str, Any]]:
    with WorkerClient(live.saved.worker_url, live.saved.operator_api_key) as worker:
        every: list[dict[str, Any]] = worker.get("/v1/portfolio")["listings"]
    return [one for one in every if one["channel"] == channel]


def report(rooms: list[str], days: list[date], channel: str = CHANNEL) -> str:
    """Write a channel's report in which every page was shown and none was opened."""
    lines = [",".join(downloads.COLUMNS[channel])]
    lines += [f"{day},{room},300,0,0,0.00,EUR" for day in days for room in rooms]
    return "\n".join(lines) + "\n"


def test_a_file_that_arrives_is_imported_and_scored_by_the_flow_once(live: Live) -> None:
    folder: Path = live.folder.root / "sandbox" / "exports"
    own = [one for one in listings(live) if one["currency"] == "EUR"]
    assert own, "a listing whose currency the file is in"
    days = [AT.date() - timedelta(days=back) for back in (2, 1)]
    rooms = [str(one["external_id"]) for one in own]
    whole = folder / "arrived-airbnb_performance.csv"
    whole.with_suffix(".part").write_text(report(rooms, days))
    whole.with_suffix(".part").rename(whole)
    first = call(live, "e2e-first")
    assert first.status_code == 200, first.text
    told = first.json()
    assert (told["imported"], told["failed"]) == (1, 0)
    assert told["observed"] >= len(rooms)
    assert not whole.exists()
    again = call(live, "e2e-again").json()
    assert (again["imported"], again["observed"], again["raised"]) == (0, 0, 0)
    waiting = "SELECT count(*) FROM outbox WHERE type = 'import.arrived' AND dispatched_at IS NULL"
    assert live.rows(waiting) == [(0,)]


def test_the_exchange_rates_are_refreshed_by_the_flow(live: Live) -> None:
    before = live.rows("SELECT max(rate_date) FROM fx_rates")
    answer = live.call("refresh-exchange-rates")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["fetched"] == told["stored"] + told["unchanged"] > 0
    ((newest,),) = live.rows("SELECT max(rate_date) FROM fx_rates")
    assert newest.isoformat() == told["last_day"]
    assert [(newest,)] >= before


def test_an_upload_with_news_has_the_flow_tell_it(live: Live) -> None:
    own = [str(one["external_id"]) for one in listings(live, "vrbo") if one["currency"] == "EUR"]
    content = report(own, [AT.date() - timedelta(days=back) for back in (3, 2, 1)], "vrbo")
    query = f"source=vrbo_performance&file=upload.csv&as_of={AFTER_THE_LIVE_DAYS.replace('+', '%2B')}"
    headers = {"Authorization": f"Bearer {live.saved.operator_api_key}", "Content-Type": "text/csv"}
    since = datetime.now(UTC)
    taken = httpx2.post(f"{live.saved.worker_url}/v1/imports?{query}", content=content, headers=headers, timeout=60)
    assert taken.status_code == 202, taken.text
    job = ended(live, taken.json()["job_id"])
    assert job["state"] == "done", job
    assert job["result"]["observed"]["raised"] > 0
    deadline = time.monotonic() + PATIENCE_S
    wanted = {"import-files", "notify"}
    while not wanted <= flows_run(live, since) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert wanted <= flows_run(live, since)


def ended(live: Live, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    with WorkerClient(live.saved.worker_url, live.saved.operator_api_key) as worker:
        while True:
            job: dict[str, Any] = worker.get(f"/v1/jobs/{job_id}")
            if job["state"] in {"done", "failed"} or time.monotonic() > deadline:
                return job
            time.sleep(0.5)


def flows_run(live: Live, since: datetime) -> set[str]:
    return {str(one["workflowId"]) for one in live.executions(since) if one["status"] == "success"}
