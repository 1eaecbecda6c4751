"""Who is told, and a reason for everybody who is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from python_nodes.alerts import routing_file
from python_nodes.alerts.policy import RoutePolicy, Subject
from python_nodes.alerts.route import PastDelivery, Routed, likeliest, route, subject
from python_nodes.domain.findings import Alert, Category
from python_nodes.domain.portfolio import ListingInfo

AS_OF = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
SENDERS = ("slack", "email", "sms")
VARIABLES = {
    "NIGHTPORTER_SLACK_CHANNEL": "C1", "NIGHTPORTER_EMAIL_TO": "ops@example.test", "NIGHTPORTER_SMS_TO": "+351210",
}  # fmt: skip
POLICY = routing_file.load(routing_file.DEFAULT_PATH, SENDERS, VARIABLES)
ABOUT = Subject(
    category="high", cause="calendar_closed", kind="not_bookable", metric="availability", markets=frozenset({"lisbon"}),
    properties=frozenset({"hotel-1"}), channels=frozenset({"booking_com"}), raised_at=AS_OF,
)  # fmt: skip
TEAMS = """
[hours.office]
zone = "Europe/Lisbon"
days = ["mon", "tue", "wed", "thu", "fri"]
from = 09:00:00
to = 18:00:00

[teams.ops.recipients]
slack = ["#ops"]
sms = ["+1"]

[teams.revenue]
hours = "office"
recipients = { slack = ["#revenue"], email = ["a@example.test", "b@example.test"] }

[[routes]]
name = "prices"
cause = ["price_error", "rate_missing"]
market = "lisbon"
teams = ["revenue"]
last = true

[[routes]]
name = "airbnb"
channel = "airbnb"
teams = ["ops"]
senders = ["slack"]

[[routes]]
name = "loud"
category = ["critical", "high"]
teams = ["ops"]

