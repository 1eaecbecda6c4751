"""What a stage tells of itself is counted under the names that are documented."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from python_nodes import log
from python_nodes.errors import RetryableError
from python_nodes.telemetry import meters


@pytest.fixture(autouse=True)
def _watched() -> None:
    log.watch_stages(meters.stage)


@pytest.fixture
def gained() -> Callable[..., float]:
    """How much a sample has gained since the test began."""
    before = {(one.name, tuple(sorted(one.labels.items()))): one.value for m in REGISTRY.collect() for one in m.samples}

    def gain(name: str, **labels: str) -> float:
        now = REGISTRY.get_sample_value(name, labels) or 0.0
        return now - before.get((name, tuple(sorted(labels.items()))), 0.0)

    return gain


def run(name: str, counts: dict[str, Any], error: Exception | None = None, **facts: Any) -> None:
    """Run a stage that notes these counts."""
    with log.stage(name, **facts) as told:
        told.update(counts)
        if error is not None:
            raise error


def test_a_poll_is_counted_by_vendor_and_operation(gained: Callable[..., float]) -> None:
    counts = {"vendor": "airbnb", "fetched": 10, "stored": 7, "unchanged": 0, "rejected": 3}
    run("poll", counts, operation="ari", connection_id=1)
    own = {"channel_type": "airbnb", "sync_type": "ari"}
    assert gained("channel_sync_total", **own, status="success") == 1
    assert gained("channel_sync_duration_seconds_count", **own) == 1
    told = {
        name: gained("channel_sync_records_total", **own, result=name) for name in ("fetched", "stored", "rejected")
    }
    assert told == {"fetched": 10, "stored": 7, "rejected": 3}
    assert gained("nightporter_stages_total", stage="poll", outcome="ok") == 1


def test_a_poll_that_fails_is_a_failure(gained: Callable[..., float]) -> None:
    with pytest.raises(RetryableError):
        run("poll", {"vendor": "airbnb"}, RetryableError("no"), operation="reviews", connection_id=1)
    assert gained("channel_sync_total", channel_type="airbnb", sync_type="reviews", status="failure") == 1
    assert gained("channel_sync_total", channel_type="airbnb", sync_type="reviews", status="success") == 0
    assert gained("nightporter_stages_total", stage="poll", outcome="failed") == 1


def test_an_operation_that_no_vendor_has_is_no_label(gained: Callable[..., float]) -> None:
    """The stage is left before its vendor is known."""
    with pytest.raises(RetryableError):
        run("poll", {}, RetryableError("no"), operation="made-up", connection_id=1)
    assert "made-up" not in str([one.samples for one in REGISTRY.collect()])


def test_a_sweep_tells_series_and_findings(gained: Callable[..., float]) -> None:
    run("metrics_score", {"series": 1800, "scored": 5, "found": 4})
    run("guards_check", {"checked": 200, "found": 2})
    assert REGISTRY.get_sample_value("nightporter_sweep_series") == 1800
    assert gained("nightporter_sweep_found_total", by="watches") == 4
    assert gained("nightporter_sweep_found_total", by="guards") == 2


def test_alerts_are_counted_by_change(gained: Callable[..., float]) -> None:
    run("alerts_raise", {"raised": 3, "updated": 2, "resolved": 1, "notify": 9})
    told = {name: gained("nightporter_alerts_total", change=name) for name in ("raised", "updated", "resolved")}
    assert told == {"raised": 3, "updated": 2, "resolved": 1}


def test_deliveries_are_counted_where_something_was_tried(gained: Callable[..., float]) -> None:
    """One that is sent already is no attempt; a failure has no lag."""
    run("delivery_send", {"sender": "slack", "lag_s": 2.5, "status": "sent"})
    run("delivery_send", {"sender": "slack", "status": "sent"})
    with pytest.raises(RetryableError):
        run("delivery_send", {"sender": "slack"}, RetryableError("no"))
    assert gained("nightporter_deliveries_total", sender="slack", status="sent") == 1
    assert gained("nightporter_deliveries_total", sender="slack", status="failed") == 1
    assert gained("nightporter_delivery_lag_seconds_sum", sender="slack") == 2.5
    assert gained("nightporter_delivery_lag_seconds_count", sender="slack") == 1


@pytest.mark.parametrize(
    ("counts", "event"),
    [
        ({"vendor_event": "RESERVATION_CREATED"}, "RESERVATION_CREATED"), ({}, "repeated"),
        ({"vendor_event": "a b"}, "other"),
    ],
)  # fmt: skip
def test_webhooks_are_counted_by_event(counts: dict[str, str], event: str, gained: Callable[..., float]) -> None:
    run("webhook_receive", {"vendor": "expedia_group", **counts}, connection_id=1)
    assert gained("webhook_received_total", channel_type="expedia_group", event_type=event) == 1


def test_a_note_reaches_the_innermost_stage_only() -> None:
    """What a part knows is told by the stage that it is part of; outside of any it is lost without harm."""
    log.note(vendor="nobody")
    with log.stage("outer") as outer:
        with log.stage("inner") as inner:
            log.note(vendor="airbnb")
        log.note(more=1)
    assert (inner, outer) == ({"vendor": "airbnb"}, {"more": 1})
