"""Every counter, histogram and gauge that a process keeps of its own work; docs/observability.md tells what each means.

Names of the channel manager's design where they fit. No label is ever a listing's, a guest's or a tenant's name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from python_nodes.telemetry import folder

# A gauge without labels is written as soon as it is defined.
folder.own()
_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_WORK_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
_LAG_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)

http_requests = Counter("nightporter_http_requests_total", "Requests answered.", ("method", "route", "status"))
http_duration = Histogram(
    "nightporter_http_request_duration_seconds", "Until the answer.", ("method", "route"), buckets=_REQUEST_S
)
sync_runs = Counter("channel_sync_total", "Polls that asked a vendor.", ("channel_type", "sync_type", "status"))
sync_duration = Histogram(
    "channel_sync_duration_seconds", "How long polls took.", ("channel_type", "sync_type"), buckets=_WORK_S
)
sync_records = Counter(
    "channel_sync_records_total", "Records that polls brought.", ("channel_type", "sync_type", "result")
)
api_errors = Counter("channel_api_errors_total", "Calls of a vendor that failed.", ("channel_type", "error_code"))
rate_limit_hits = Counter("rate_limit_hits_total", "Calls that a limit held up.", ("channel_type", "by"))
webhooks = Counter("webhook_received_total", "Events that vendors sent.", ("channel_type", "event_type"))
stages = Counter("nightporter_stages_total", "Steps that ended.", ("stage", "outcome"))
stage_duration = Histogram("nightporter_stage_duration_seconds", "How long steps took.", ("stage",), buckets=_WORK_S)
stage_success_at = Gauge(
    "nightporter_stage_last_success_timestamp_seconds", "When a step last ended well.", ("stage",),
    multiprocess_mode="mostrecent",
)  # fmt: skip
sweep_series = Gauge(
    "nightporter_sweep_series", "Series that the last sweep read.", multiprocess_mode="mostrecent"
)  # fmt: skip
sweep_found = Counter("nightporter_sweep_found_total", "Anomalies found.", ("by",))
alert_changes = Counter("nightporter_alerts_total", "Alerts raised, updated and resolved.", ("change",))
deliveries = Counter("nightporter_deliveries_total", "Attempts to tell somebody.", ("sender", "status"))
delivery_lag = Histogram(
    "nightporter_delivery_lag_seconds", "From an alert's news to the provider's word.", ("sender",), buckets=_LAG_S
)
jobs = Counter("nightporter_jobs_total", "Celery tasks that ended.", ("task", "state"))
job_duration = Histogram("nightporter_job_duration_seconds", "How long they ran.", ("task",), buckets=_WORK_S)
job_wait = Histogram("nightporter_job_wait_seconds", "From hand-over to start.", ("task",), buckets=_WORK_S)
connections = Gauge(
    "nightporter_database_connections", "Of the processes' pools.", ("state",), multiprocess_mode="livesum"
)

_WORD = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_SYNC_RESULTS = ("fetched", "stored", "unchanged", "rejected")
_FOUND_BY = {"metrics_score": "watches", "guards_check": "guards"}


@contextmanager
def stage(name: str, facts: Mapping[str, Any], counts: Mapping[str, Any]) -> Iterator[None]:
    """Count a step of ``log.stage`` and what it tells of itself when it ends."""
    began = time.perf_counter()
    outcome = "failed"
    try:
        yield
        outcome = "ok"
    finally:
        duration_s = time.perf_counter() - began
        stages.labels(name, outcome).inc()
        stage_duration.labels(name).observe(duration_s)
        if outcome == "ok":
            stage_success_at.labels(name).set_to_current_time()
        _count(name, outcome, duration_s, {**facts, **counts})


def _count(name: str, outcome: str, duration_s: float, told: Mapping[str, Any]) -> None:
    if name == "poll" and "vendor" in told:
        _count_sync(told["vendor"], told["operation"], outcome, duration_s, told)
    elif name == "delivery_send" and "sender" in told:
        _count_delivery(told["sender"], outcome, told)
    elif name == "webhook_receive" and "vendor" in told:
        webhooks.labels(told["vendor"], _event(outcome, told)).inc()
    elif outcome == "ok":
        _count_found(name, told)


def _event(outcome: str, told: Mapping[str, Any]) -> str:
    if outcome != "ok":
        return "refused"
    # What came before is answered again, and is not read.
    event = str(told.get("vendor_event", "repeated"))
    return event if _WORD.fullmatch(event) else "other"


def _count_sync(vendor: str, operation: str, outcome: str, duration_s: float, told: Mapping[str, Any]) -> None:
    sync_runs.labels(vendor, operation, "success" if outcome == "ok" else "failure").inc()
    sync_duration.labels(vendor, operation).observe(duration_s)
    for result in _SYNC_RESULTS:
        if told.get(result):
            sync_records.labels(vendor, operation, result).inc(told[result])


def _count_delivery(sender: str, outcome: str, told: Mapping[str, Any]) -> None:
    # What was sent before is answered again without an attempt.
    if outcome == "ok" and "lag_s" not in told:
        return
    deliveries.labels(sender, "sent" if outcome == "ok" else "failed").inc()
    if told.get("lag_s") is not None:
        delivery_lag.labels(sender).observe(max(told["lag_s"], 0.0))


def _count_found(name: str, told: Mapping[str, Any]) -> None:
    if name == "alerts_raise":
        for change in ("raised", "updated", "resolved"):
            alert_changes.labels(change).inc(told.get(change, 0))
    if name in _FOUND_BY:
        sweep_found.labels(_FOUND_BY[name]).inc(told.get("found", 0))
    if name == "metrics_score":
        sweep_series.set(told.get("series", 0))
