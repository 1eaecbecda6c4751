"""What the doctor says of metrics: in words, with what to do, and nothing where all is well."""

from __future__ import annotations

import pytest

from python_nodes.local import doctor_metrics

NOW_S = 1_800_000_000.0
POLLED_AT = "nightporter_connection_last_success_timestamp_seconds"
WELL = f"""
nightporter_http_requests_total{{method="GET",route="/v1/alerts",status="200"}} 990
nightporter_http_requests_total{{method="GET",route="/v1/alerts",status="503"}} 10
nightporter_store_up{{store="postgresql"}} 1
circuit_breaker_state{{channel_type="airbnb",tenant_id="1",connection_id="3"}} 2
{POLLED_AT}{{connection_id="3",channel_type="airbnb",sync_type="ari"}} {NOW_S - 3600}
nightporter_connection_failures{{tenant_id="1",connection_id="3",channel_type="airbnb",sync_type="ari"}} 0
nightporter_queue_length{{queue="default.bulk"}} 2
nightporter_jobs_oldest_queued_seconds{{tenant_id="1",kind="backfill"}} 20
nightporter_jobs_total{{task="backfill",state="success"}} 4
nightporter_jobs_total{{task="backfill",state="retry"}} 1
nightporter_stage_last_success_timestamp_seconds{{stage="metrics_score"}} {NOW_S - 7200}
nightporter_sweep_series 1800
nightporter_series_queue_length{{tenant_id="1"}} 0
nightporter_outbox_pending{{tenant_id="1",type="alert.notify"}} 3
nightporter_outbox_oldest_seconds{{tenant_id="1",type="alert.notify"}} 90000
nightporter_deliveries_waiting{{tenant_id="1",sender="slack",status="planned"}} 1
nightporter_deliveries_oldest_waiting_seconds{{tenant_id="1",sender="slack"}} 5
nightporter_deliveries_total{{sender="slack",status="sent"}} 12
"""


def told(text: str) -> dict[str, tuple[str, str]]:
    """Each check's words and advice."""
    return {one.name: (one.told, one.mend) for one in doctor_metrics.findings(text, NOW_S)}


def test_where_all_is_well_nothing_is_to_be_mended() -> None:
    """It says what it saw."""
    found = told(WELL)
    assert {name: mend for name, (_, mend) in found.items() if mend} == {}
    assert found["polls"][0] == "1 operations polled well, none late"
    assert found["sweep"][0] == "last ended well 2 h ago, 1800 series"
    assert found["jobs"][0] == "waiting tasks: 2 in default.bulk; 0 failed for good since the start"
    assert found["deliveries"][0] == "12 sent since the start, none failed or late"


def test_nothing_counted_yet_is_no_fault() -> None:
    """A worker that has just begun."""
    assert all(one.ok for one in doctor_metrics.findings("", NOW_S))


@pytest.mark.parametrize(
    ("line", "name", "words", "advice"),
    [
        (
            'nightporter_connection_failures{channel_type="vrbo",sync_type="ari",connection_id="9"} 4',
            "polls", "vrbo ari (connection 9): failed 4 times in a row, never well in the last week", "/v1/connections",
        ),
        (
            "nightporter_connection_last_success_timestamp_seconds"
            f'{{channel_type="vrbo",sync_type="ari",connection_id="9"}} {NOW_S - 3 * 86_400}',
            "polls", "vrbo ari (connection 9): last polled well 3 days ago", "poll-listings",
        ),
        (
            'circuit_breaker_state{channel_type="vrbo",connection_id="9"} 1',
            "polls", "vrbo (connection 9) is left alone for now", "/v1/connections",
        ),
        (
            'nightporter_jobs_oldest_queued_seconds{kind="import"} 900',
            "jobs", "a job (import) was accepted 15 min ago and nobody began it", "is Celery alive",
        ),
        ('nightporter_jobs_total{task="import",state="failure"} 2', "jobs", "2 failed for good", "/v1/jobs/{id}"),
        (
            'nightporter_outbox_oldest_seconds{type="job.hand_over"} 7200',
            "outbox", "job.hand_over waits since 2 h", "Celery",
        ),
        (
            'nightporter_deliveries_waiting{sender="sms",status="given_up"} 2',
            "deliveries", "given up within the day: 2 by sms", "by hand",
        ),
        (
            'nightporter_deliveries_waiting{sender="email",status="failed"} 1',
            "deliveries", "failed and tried again: 1 by email", "token",
        ),
        (
            'nightporter_deliveries_oldest_waiting_seconds{sender="email"} 1300',
            "deliveries", "a message by email waits since 22 min", "n8n",
        ),
        ('nightporter_store_up{store="valkey"} 0', "answers", "valkey cannot be read", "/readyz"),
        (
            'nightporter_http_requests_total{method="GET",route="/v1/x",status="500"} 90',
            "answers", "1090 requests answered since its start, 100 of them failed", "error_id",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_what_to_do(line: str, name: str, words: str, advice: str) -> None:
    """One thing wrong, one finding that says so."""
    found = told(WELL + line)
    assert words in found[name][0]
    assert advice in found[name][1]
    assert [one for one, (_, mend) in found.items() if mend] == [name]


def test_series_that_wait_are_told() -> None:
    """With since when, and that nothing is lost."""
    text = 'nightporter_series_queue_length 7\nnightporter_series_queue_oldest_seconds{tenant_id="1"} 3600'
    words, advice = told(text)["series"]
    assert words == "7 reports wait for InfluxDB, the oldest since 60 min"
    assert "nothing is lost" in advice


def test_many_wrongs_are_not_all_named() -> None:
    """Three, and how many more."""
    lines = [
        f'nightporter_connection_failures{{channel_type="vrbo",sync_type="ari",connection_id="{n}"}} 1'
        for n in range(5)
    ]  # fmt: skip
    assert told("\n".join(lines))["polls"][0].endswith("; and 2 more")
