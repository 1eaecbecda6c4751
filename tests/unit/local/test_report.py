from __future__ import annotations

from typing import Any

import pytest

from python_nodes.local import n8n_rest, report

TRUTH = {"currency": "EUR", "incidents": [dict.fromkeys(report.INCIDENT_FIELDS, 1) | {"more": 2}]}
ALERT = dict.fromkeys(report.ALERT_FIELDS, "1") | {"title": "not told"}
SUMMARY = {"points_stored": 5, "series": 2, "deliveries": {"slack": 1, "email": 1}, "rejected": 0, "open_alerts": 1}


def built() -> dict[str, Any]:
    return report.build(
        n8n_version="2.40.7", workflows_published=4, executions={"success": 3, "error": 0}, steps_failed=0,
        truth=TRUTH, alerts=[ALERT], summary=SUMMARY, seconds=dict.fromkeys(report.SECONDS_FIELDS, 1.234),
        store="influxdb",
    )  # fmt: skip


def test_the_report_has_exactly_the_keys_that_were_asked_for() -> None:
    document = built()
    assert set(document) == {
        "n8n_version", "workflows_published", "executions", "steps_failed", "points_stored", "series", "incidents",
        "alerts", "deliveries", "seconds", "store", "currency",
    }  # fmt: skip
    assert set(document["incidents"][0]) == set(report.INCIDENT_FIELDS)
    assert set(document["alerts"][0]) == set(report.ALERT_FIELDS)
    assert document["deliveries"] == {"slack": 1, "email": 1, "sms": 0, "suppressed": 0}
    assert document["seconds"]["total"] == pytest.approx(1.2)


def test_running_executions_count_neither_as_success_nor_as_error() -> None:
    statuses = ["success", "error", "crashed", "running", "canceled"]
    assert n8n_rest.execution_counts([{"status": status} for status in statuses]) == {"success": 1, "error": 3}
