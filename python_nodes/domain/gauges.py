"""What the stores tell of the system's own state, as Prometheus names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GAUGES: Mapping[str, str] = {
    "circuit_breaker_state": "0 closed, 1 open, 2 half-open.",
    "nightporter_connection_last_success_timestamp_seconds": "When an operation was last polled well.",
    "nightporter_connection_failures": "Failed polls in a row.",
    "nightporter_alerts_open": "Open alerts.",
    "nightporter_deliveries_waiting": "Deliveries that are not sent.",
    "nightporter_deliveries_oldest_waiting_seconds": "Age of the oldest that is planned or being sent.",
    "nightporter_queue_length": "Celery tasks that wait.",
    "nightporter_queue_unacknowledged": "Celery tasks that are taken and not done.",
    "nightporter_jobs_open": "Accepted jobs that have not ended.",
    "nightporter_jobs_oldest_queued_seconds": "Age of the oldest job that no worker began.",
    "nightporter_outbox_pending": "Outbox rows that are not dispatched.",
    "nightporter_outbox_oldest_seconds": "Age of the oldest of them.",
    "nightporter_rejected_open": "Records in quarantine.",
    "nightporter_series_queue_length": "Writes that wait for InfluxDB.",
    "nightporter_series_queue_oldest_seconds": "Age of the oldest of them.",
    "nightporter_store_up": "1 if its state could be read for this answer.",
    "nightporter_build_info": "The version that answers.",
}
"""Each gauge with what it tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value of a gauge; all readings of a name have the same labels, in the same order."""

    name: str
    value: float
    labels: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a gauge that nobody described."""
        if self.name not in GAUGES:
            raise ValueError(f"{self.name!r} is not among the gauges")
