"""What the worker's metrics say, in words: what waits, what fails, who was not told, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from python_nodes.local.finding import Finding

QUEUED_TOO_LONG_S = 600.0
TELLING_TOO_LONG_S = 600.0
OUTBOX_TOO_LONG_S = 1800.0
SERIES_TOO_LONG_S = 900.0
STALE_S = 26 * 3600.0
"""A day and what a day's poll may be late."""
ERRORS_TOO_MANY = 0.05
BREAKER_OPEN = 1
WAITS_ON_PURPOSE = "alert.notify"
"""What waits for a team's hours stays in the outbox; its deliveries are looked at instead."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value with its labels."""

    labels: Mapping[str, str]
    value: float


class Metrics:
    """Every sample of an answer of GET /metrics, by name."""

    def __init__(self, text: str) -> None:
        self._samples: dict[str, list[Sample]] = {}
        for family in text_string_to_metric_families(text):
            for one in family.samples:
                self._samples.setdefault(one.name, []).append(Sample(one.labels, one.value))

    def of(self, name: str, **labels: str) -> list[Sample]:
        """The samples of that name that have these labels."""
        return [one for one in self._samples.get(name, ()) if labels.items() <= one.labels.items()]

    def total(self, name: str, **labels: str) -> float:
        """Their sum."""
        return sum(one.value for one in self.of(name, **labels))

    def oldest(self, name: str) -> Sample | None:
        """The largest of them."""
        return max(self.of(name), key=lambda one: one.value, default=None)


def findings(text: str, now_s: float) -> Iterator[Finding]:
    """Every check that the metrics allow, in the order in which work flows."""
    metrics = Metrics(text)
    yield _answers(metrics)
    yield _polls(metrics, now_s)
    yield _jobs(metrics)
    yield _sweep(metrics, now_s)
    yield _series(metrics)
    yield _outbox(metrics)
    yield _deliveries(metrics)


def _answers(metrics: Metrics) -> Finding:
    asked = metrics.total("nightporter_http_requests_total")
    failed = sum(
        one.value for one in metrics.of("nightporter_http_requests_total") if one.labels["status"].startswith("5")
    )
    down = [one.labels["store"] for one in metrics.of("nightporter_store_up") if one.value == 0]
    told = f"{asked:.0f} requests answered since its start, {failed:.0f} of them failed"
    if down:
        return Finding("answers", f"{', '.join(down)} cannot be read", "see /readyz and that store's log")
    is_bad = asked > 0 and failed / asked > ERRORS_TOO_MANY
    return Finding("answers", told, "each failure has an error_id in the worker's log" if is_bad else "")


def _polls(metrics: Metrics, now_s: float) -> Finding:
    good_at = metrics.of("nightporter_connection_last_success_timestamp_seconds")
    known = {_source(one): one.value for one in good_at}
    stale = [f"{name}: last polled well {ago(now_s - at)}" for name, at in known.items() if now_s - at > STALE_S]
    failing = [
        f"{_source(one)}: failed {one.value:.0f} times in a row, {_since(known.get(_source(one)), now_s)}"
        for one in metrics.of("nightporter_connection_failures")
        if one.value > 0
    ]
    open_ = [
        f"{one.labels['channel_type']} (connection {one.labels['connection_id']}) is left alone for now"
        for one in metrics.of("circuit_breaker_state")
        if one.value == BREAKER_OPEN
    ]
    wrong = [*failing, *open_, *stale]
    if wrong:
        mend = "`GET /v1/connections` tells why; is the flow poll-listings active?"
        return Finding("polls", _some(wrong), mend)
    return Finding("polls", f"{len(known)} operations polled well, none late" if known else "nothing polled yet")


def _since(at: float | None, now_s: float) -> str:
    return "never well in the last week" if at is None else f"last well {ago(now_s - at)}"


def _source(sample: Sample) -> str:
    labels = sample.labels
    return f"{labels['channel_type']} {labels['sync_type']} (connection {labels['connection_id']})"


