"""Where metrics are kept: every flow has run on it, and it makes no difference to what is found."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx2
import numpy as np
import pytest

from python_nodes import config
from python_nodes.local import flows
from python_nodes.local.state import CHECKOUT
from tests.e2e.callers import broken_poll, click, open_alert, text_back, vendor_event
from tests.e2e.conftest import AFTER_THE_LIVE_DAYS, Live, Told

FLOWS = frozenset(flows.load_folder(CHECKOUT / "workflows"))
NOTED_S = 60.0
"""n8n answers before it has noted that a flow ended."""
CALLS: dict[str, Callable[[Live], httpx2.Response]] = {
    "poll-listings": lambda live: live.call("poll-listings"),
    "score-metrics": lambda live: live.call("score-metrics"),
    "escalate-alerts": lambda live: live.call("escalate-alerts"),
    "send-daily-digest": lambda live: live.call("send-daily-digest"),
    "send-weekly-digest": lambda live: live.call("send-weekly-digest"),
    "learn-from-verdicts": lambda live: live.call("learn-from-verdicts"),
    "refresh-baselines": lambda live: live.call("refresh-baselines"),
    "refresh-forecasts": lambda live: live.call("refresh-forecasts"),
    "refresh-exchange-rates": lambda live: live.call("refresh-exchange-rates"),
    "archive-old-data": lambda live: live.call("archive-old-data"),
    "import-files": lambda live: live.call("import-files"),
    "receive-slack-action": lambda live: click(live, open_alert(live)),
    "receive-sms-reply": lambda live: text_back(live, open_alert(live)),
    "receive-vendor-webhook": vendor_event,
    "handle-workflow-error": broken_poll,
}
CALLED_BY_OTHERS = frozenset({"notify"})


def succeeded(live: Live) -> set[str]:
    ran = {str(one["workflowId"]) for one in live.executions(live.began_at) if one["status"] == "success"}
    return ran & FLOWS


def test_metrics_are_where_the_run_keeps_them(live: Live) -> None:
    assert live.report["store"] == {"postgres": "postgresql", "influx": "influxdb"}[live.store]
    ((in_postgres,),) = live.rows("SELECT count(*) FROM metrics_daily")
    assert (in_postgres > 0) == (live.store == "postgres")
    assert live.report["points_stored"] > 10_000


@pytest.mark.only_on("influx")
def test_both_stores_find_the_same(live: Live, told: dict[str, Told]) -> None:
    if "postgres" not in told:
        pytest.skip("nothing to compare with: no test on PostgreSQL ran before")
    here, there = told[live.store], told["postgres"]
    assert here.findings == there.findings
    assert here.metrics.keys() == there.metrics.keys()
    for listing, told_here in here.metrics.items():
        told_there = there.metrics[listing]
        assert told_here["told_by"] == told_there["told_by"], listing
        for name, here_ in told_here["metrics"].items():
            there_ = told_there["metrics"][name]
            assert here_["told_by"] == there_["told_by"], (listing, name)
            # A mean of prices depends on the order of its bookings, by the last bit.
            ours, theirs = (np.array(one["values"], dtype=np.float64) for one in (here_, there_))
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, err_msg=f"{listing} {name}")


def test_an_answer_by_text_is_recorded_through_n8n_and_a_forged_one_is_not(live: Live) -> None:
    alert_id = open_alert(live)
    done = f"SELECT kind, actor FROM actions WHERE alert_id = {alert_id}"
    assert text_back(live, alert_id, token="guessed").status_code == 401
    assert live.rows(done) == []
    answer = text_back(live, alert_id)
    assert answer.status_code == 200, answer.text
    assert "<Response><Message>" in answer.text
    assert live.rows(done) == [("acknowledge", "…0001 (SMS)")]


def test_a_vendors_event_is_scored_through_n8n_and_a_forged_one_is_not(live: Live) -> None:
    assert vendor_event(live, secret="forged").status_code == 401
    answered = "SELECT response FROM idempotency_keys WHERE endpoint = '/v1/webhooks'"
    assert live.rows(answered) == []
    answer = vendor_event(live)
    assert answer.status_code == 202, answer.text
    ((told,),) = live.rows(answered)
    assert told["status"] == "accepted"
    # It is answered at once and looked into afterwards: soon, or where the channel failed a moment ago (tests before
    # this one have it fail) once its breaker lets through, by the flow that in life asks each minute.
    looked_into = "SELECT dispatched_at IS NOT NULL FROM outbox WHERE type = 'webhook.received'"
    deadline = time.monotonic() + NOTED_S + float(config.Settings.model_fields["breaker_reset_s"].default)
    minute_at = datetime.fromisoformat(AFTER_THE_LIVE_DAYS)
    while (seen := live.rows(looked_into)) != [(True,)] and time.monotonic() < deadline:
        time.sleep(5)
        # Each minute is another question; the same again would be answered as it was before.
        minute_at += timedelta(minutes=1)
        assert live.call("escalate-alerts", as_of=minute_at.isoformat()).is_success
    assert seen == [(True,)]


def test_every_flow_runs_on_this_store(live: Live) -> None:
    assert CALLS.keys() | CALLED_BY_OTHERS == FLOWS
    # Most have run for the tests before this one; alone it calls them all.
    for name in sorted(CALLS.keys() - succeeded(live)):
        CALLS[name](live)
    deadline = time.monotonic() + NOTED_S
    while succeeded(live) < FLOWS and time.monotonic() < deadline:
        time.sleep(0.5)
    assert succeeded(live) == FLOWS
