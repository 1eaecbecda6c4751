"""`nightporter route` says who would be told and why, with no database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from python_nodes.cli import app

ALERT = {
    "category": "high", "cause": "parity", "kind": "parity", "metric": "listed_price", "market": "Lisbon",
    "property": "h1", "channel": None, "evidence": {"members": [{"channel": "airbnb"}, {"channel": "vrbo"}]},
    "raised_at": "2026-03-07T11:00:00Z", "resolved_at": None,
}  # fmt: skip
ROUTING = """
[hours.office]
zone = "Europe/Lisbon"
days = ["mon", "tue", "wed", "thu", "fri"]
from = 09:00:00
to = 18:00:00
[teams.revenue]
hours = "office"
recipients = { slack = ["#revenue"] }
[teams.ops]
recipients = { slack = ["#ops"], sms = ["$NIGHTPORTER_SMS_TO"] }
[[routes]]
name = "vrbo"
channel = "vrbo"
teams = ["revenue", "ops"]
[default]
"""


def asked(tmp_path: Path, alert: Any, *more: str) -> tuple[int, str]:
    (tmp_path / "alert.json").write_text(json.dumps(alert))
    (tmp_path / "routing.toml").write_text(ROUTING)
    files = ("--alert", str(tmp_path / "alert.json"), "--file", str(tmp_path / "routing.toml"))
    done = CliRunner().invoke(app, ["route", *files, *more])
    return done.exit_code, done.output


def test_who_is_told_who_waits_and_who_is_not(tmp_path: Path) -> None:
    status, text = asked(tmp_path, ALERT, "--at", "2026-03-07T12:00:00Z")
    assert status == 0
    assert "route 'vrbo' matches: revenue, ops" in text
    assert "told      slack  #ops: route 'vrbo': ops by slack" in text
    assert "waits     slack  #revenue: quiet hours of revenue: told from 2026-03-09 09:00 WET" in text
    assert "not told  sms    (nobody): NIGHTPORTER_SMS_TO is empty" in text


def test_the_moment_decides(tmp_path: Path) -> None:
    _, text = asked(tmp_path, ALERT, "--at", "2026-03-09T09:00:00Z")
    assert "told      slack  #revenue" in text


@pytest.mark.parametrize(
    ("change", "word"),
    [({"category": "urgent"}, "category: 'urgent'"), ({"cause": None}, "cause: must be text"),
     ({"raised_at": "soon"}, "raised_at: 'soon' is no ISO 8601 time")],
)  # fmt: skip
def test_what_is_wrong_with_the_alert_is_named(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    status, text = asked(tmp_path, ALERT | change)
    assert (status, word in text) == (2, True), text


def test_a_moment_without_a_zone_is_refused(tmp_path: Path) -> None:
    assert asked(tmp_path, ALERT, "--at", "2026-03-07T12:00:00") == (
        2, "nightporter: --at: '2026-03-07T12:00:00' needs a zone, such as Z\n",
    )  # fmt: skip