def _jobs(metrics: Metrics) -> Finding:
    waiting = ", ".join(
        f"{one.value:.0f} in {one.labels['queue']}" for one in metrics.of("nightporter_queue_length") if one.value
    )
    failed = metrics.total("nightporter_jobs_total", state="failure")
    told = f"waiting tasks: {waiting or 'none'}; {failed:.0f} failed for good since the start"
    oldest = metrics.oldest("nightporter_jobs_oldest_queued_seconds")
    if oldest is not None and oldest.value > QUEUED_TOO_LONG_S:
        told = f"a job ({oldest.labels['kind']}) was accepted {ago(oldest.value)} and nobody began it; {told}"
        return Finding("jobs", told, "is Celery alive (logs/celery.log)? If it is, start more workers")
    return Finding("jobs", told, "`GET /v1/jobs/{id}` tells the reason; see logs/celery.log" if failed else "")


def _sweep(metrics: Metrics, now_s: float) -> Finding:
    ended = metrics.of("nightporter_stage_last_success_timestamp_seconds", stage="metrics_score")
    failed = metrics.total("nightporter_stages_total", stage="metrics_score", outcome="failed")
    if not ended:
        mend = "the worker's log has the reason at event metrics_score" if failed else ""
        return Finding("sweep", f"none ended well since the start, {failed:.0f} failed", mend)
    age_s = now_s - max(one.value for one in ended)
    told = f"last ended well {ago(age_s)}, {metrics.total('nightporter_sweep_series'):.0f} series"
    return Finding("sweep", told, "is the flow score-metrics active in n8n?" if age_s > STALE_S else "")


def _series(metrics: Metrics) -> Finding:
    entries = metrics.total("nightporter_series_queue_length")
    oldest = metrics.oldest("nightporter_series_queue_oldest_seconds")
    if oldest is None or not entries:
        return Finding("series", "nothing waits to be written")
    told = f"{entries:.0f} reports wait for InfluxDB, the oldest since {span(oldest.value)}"
    late = oldest.value > SERIES_TOO_LONG_S
    return Finding("series", told, "nothing is lost; `nightporter influx setup --check`" if late else "")


def _outbox(metrics: Metrics) -> Finding:
    rows = [
        one
        for one in metrics.of("nightporter_outbox_oldest_seconds")
        if one.labels["type"] != WAITS_ON_PURPOSE and one.value > OUTBOX_TOO_LONG_S
    ]
    late = [f"{one.labels['type']} waits since {span(one.value)}" for one in rows]
    told = _some(late) or f"{metrics.total('nightporter_outbox_pending'):.0f} rows wait, none too long"
    return Finding("outbox", told, "what dispatches it is not running: look at Celery and at n8n" if late else "")


def _deliveries(metrics: Metrics) -> Finding:
    name = "nightporter_deliveries_waiting"
    lost = [f"{one.value:.0f} by {one.labels['sender']}" for one in metrics.of(name, status="given_up") if one.value]
    failed = [f"{one.value:.0f} by {one.labels['sender']}" for one in metrics.of(name, status="failed") if one.value]
    oldest = metrics.oldest("nightporter_deliveries_oldest_waiting_seconds")
    if lost:
        mend = "the delivery's error names the provider's reason; mend it and tell them by hand"
        return Finding("deliveries", f"given up within the day: {', '.join(lost)}", mend)
    if failed:
        mend = "they are tried again by themselves; check the sender's token and address if it goes on"
        return Finding("deliveries", f"failed and tried again: {', '.join(failed)}", mend)
    if oldest is not None and oldest.value > TELLING_TOO_LONG_S:
        told = f"a message by {oldest.labels['sender']} waits since {span(oldest.value)}"
        return Finding("deliveries", told, "is the flow that sends alerts active, and does n8n reach the worker?")
    sent = metrics.total("nightporter_deliveries_total", status="sent")
    return Finding("deliveries", f"{sent:.0f} sent since the start, none failed or late")


def _some(told: list[str], most: int = 3) -> str:
    more = f"; and {len(told) - most} more" if len(told) > most else ""
    return "; ".join(told[:most]) + more


def ago(seconds: float) -> str:
    """A time that is past, in words."""
    return f"{span(seconds)} ago"


def span(seconds: float) -> str:
    """A length of time in its largest unit of which there are two."""
    for unit, length in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
