"""Who is told, and a reason for everybody who is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from python_nodes.alerts.route import PastDelivery, Routed, default_policy, route
from python_nodes.domain.findings import Alert, Category

AS_OF = datetime(2026, 3, 4, 12, tzinfo=UTC)
POLICY = default_policy(slack_channel="C1", email_recipient="ops@example.test")
ALERT = Alert(
    alert_id=1, fingerprint="f", scope="listing", listing_id=2, property_id=1, market="lisbon", metric="availability",
    kind="not_bookable", cause="calendar_closed", title="t", category="high", score=70.0, currency="EUR",
    impact_minor=1, loss_per_day_minor=1, lost_so_far_minor=1, onset_date=date(2026, 3, 4), raised_at=AS_OF,
    updated_at=AS_OF, resolved_at=None, version=1, evidence={}, parts={},
)  # fmt: skip


def senders(routed: Routed) -> list[str]:
    return [target.sender for target in routed.send]


def sent(routed: Routed) -> list[PastDelivery]:
    return [PastDelivery(sender=t.sender, recipient=t.recipient, step=t.step, status="sent") for t in routed.send]


@pytest.mark.parametrize(
    ("category", "expected"),
    [("critical", ["slack", "email"]), ("high", ["slack", "email"]), ("medium", ["slack"]), ("low", [])],
)
def test_the_default_policy_by_category(category: Category, expected: list[str]) -> None:
    routed = route(replace(ALERT, category=category), POLICY, AS_OF, [])
    assert senders(routed) == expected
    assert len(routed.send) + len(routed.suppressed) == len(POLICY.routes), "every way out has a decision"
    assert all([*(target.reason for target in routed.send), *(item.reason for item in routed.suppressed)])
    assert all("below the sending threshold" in item.reason for item in routed.suppressed)


def test_the_same_step_is_planned_once() -> None:
    first = route(ALERT, POLICY, AS_OF, [])
    again = route(ALERT, POLICY, AS_OF, sent(first))
    assert again.send == ()
    assert {item.reason for item in again.suppressed} == {"already planned: raised-high"}


def test_worse_is_told_again_and_better_is_not() -> None:
    past = sent(route(ALERT, POLICY, AS_OF, []))
    assert senders(route(replace(ALERT, category="critical"), POLICY, AS_OF, past)) == ["slack", "email"]
    better = route(replace(ALERT, category="medium"), POLICY, AS_OF, past)
    assert better.send == ()


def test_the_end_is_told_once_to_those_who_were_told_the_start() -> None:
    medium = replace(ALERT, category="medium")
    past = sent(route(medium, POLICY, AS_OF, []))
    ended = replace(medium, resolved_at=AS_OF + timedelta(days=1))
    routed = route(ended, POLICY, AS_OF + timedelta(days=1), past)
    assert senders(routed) == ["slack"]
    assert routed.suppressed[0].reason == "ended, but its start was never told here"
    assert route(ended, POLICY, AS_OF + timedelta(days=1), [*past, *sent(routed)]).send == ()


def test_a_suppressed_delivery_does_not_count_as_told() -> None:
    past = [PastDelivery(sender="email", recipient="ops@example.test", step="raised-high", status="suppressed")]
    assert senders(route(ALERT, POLICY, AS_OF, past)) == ["slack", "email"]
