"""Logs: one JSON object an event, without secrets and guests."""

from __future__ import annotations

import json

import pytest
import structlog

from python_nodes import log


@pytest.fixture(autouse=True)
def _restore() -> object:
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(
    ("value", "gone"),
    [
        ("postgresql://app:hunter2@host/db failed", "hunter2"),
        ("key np_abcdefghijkl was refused", "np_abcdefghijkl"),
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("mail to guest.name+x@example.com bounced", "guest.name+x@example.com"),
        ({"client_secret": "hunter2"}, "hunter2"),
        ({"deep": [{"guest_name": "Ada Lovelace"}]}, "Ada Lovelace"),
        (("a", {"Authorization": "hunter2"}), "hunter2"),
    ],
)
def test_secrets_and_guests_are_taken_out(value: object, gone: str) -> None:
    assert gone not in json.dumps(log.redact(value))


def test_plain_facts_stay() -> None:
    facts = {"operation": "ari", "stored": 3, "reason": "HTTP 503 from 127.0.0.1:80", "at": None}
    assert log.redact(facts) == facts


def test_a_stage_is_one_event_with_duration_counts_and_run_id(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    structlog.contextvars.bind_contextvars(run_id="n8n-1")
    with log.stage("poll", tenant_id=1) as facts:
        facts["stored"] = 3
    event = json.loads(capsys.readouterr().err)
    assert event.items() >= {
        "event": "poll", "outcome": "ok", "stored": 3, "tenant_id": 1, "run_id": "n8n-1", "stage": "poll",
    }.items()  # fmt: skip
    assert event["duration_s"] >= 0


def test_a_failed_stage_says_why_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    with pytest.raises(RuntimeError), log.stage("poll"):
        raise RuntimeError("Bearer abcdef was refused")
    event = json.loads(capsys.readouterr().err)
    assert event["outcome"] == "failed"
    assert event["reason"] == "RuntimeError: [redacted] was refused"
