"""Who is told next, when, and when no longer: the short form, minutes and teams."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from python_nodes.alerts import escalate, routing_file
from python_nodes.alerts.escalate import Seen
from python_nodes.alerts.policy import RoutePolicy, Subject
from python_nodes.alerts.route import Suppressed, Target, mismatch
from python_nodes.domain.escalations import Progress
from python_nodes.errors import ConfigError
from tests.unit.alerts import test_route

RAISED = datetime(2026, 3, 6, 21, tzinfo=UTC)  # a Friday night
SENDERS = ("slack", "email", "sms")
ABOUT = replace(test_route.ABOUT, raised_at=RAISED)
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


WAITS = Seen(in_hand=False, muted_until=None, raised_within=lambda rule, span: 0)


class Clock:
    """One alert in all escalations that match it, moved on minute by minute as the worker does."""

    def __init__(self, policy: RoutePolicy, about: Subject = ABOUT) -> None:
        self.policy, self.about = policy, about
        self.at = [escalate.begin(one, about) for one in policy.escalations if mismatch(about, one.rule) is None]
        self.suppressed: list[Suppressed] = []

    def send(self, minutes: float, seen: Seen = WAITS) -> list[Target]:
        """Return what is planned at that minute."""
        done = [
            escalate.advance(one, self.about, self.policy, seen, RAISED + timedelta(minutes=minutes))
            if one.due_at is not None and one.due_at <= RAISED + timedelta(minutes=minutes)
            else escalate.Advanced(progress=one)
            for one in self.at
        ]
        self.at: list[Progress] = [one.progress for one in done]
        self.suppressed += [item for one in done for item in one.suppressed]
        return [item for one in done for item in one.send]


def test_nothing_is_due_before_its_time(policy: RoutePolicy) -> None:
    assert Clock(policy).send(14) == []


def test_a_step_is_due_from_its_minute_on_and_tells_each_recipient_once(policy: RoutePolicy) -> None:
    clock = Clock(policy)
    (one,) = clock.send(15)
    assert (one.sender, one.recipient, one.step) == ("slack", "#ops", "escalate-again")
    assert one.reason == "Nobody has taken care of it for 15 min: again"
    assert clock.send(20) == []


def test_a_team_out_of_its_hours_waits_unless_it_is_critical(policy: RoutePolicy) -> None:
    clock = Clock(policy)
    assert {one.recipient for one in clock.send(60)} == {"#ops"}
    (held,) = clock.suppressed
    assert (held.recipient, held.step) == ("chief@example.test", "escalate-chief-quiet")
    assert held.waits_until is not None
    assert held.waits_until.isoformat() == "2026-03-09T09:00:00+00:00"
    monday = int((held.waits_until - RAISED).total_seconds() // 60)
    assert clock.send(monday - 1) == []
    (told,) = clock.send(monday)
    assert (told.recipient, told.step) == ("chief@example.test", "escalate-chief")
    assert {one.ended_because for one in clock.at} == {escalate.DONE}
    critical = Clock(policy, replace(ABOUT, category="critical"))
    assert {one.recipient for one in critical.send(60)} == {"#ops", "chief@example.test"}


def test_what_waits_for_the_morning_is_not_told_if_somebody_takes_it_in_the_night(policy: RoutePolicy) -> None:
    clock = Clock(policy)
    clock.send(60)
    assert clock.send(4 * 24 * 60, replace(WAITS, in_hand=True)) == []
    assert escalate.IN_HAND in {one.ended_because for one in clock.at}


def test_only_what_matches_and_is_open_is_escalated(policy: RoutePolicy) -> None:
    assert Clock(policy, replace(ABOUT, category="low", markets=frozenset({"porto"}))).at == []
    clock = Clock(policy)
    clock.about = replace(ABOUT, resolved_at=RAISED + timedelta(minutes=5))
    assert clock.send(600) == []
    assert {one.ended_because for one in clock.at} == {escalate.RESOLVED}


def test_a_sender_that_is_not_set_up_is_recorded_with_the_reason(policy: RoutePolicy) -> None:
    clock = Clock(replace(policy, not_set_up={"slack": "sender slack is not set up"}))
    assert clock.send(15) == []
    (held,) = clock.suppressed
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
    clock = Clock(shipped, replace(ABOUT, category="critical"))
    assert {one.sender for one in clock.send(30)} == {"slack", "email", "sms"}
    assert {one.sender for one in clock.send(90)} == {"sms"}, "the second level"
    assert clock.send(10_000) == []
    assert shipped.digest.teams == ("operations",)
