"""The live days through real flows: every step, every message, every failure recorded."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from python_nodes.local import flows
from python_nodes.local.state import CHECKOUT
from python_nodes.local.worker_client import WorkerClient
from tests.e2e.callers import broken_poll
from tests.e2e.conftest import Live


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


@pytest.mark.only_on("postgres")
def test_a_wrong_webhook_secret_is_refused(live: Live) -> None:
    assert live.call("poll-listings", secret="somebody else's secret of thirty-two letters").status_code == 403


def test_a_failing_step_answers_500_ends_as_an_error_and_is_recorded(live: Live) -> None:
    since = datetime.now(UTC)
    answer = broken_poll(live)
    assert answer.status_code == 500
    assert answer.json()["failed"]
    failed = [item for item in live.executions(since) if item["workflowId"] == "poll-listings"]
    assert [item["status"] for item in failed] == ["error"]
    recorded = live.rows("SELECT workflow, node, execution_id FROM flow_errors")
    assert ("poll-listings", "Ask for each", str(failed[0]["id"])) in recorded


def test_a_repeated_cycle_changes_nothing(live: Live) -> None:
    first, second = live.call("score-metrics"), live.call("score-metrics")
    assert first.status_code == second.status_code == 200
    sent = live.rows("SELECT alert_id, sender, recipient, count(*) FROM deliveries GROUP BY 1, 2, 3")
    with WorkerClient(live.saved.worker_url, live.saved.operator_api_key) as worker:
        before = worker.get("/v1/summary")["deliveries"]
        live.call("score-metrics")
        assert worker.get("/v1/summary")["deliveries"] == before
    assert live.rows("SELECT alert_id, sender, recipient, count(*) FROM deliveries GROUP BY 1, 2, 3") == sent


@pytest.mark.only_on("postgres")
def test_the_flows_come_out_of_n8n_as_they_stand_in_the_repository(live: Live, tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "flows")
    with live.rest() as rest:
        exported = flows.export_flows(rest, tmp_path / "flows", worker_url=live.saved.worker_url)
    files = list((CHECKOUT / "workflows").glob("*.json"))
    assert sorted(exported) == sorted(file.stem for file in files)
    for file in files:
        assert (tmp_path / "flows" / file.name).read_text() == file.read_text()


@pytest.mark.only_on("postgres")
def test_an_edit_made_in_n8n_is_kept_until_forced(live: Live, tmp_path: Path) -> None:
    hashes = tmp_path / "flows.json"
    shutil.copy(live.folder.flow_hashes, hashes)
    with live.rest() as rest:
        held = rest.workflow("notify")
        assert held is not None
        tags = [tag["id"] for tag in held["tags"]]
        rest.save_workflow(held | {"name": "Notify, edited by ops", "tags": tags}, is_new=False)

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
        assert list(forced.written) == ["notify"]
        assert flows.exported(rest)["notify"]["name"] == "Notify"
        flows.publish(rest, CHECKOUT / "workflows", forced.written)
