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


EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "routing" / "routing.toml"


def test_what_happens_while_nobody_acts_is_told_with_its_times(tmp_path: Path) -> None:
    alert = tmp_path / "alert.json"
    alert.write_text(json.dumps(ALERT | {"category": "critical", "raised_at": "2026-11-29T23:30:00Z"}))
    asking = ["route", "--alert", str(alert), "--file", str(EXAMPLE), "--at", "2026-11-29T23:31:00Z"]
    done = CliRunner().invoke(app, asking)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    ahead = lines[lines.index("while nobody acts:") :]
    times = [line[:16] for line in ahead if line.endswith("UTC, Critical, and nobody has it")]
    assert times == ["2026-11-29 23:40", "2026-11-29 23:55", "2026-11-30 00:10", "2026-11-30 00:25"]
    assert sum("+351910000011" in line for line in ahead) == 3, "ana has the night, and is told by SMS three times"
    assert "  told      email  management@example.com" in done.output
    assert "not on call in primary: ana is until 2026-11-30 09:00 WET" in done.output


def test_the_hand_over_at_nine_reaches_the_next(tmp_path: Path) -> None:
    alert = tmp_path / "alert.json"
    alert.write_text(json.dumps(ALERT | {"category": "critical", "raised_at": "2026-11-30T08:40:00Z"}))
    asking = ["route", "--alert", str(alert), "--file", str(EXAMPLE), "--at", "2026-11-30T08:40:00Z"]
    ahead = CliRunner().invoke(app, asking).output.split("while nobody acts:")[1]
    assert ahead.index("+351910000011") < ahead.index("+351910000012"), "at 08:50 ana, at 09:05 bo"


def test_a_file_is_checked_by_itself() -> None:
    done = CliRunner().invoke(app, ["route", "--check", str(EXAMPLE), "--at", "2026-11-29T12:00:00Z"])
    assert done.exit_code == 0, done.output
    assert "in order: 4 teams, 2 routes, 1 escalations, 2 chains" in done.output
    assert "on call in primary: ana until 2026-11-30 09:00 WET" in done.output
    assert "nobody can be reached in data: operations is told in its place" in done.output


def test_a_file_that_is_wrong_ends_with_its_line(tmp_path: Path) -> None:
    wrong = tmp_path / "routing.toml"
    wrong.write_text(ROUTING.replace('teams = ["revenue", "ops"]', 'teams = ["revenue", "opps"]'))
    done = CliRunner().invoke(app, ["route", "--check", str(wrong)])
    assert done.exit_code == 2
    assert "routing.toml: line 15: routes[1].teams: unknown team 'opps'; there are: ops, revenue" in done.output


def test_without_an_alert_or_a_file_to_check_it_says_what_is_wanted() -> None:
    done = CliRunner().invoke(app, ["route"])
    assert (done.exit_code, "--alert FILE" in done.output) == (2, True)