[default]
teams = ["revenue"]
senders = ["email"]
"""


@pytest.fixture
def policy(tmp_path: Path) -> RoutePolicy:
    file = tmp_path / "routing.toml"
    file.write_text(TEAMS)
    return routing_file.load(file, SENDERS, {})


def senders(routed: Routed) -> list[str]:
    return [target.sender for target in routed.send]


def sent(routed: Routed) -> list[PastDelivery]:
    return [PastDelivery(sender=t.sender, recipient=t.recipient, step=t.step, status="sent") for t in routed.send]


def told(routed: Routed) -> set[str]:
    return {target.recipient for target in routed.send}


@pytest.mark.parametrize(
    ("category", "expected"),
    [("critical", ["slack", "email", "sms"]), ("high", ["slack", "email"]), ("medium", ["slack"]), ("low", [])],
)
def test_the_shipped_file_by_category(category: Category, expected: list[str]) -> None:
    routed = route(replace(ABOUT, category=category), POLICY, AS_OF, [])
    assert senders(routed) == expected
    assert len(routed.send) + len(routed.suppressed) == 3, "every way out has a decision"
    assert all(target.reason for target in routed.send)
    assert all(f"category is {category}, not" in item.reason for item in routed.suppressed)


def test_the_same_step_is_planned_once() -> None:
    first = route(ABOUT, POLICY, AS_OF, [])
    again = route(ABOUT, POLICY, AS_OF, sent(first))
    assert again.send == ()
    assert {item.reason for item in again.suppressed if item.sender != "sms"} == {"already planned: raised-high"}


def test_worse_is_told_again_and_better_is_not() -> None:
    past = sent(route(ABOUT, POLICY, AS_OF, []))
    assert senders(route(replace(ABOUT, category="critical"), POLICY, AS_OF, past)) == ["slack", "email", "sms"]
    better = route(replace(ABOUT, category="medium"), POLICY, AS_OF, past)
    assert better.send == ()
    assert better.suppressed[0].reason == "already told at a higher category"


def test_a_problem_that_spreads_is_told_again() -> None:
    past = sent(route(ABOUT, POLICY, AS_OF, []))
    wider = route(replace(ABOUT, spread=1), POLICY, AS_OF, past)
    assert [target.step for target in wider.send] == ["raised-high-spread1"] * 2
    calmer = replace(ABOUT, spread=2, category="medium")
    assert route(calmer, POLICY, AS_OF, [*past, *sent(wider)]).send == ()


def test_the_end_is_told_once_to_those_who_were_told_the_start() -> None:
    medium = replace(ABOUT, category="medium")
    past = sent(route(medium, POLICY, AS_OF, []))
    ended = replace(medium, resolved_at=AS_OF + timedelta(days=1))
    routed = route(ended, POLICY, AS_OF + timedelta(days=1), past)
    assert senders(routed) == ["slack"]
    assert routed.suppressed[0].reason == "ended, but its start was never told here"
    assert route(ended, POLICY, AS_OF + timedelta(days=1), [*past, *sent(routed)]).send == ()


def test_a_suppressed_delivery_does_not_count_as_told() -> None:
    past = [PastDelivery(sender="email", recipient="ops@example.test", step="raised-high", status="suppressed")]
    assert senders(route(ABOUT, POLICY, AS_OF, past)) == ["slack", "email"]


def test_every_field_named_must_match_and_a_last_route_ends_the_reading(policy: RoutePolicy) -> None:
    price = replace(ABOUT, cause="price_error", channels=frozenset({"airbnb"}))
    routed = route(price, policy, AS_OF, [])
    assert told(routed) == {"#revenue", "a@example.test", "b@example.test"}
    assert any("a route above it is the last" in item.reason for item in routed.suppressed)
    elsewhere = route(replace(price, markets=frozenset({"porto"})), policy, AS_OF, [])
    assert told(elsewhere) == {"#ops", "+1"}, "the routes on airbnb and on high both match"
    assert elsewhere.why == ("route 'airbnb' matches: ops", "route 'loud' matches: ops")
    assert any("market is porto, not lisbon" in item.reason for item in elsewhere.suppressed)


def test_what_no_route_matches_goes_by_the_default(policy: RoutePolicy) -> None:
    routed = route(replace(ABOUT, category="low"), policy, AS_OF, [])
    assert told(routed) == {"a@example.test", "b@example.test"}


def test_quiet_hours_hold_back_all_but_the_critical_and_give_it_later(policy: RoutePolicy) -> None:
    friday_night = datetime(2026, 3, 6, 22, tzinfo=UTC)
    price = replace(ABOUT, cause="price_error", raised_at=friday_night)
    held = route(price, policy, friday_night, [])
    assert held.send == ()
    assert held.waits
    waiting = [item for item in held.suppressed if item.waits_until is not None]
    assert {item.waits_until for item in waiting} == {datetime(2026, 3, 9, 9, tzinfo=UTC)}
    assert waiting[0].reason == "quiet hours of revenue: told from 2026-03-09 09:00 WET"
    past = [PastDelivery(sender=i.sender, recipient=i.recipient, step=i.step, status="suppressed") for i in waiting]
    monday = route(price, policy, datetime(2026, 3, 9, 9, tzinfo=UTC), past)
    assert (len(monday.send), monday.waits) == (3, False)
    assert len(route(replace(price, category="critical"), policy, friday_night, past).send) == 3


def test_hours_are_local_also_over_a_change_of_the_clock(policy: RoutePolicy) -> None:
    price = replace(ABOUT, cause="price_error", raised_at=datetime(2026, 3, 28, tzinfo=UTC))
    summer = datetime(2026, 3, 30, 8, tzinfo=UTC)  # 09:00 in Lisbon since Sunday
    assert not route(price, policy, summer - timedelta(minutes=1), []).send
    assert route(price, policy, summer, []).send


def test_a_problem_that_ends_in_quiet_hours_is_never_told(policy: RoutePolicy) -> None:
    night = datetime(2026, 3, 6, 22, tzinfo=UTC)
    ended = replace(ABOUT, cause="price_error", raised_at=night, resolved_at=night + timedelta(hours=2))
    routed = route(ended, policy, night + timedelta(hours=2), [])
    assert (routed.send, routed.waits) == ((), False)


def test_a_way_that_is_not_set_up_and_an_empty_recipient_are_told_as_reasons(tmp_path: Path) -> None:
    bare = routing_file.load(
        routing_file.DEFAULT_PATH, SENDERS, VARIABLES | {"NIGHTPORTER_SMS_TO": ""},
        {"email": "sender email is not set up"},
    )  # fmt: skip
    routed = route(replace(ABOUT, category="critical"), bare, AS_OF, [])
    assert senders(routed) == ["slack"]
    assert {item.sender: item.reason for item in routed.suppressed} == {
        "email": "sender email is not set up", "sms": "NIGHTPORTER_SMS_TO is empty: nobody to send to",
    }  # fmt: skip


def test_nobody_gets_a_message_twice_who_is_in_two_teams(tmp_path: Path) -> None:
    file = tmp_path / "routing.toml"
    file.write_text(
        "[teams.a.recipients]\nslack = '#x'\n[teams.b.recipients]\nslack = '#x'\n"
        "[[routes]]\nname = 'all'\nteams = ['b', 'a']\n[default]\n"
    )
    routed = route(ABOUT, routing_file.load(file, SENDERS, {}), AS_OF, [])
    assert [(one.sender, one.recipient) for one in routed.send] == [("slack", "#x")]


def test_an_alert_on_several_channels_is_of_each(make_listing: Callable[..., ListingInfo]) -> None:
    alert = Alert(
        alert_id=1, fingerprint="f", scope="unit", listing_id=None, property_id=1, market="lisbon", metric="m",
        kind="parity", cause="parity", title="t", category="high", score=70.0, currency="EUR", impact_minor=1,
        loss_per_day_minor=1, lost_so_far_minor=1, onset_date=date(2026, 3, 4), raised_at=AS_OF, updated_at=AS_OF,
        resolved_at=None, version=1, evidence={"spread": 2}, parts={},
    )  # fmt: skip
    about = subject(alert, [make_listing(1, channel="airbnb"), make_listing(2, channel="vrbo")])
    assert (about.channels, about.properties, about.spread) == ({"airbnb", "vrbo"}, {"hotel-1"}, 2)


def likely(cause: str, team: str, probability: float) -> dict[str, object]:
    rest = {"cause": "unknown", "probability": 1 - probability, "team": ""}
    return {"causes": [{"cause": cause, "probability": probability, "team": team}, rest]}


@pytest.mark.parametrize(
    ("evidence", "team"),
    [
        (likely("feed_stale", "data", 0.8), "data"), (likely("feed_stale", "data", 0.4), ""), ({}, ""),
        (likely("price_error", "revenue", 0.9), "revenue"), ({"causes": []}, ""),
    ],
)  # fmt: skip
def test_the_likeliest_cause_names_the_team(evidence: dict[str, object], team: str) -> None:
    assert likeliest(evidence)[0] == team


def test_a_data_problem_goes_to_the_data_team_once_its_cause_is_sure() -> None:
    data = routing_file.load(
        routing_file.DEFAULT_PATH, SENDERS, VARIABLES | {"NIGHTPORTER_DATA_EMAIL_TO": "data@example.test"}
    )
    sure = replace(ABOUT, cause_team="data", cause_probability=0.6)
    assert told(route(sure, data, AS_OF, [])) == {"data@example.test"}
    routed = route(replace(sure, cause_probability=0.4), data, AS_OF, [])
    assert told(routed) == {"C1", "ops@example.test"}
    assert any("cause_team is data with 40% only, not 50%" in item.reason for item in routed.suppressed)
    critical = route(replace(sure, category="critical"), data, AS_OF, [])
    assert told(critical) == {"data@example.test", "+351210"}, "whoever is on call is woken all the same"


def test_while_the_data_team_has_nobody_operations_is_told() -> None:
    routed = route(replace(ABOUT, cause_team="data", cause_probability=0.9), POLICY, AS_OF, [])
    assert told(routed) == {"C1", "ops@example.test"}
    assert "nobody can be reached in data: operations is told in its place" in routed.why


def test_an_alert_whose_listings_are_gone_is_routed_by_what_it_says_itself() -> None:
    alert = Alert(
        alert_id=1, updated_at=AS_OF, resolved_at=None, version=1, fingerprint="f", scope="listing", listing_id=7,
        property_id=None, market="lisbon", metric="listing_views", kind="feed_stale", cause="feed_stale", title="t",
        category="high", score=70.0, currency="EUR", impact_minor=1, loss_per_day_minor=1, lost_so_far_minor=1,
        onset_date=date(2026, 3, 4), raised_at=AS_OF, evidence=dict(likely("feed_stale", "data", 0.9)), parts={},
    )  # fmt: skip
    alone = subject(alert, [])
    assert (alone.markets, alone.properties, alone.channels) == (frozenset({"lisbon"}), frozenset(), frozenset())
    assert alone.cause_team == "data"
    assert told(route(alone, POLICY, AS_OF, [])) == {"C1", "ops@example.test"}
