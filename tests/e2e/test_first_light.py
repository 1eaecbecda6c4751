"""The whole way on real parts: n8n, PostgreSQL, Valkey, the worker, Celery and the sandbox, started by `up`."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from sqlalchemy import create_engine, text

from python_nodes.local import flows, postgres, processes
from python_nodes.local.n8n_rest import Rest
from python_nodes.local.start import control
from python_nodes.local.state import CHECKOUT, Saved, StateDir
from python_nodes.local.worker_client import WorkerClient

READY_S = 480.0
STOPPED_S = 60.0
AFTER_THE_LIVE_DAYS = "2026-04-20T12:00:00+00:00"
NIGHTPORTER = [sys.executable, "-c", "from python_nodes.cli import app; app()"]


@dataclass(frozen=True)
class Live:
    """A running `nightporter up` whose live days are over."""

    process: subprocess.Popen[bytes]
    folder: StateDir
    saved: Saved
    report: dict[str, Any]

    @property
    def n8n_url(self) -> str:
        return f"http://127.0.0.1:{self.saved.ports.n8n}"

    def call(self, path: str, *, secret: str | None = None) -> httpx2.Response:
        headers = {flows.WEBHOOK_HEADER: secret or self.saved.webhook_secret}
        body = {"as_of": AFTER_THE_LIVE_DAYS}
        return httpx2.post(f"{self.n8n_url}/webhook/{path}", json=body, headers=headers, timeout=120)

    def executions(self, since: datetime) -> list[dict[str, Any]]:
        with self.rest() as rest:
            return rest.executions(since=since)

    def rest(self) -> Rest:
        return Rest(self.saved.ports.n8n, self.saved.n8n_owner_password)


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    base = Path("/var/tmp/nightporter-tests")
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="e2e-", dir=base))
    report = root / "report.json"
    command = [
        *NIGHTPORTER, "up", "--json", str(report), "--listings", "24", "--days", "60", "--live-days", "2",
        "--state-dir", str(root / "state"),
    ]  # fmt: skip
    with (root / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + READY_S
        while not report.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        assert report.exists(), (root / "up.log").read_text()[-3000:]
        folder = StateDir(root / "state")
        yield Live(process, folder, folder.load(), json.loads(report.read_text()))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOPPED_S)
        shutil.rmtree(root, ignore_errors=True)


def rows(live: Live, query: str) -> list[tuple[Any, ...]]:
    socket_dir = str(live.folder.root / "postgres")
    server = postgres.Postgres(admin_url="", socket_dir=socket_dir, port=5432, pid=0)
    engine = create_engine(server.url("postgres", "", "nightporter"))
    with engine.connect() as conn:
        found = [tuple(row) for row in conn.execute(text(query))]
    engine.dispose()
    return found


def test_every_step_of_the_live_days_succeeded_in_n8n(live: Live) -> None:
    assert live.report["n8n_version"] == "2.40.7"
    assert live.report["workflows_published"] == len(list((CHECKOUT / "workflows").glob("*.json")))
    assert live.report["steps_failed"] == 0
    assert live.report["executions"]["error"] == 0
    # Two days with a poll and a score each, and one run of `notify` at least.
    assert live.report["executions"]["success"] >= 5


def test_alerts_were_raised_and_delivered(live: Live) -> None:
    assert live.report["alerts"]
    assert live.report["deliveries"]["slack"] >= 1
    assert live.report["deliveries"]["email"] >= 1
    assert live.report["points_stored"] > 0
    shown = httpx2.get(
        f"{live.saved.sandbox_url}/messages?token={live.saved.page_token}", follow_redirects=True
    )  # fmt: skip
    assert shown.status_code == 200


def test_the_incident_that_began_on_a_live_day_was_found_on_that_day(live: Live) -> None:
    down = [item for item in live.report["incidents"] if item["kind"] == "listing_down"]
    assert down
    for incident in down:
        raised = [alert["raised_at"][:10] for alert in live.report["alerts"] if alert["listing"] == incident["listing"]]
        assert incident["start"] in raised


def test_a_wrong_webhook_secret_is_refused(live: Live) -> None:
    assert live.call("poll-listings", secret="wrong").status_code == 403


def test_a_failing_step_answers_500_ends_as_an_error_and_is_recorded(live: Live) -> None:
    since = datetime.now(UTC)
    control(live.saved, "POST", "/control/faults", {"name": "server_error", "operation": "health", "times": 1000})
    try:
        answer = live.call("poll-listings")
    finally:
        control(live.saved, "POST", "/control/faults", {"name": "none"})
    assert answer.status_code == 500
    assert answer.json()["failed"]
    failed = [item for item in live.executions(since) if item["workflowId"] == "poll-listings"]
    assert [item["status"] for item in failed] == ["error"]
    recorded = rows(live, "SELECT workflow, node, execution_id FROM flow_errors")
    assert ("poll-listings", "Poll one operation", str(failed[0]["id"])) in recorded


def test_a_repeated_cycle_changes_nothing(live: Live) -> None:
    first, second = live.call("score-metrics"), live.call("score-metrics")
    assert first.status_code == second.status_code == 200
    sent = rows(live, "SELECT alert_id, sender, recipient, count(*) FROM deliveries GROUP BY 1, 2, 3")
    with WorkerClient(live.saved.worker_url, live.saved.operator_api_key) as worker:
        before = worker.get("/v1/summary")["deliveries"]
        live.call("score-metrics")
        assert worker.get("/v1/summary")["deliveries"] == before
    assert rows(live, "SELECT alert_id, sender, recipient, count(*) FROM deliveries GROUP BY 1, 2, 3") == sent


def test_the_flows_come_out_of_n8n_as_they_stand_in_the_repository(live: Live, tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "flows")
    with live.rest() as rest:
        exported = flows.export_flows(rest, tmp_path / "flows", worker_url=live.saved.worker_url)
    files = list((CHECKOUT / "workflows").glob("*.json"))
    assert sorted(exported) == sorted(file.stem for file in files)
    for file in files:
        assert (tmp_path / "flows" / file.name).read_text() == file.read_text()


def test_an_edit_made_in_n8n_is_kept_until_forced(live: Live, tmp_path: Path) -> None:
    hashes = tmp_path / "flows.json"
    shutil.copy(live.folder.flow_hashes, hashes)
    with live.rest() as rest:
        held = rest.workflow("notify")
        assert held is not None
        tags = [tag["id"] for tag in held["tags"]]
        rest.save_workflow(held | {"name": "Notify, edited by ops", "tags": tags})

        def bring_in(*, force: bool) -> flows.Imported:
            return flows.import_flows(
                rest,
                CHECKOUT / "workflows",
                hashes,
                worker_url=live.saved.worker_url,
                rest_schedules=True,
                force=force,
            )

        kept = bring_in(force=False)
        assert kept.edited == ("notify",)
        assert flows.exported(rest)["notify"]["name"] == "Notify, edited by ops"
        forced = bring_in(force=True)
        assert forced.written == ("notify",)
        assert flows.exported(rest)["notify"]["name"] == "Notify"
        flows.publish(rest, CHECKOUT / "workflows", forced.written)


def test_interrupting_stops_everything(live: Live) -> None:
    family = psutil.Process(live.process.pid).children(recursive=True)
    assert {"sandbox", "n8n"} <= {word for child in family for word in _words(child)}
    live.process.send_signal(signal.SIGINT)
    assert live.process.wait(STOPPED_S) == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
    assert not (live.folder.root / "postgres" / "postmaster.pid").exists()
    assert processes.is_free(live.saved.ports.worker)


def _words(child: psutil.Process) -> set[str]:
    return {Path(word).name for word in child.cmdline()}
