"""Who is told next, when, and when no longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from python_nodes.alerts import escalate, routing_file
from python_nodes.alerts.policy import RoutePolicy, Subject
from python_nodes.alerts.route import PastDelivery, Routed
from python_nodes.errors import ConfigError

RAISED = datetime(2026, 3, 6, 21, tzinfo=UTC)  # a Friday night
SENDERS = ("slack", "email", "sms")
ABOUT = Subject(
    category="high", cause="calendar_closed", kind="not_bookable", metric="availability", markets=frozenset({"lisbon"}),
    properties=frozenset({"hotel-1"}), channels=frozenset({"booking_com"}), raised_at=RAISED,
)  # fmt: skip
FILE = """
[hours.office]
zone = "Europe/Lisbon"
days = ["mon", "tue", "wed", "thu", "fri"]
from = 09:00:00
to = 18:00:00

[teams.ops.recipients]
slack = ["#ops"]
sms = ["+1"]

[teams.chief]
hours = "office"
recipients = { slack = ["#ops"], email = ["chief@example.test"] }

[[escalations]]
name = "again"
category = ["high", "critical"]
after_minutes = 15
teams = ["ops", "chief"]
senders = ["slack"]

[[escalations]]
name = "chief"
market = "lisbon"
after_minutes = 60
teams = ["chief"]
senders = "email"

[default]
teams = []
"""


@pytest.fixture
def policy(tmp_path: Path) -> RoutePolicy:
    return loaded(FILE, tmp_path)


def loaded(text: str, folder: Path) -> RoutePolicy:
    path = folder / "routing.toml"
    path.write_text(text)
    return routing_file.load(path, SENDERS, {})


def after(policy: RoutePolicy, minutes: int, about: Subject = ABOUT, past: tuple[PastDelivery, ...] = ()) -> Routed:
    return escalate.due(about, policy, RAISED + timedelta(minutes=minutes), past)


def test_nothing_is_due_before_its_time(policy: RoutePolicy) -> None:
    assert after(policy, 14) == Routed(send=(), suppressed=())


def test_a_step_is_due_from_its_minute_on_and_tells_each_recipient_once(policy: RoutePolicy) -> None:
    (one,) = after(policy, 15).send
    assert (one.sender, one.recipient, one.step) == ("slack", "#ops", "escalate-again")
    assert one.reason == "Nobody has taken care of it for 15 min: again"


def test_what_was_planned_is_not_planned_again(policy: RoutePolicy) -> None:
    past = PastDelivery(sender="slack", recipient="#ops", step="escalate-again", status="sent")
    assert after(policy, 20, past=(past,)).send == ()
    other = replace(past, step="raised-high")
    assert len(after(policy, 20, past=(other,)).send) == 1


def test_a_team_out_of_its_hours_waits_unless_it_is_critical(policy: RoutePolicy) -> None:
    (held,) = after(policy, 60).suppressed
    assert (held.recipient, held.step) == ("chief@example.test", "escalate-chief-quiet")
    assert held.waits_until is not None
    assert held.waits_until.isoformat() == "2026-03-09T09:00:00+00:00"
    past = PastDelivery(sender=held.sender, recipient=held.recipient, step=held.step, status="suppressed")
    monday = int((held.waits_until - RAISED).total_seconds() // 60)
    assert "chief@example.test" in {one.recipient for one in after(policy, monday, past=(past,)).send}
    critical = replace(ABOUT, category="critical")
    assert {one.recipient for one in after(policy, 60, critical).send} == {"#ops", "chief@example.test"}


def test_only_what_matches_and_is_open_is_escalated(policy: RoutePolicy) -> None:
    low = replace(ABOUT, category="low", markets=frozenset({"porto"}))
    assert after(policy, 600, low) == Routed(send=(), suppressed=())
    ended = replace(ABOUT, resolved_at=RAISED + timedelta(minutes=5))
    assert after(policy, 600, ended) == Routed(send=(), suppressed=())


def test_a_sender_that_is_not_set_up_is_recorded_with_the_reason(policy: RoutePolicy) -> None:
    (held,) = after(replace(policy, not_set_up={"slack": "sender slack is not set up"}), 15).suppressed
    assert (held.step, held.reason) == ("escalate-again", "sender slack is not set up")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ('teams = ["opps"]', "escalations[1].teams: unknown team 'opps'"),
        ("after_minutes = 0", "escalations[1].after_minutes"),
        ('senders = ["fax"]', "escalations[1].senders: unknown sender 'fax'"),
        ("last = true", "escalations[1].last"),
    ],
)
def test_a_wrong_escalation_is_refused_by_its_field(tmp_path: Path, wrong: str, named: str) -> None:
    key = wrong.split(" = ", maxsplit=1)[0]
    own = {"name": '"one"', "after_minutes": "15", "teams": '["ops"]'}
    lines = [wrong, *(f"{name} = {value}" for name, value in own.items() if name != key)]
    text = '[teams.ops.recipients]\nslack = "#ops"\n[[escalations]]\n' + "\n".join(lines) + "\n[default]\nteams = []\n"
    with pytest.raises(ConfigError) as refused:
        loaded(text, tmp_path)
    assert named in str(refused.value)


def test_two_escalations_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"escalations\[2\].name: 'again'"):
        loaded(FILE.replace('name = "chief"', 'name = "again"'), tmp_path)


def test_the_shipped_file_escalates_and_names_who_gets_the_digest() -> None:
    variables = {
        "NIGHTPORTER_SLACK_CHANNEL": "C1", "NIGHTPORTER_EMAIL_TO": "ops@example.test", "NIGHTPORTER_SMS_TO": "+351",
    }  # fmt: skip
    shipped = routing_file.load(routing_file.DEFAULT_PATH, SENDERS, variables)
    critical = replace(ABOUT, category="critical")
    assert {one.sender for one in after(shipped, 30, critical).send} == {"slack", "email", "sms"}
    assert shipped.digest.teams == ("operations",)
