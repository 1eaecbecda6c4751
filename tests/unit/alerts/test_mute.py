"""What is muted, and that it is told after all when the mute ends and it is still there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from python_nodes.alerts.mute import Mute
from python_nodes.alerts.pipeline import AlertDraft, Decisions, PipelineSettings, reconcile
from python_nodes.domain.findings import Alert, Anomaly, Impact
from python_nodes.domain.portfolio import ListingInfo

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Listings = Callable[..., ListingInfo]
Anomalies = Callable[..., Anomaly]
Impacts = Callable[..., Impact]


class Desk:
    """One portfolio, run again and again as the step runs it, with what the store would keep."""

    def __init__(self, make: tuple[Listings, Anomalies, Impacts], count: int = 1, **listing: Any) -> None:
        self.listing, self.anomaly, self.impact = make
        self.listings: list[ListingInfo] = [self.listing(number, **listing) for number in range(1, count + 1)]
        self.mutes: list[Mute] = []
        self.alerts: dict[int, Alert] = {}

    def mute(self, start_at: datetime, end_at: datetime, **what: Any) -> None:
        self.mutes.append(Mute(start_at=start_at, end_at=end_at, reason="painting", mute_id=len(self.mutes), **what))

    def run(
        self, at: datetime, *where: int, kind: str = "no_price", category: str = "high", also: Sequence[Anomaly] = ()
    ) -> Decisions:
        found = [*(self.anomaly(one, kind) for one in where), *also]
        open_alerts = [one for one in self.alerts.values() if one.resolved_at is None]
        recent = tuple(one for one in self.alerts.values() if one.resolved_at is not None)
        settings = PipelineSettings(currency="EUR", mutes=tuple(self.mutes), recent=recent)
        impacts = [self.impact(category)] * len(found)
        done = reconcile(open_alerts, found, impacts, self.listings, at, settings)
        self._keep(done)
        return done

    def _keep(self, done: Decisions) -> None:
        for draft in done.insert:
            number = len(self.alerts) + 1
            self.alerts[number] = _stored(draft, number)
        for change in done.update:
            self.alerts[change.alert_id] = replace(self.alerts[change.alert_id], **change.fields)
        for end in done.resolve:
            self.alerts[end.alert_id] = replace(self.alerts[end.alert_id], resolved_at=end.resolved_at)

    @property
    def fingerprint(self) -> str:
        return self.alerts[1].fingerprint


def _stored(draft: AlertDraft, number: int) -> Alert:
    return Alert(alert_id=number, updated_at=draft.raised_at, resolved_at=None, version=1, **asdict(draft))


@pytest.fixture
def make(make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts) -> tuple[Listings, Anomalies, Impacts]:
    return make_listing, make_anomaly, make_impact


def told(done: Decisions) -> list[str]:
    """Say in words what people hear of one run."""
    return (
        [f"raised {draft.kind}" for draft in done.insert]
        + [one.reason for one in done.update if one.notify]
        + [f"ended: {one.reason}" for one in done.resolve if one.notify]
    )


def test_what_begins_under_a_mute_is_told_when_it_ends(make: Any) -> None:
    desk = Desk(make)
    desk.mute(NOON, NOON + 2 * DAY, listing_id=1)
    assert [told(desk.run(NOON + day * DAY, 1)) for day in range(3)] == [[], [], ["raised no_price"]]


def test_a_snooze_keeps_quiet_and_tells_what_outlives_it_once(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1)
    desk.mute(NOON + HOUR, NOON + 25 * HOUR, fingerprint=desk.fingerprint, origin="snooze")
    assert told(desk.run(NOON + 2 * HOUR, 1, category="critical")) == [], "not even worse"
    assert desk.alerts[1].category == "critical", "but it stays up to date"
    done = desk.run(NOON + 2 * DAY, 1, category="critical")
    (said,) = told(done)
    assert said.startswith("still there after the snooze: painting")
    assert "high became critical" in said
    assert [one.anew for one in done.update] == [True]
    assert "muted" not in desk.alerts[1].evidence
    assert told(desk.run(NOON + 3 * DAY, 1, category="critical")) == [], "told once"


def test_a_snooze_that_began_and_ended_between_two_runs_is_told_too(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1)
    desk.mute(NOON + HOUR, NOON + 2 * HOUR, fingerprint=desk.fingerprint, origin="snooze")
    assert told(desk.run(NOON + DAY, 1)) == ["still there after the snooze: painting"]
    assert told(desk.run(NOON + 2 * DAY, 1)) == []


def test_a_mute_ended_by_hand_lets_it_be_told_at_once(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1)
    desk.mute(NOON, NOON + 9 * DAY, listing_id=1)
    assert told(desk.run(NOON + DAY, 1)) == []
    desk.mutes[0] = replace(desk.mutes[0], ended_at=NOON + DAY + HOUR)
    assert told(desk.run(NOON + DAY + 2 * HOUR, 1)) == ["still there after the maintenance: painting"]


def test_of_overlapping_mutes_the_last_to_end_restores(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1)
    desk.mute(NOON, NOON + 2 * DAY, property_id=1)
    desk.mute(NOON + DAY, NOON + 4 * DAY, kind="no_price")
    heard = [told(desk.run(NOON + day * DAY + HOUR, 1)) for day in range(1, 6)]
    assert heard == [[], [], [], ["still there after the maintenance: painting"], []]


def test_the_end_of_a_muted_problem_is_told(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1)
    desk.mute(NOON, NOON + 9 * DAY, listing_id=1)
    desk.run(NOON + HOUR, 1)
    assert told(desk.run(NOON + DAY)) == ["ended: no_price is no longer found"]


def test_quiet_hours_hold_no_critical_alert_and_tell_in_the_morning_only_what_is_news(make: Any) -> None:
    desk = Desk(make, 2, market="lisbon")
    desk.listings = [desk.listing(1), desk.listing(2, property_id=2)]
    evening = NOON.replace(hour=22)
    desk.mute(evening, evening + 9 * HOUR, origin="quiet_hours", rrule="FREQ=DAILY")
    assert told(desk.run(evening + HOUR, 1, category="critical")) == ["raised no_price"]
    desk.run(NOON + DAY, 1, category="high")
    heard = [told(desk.run(at, 1, 2)) for at in (NOON + 34.5 * HOUR, NOON + 47 * HOUR, NOON + 2 * DAY)]
    assert heard == [[], ["raised no_price"], []], "the old one is no news in the morning"


def test_what_got_worse_in_quiet_hours_is_told_in_the_morning(make: Any) -> None:
    desk = Desk(make)
    evening = NOON.replace(hour=22)
    desk.mute(evening, evening + 9 * HOUR, origin="quiet_hours")
    desk.run(NOON, 1, category="medium")
    assert told(desk.run(evening + HOUR, 1, category="high")) == []
    (said,) = told(desk.run(evening + 10 * HOUR, 1, category="high"))
    assert "medium became high" in said


def test_a_muted_cause_still_explains_its_effects(make: Any) -> None:
    desk = Desk(make)
    desk.mute(NOON, NOON + DAY, kind="suspended")
    effect = desk.anomaly(1, "demand_drop", share_lost=0.9)
    done = desk.run(NOON + HOUR, 1, kind="suspended", also=[effect])
    assert told(done) == []
    held = {one.kind: (one.stage, one.decision) for one in done.reasons}
    assert held == {"suspended": ("mute", "held"), "demand_drop": ("inhibit", "held")}
    (why,) = [one for one in done.reasons if one.kind == "demand_drop"]
    assert why.held_by == next(one.fingerprint for one in done.reasons if one.kind == "suspended")


def test_a_muted_member_leaves_its_property_alert_standing(make: Any) -> None:
    desk = Desk(make, 3)
    desk.run(NOON, 1, 2)
    assert desk.alerts[1].scope == "property"
    desk.mute(NOON, NOON + 2 * DAY, listing_id=1)
    done = desk.run(NOON + HOUR, 1, 2)
    assert ([one.alert_id for one in done.update], told(done)) == ([1], []), "no second alert for who is left"
    assert told(desk.run(NOON + 3 * DAY, 1, 2)) == [], "who was told before and comes back is no news"


def test_a_snoozed_property_keeps_what_is_left_of_it_quiet(make: Any) -> None:
    desk = Desk(make, 3, market="lisbon")
    desk.run(NOON, 1, 2, 3)
    desk.mute(NOON, NOON + 2 * DAY, fingerprint=desk.fingerprint, origin="snooze")
    assert told(desk.run(NOON + HOUR, 2, 3)) == []
    assert told(desk.run(NOON + DAY, 2)) == []
    (said,) = told(desk.run(NOON + 3 * DAY, 2))
    assert said.startswith("still there after the snooze")


def test_another_problem_is_heard_through_a_mute(make: Any) -> None:
    desk = Desk(make, 1)
    desk.mute(NOON, NOON + DAY, listing_id=1, kind="no_price")
    assert told(desk.run(NOON, 1, kind="fee_missing")) == ["raised fee_missing"]
    desk.mute(NOON, NOON + DAY, market="porto")
    assert told(desk.run(NOON + HOUR, 1, kind="calendar_empty")) == [
        "raised calendar_empty", "ended: fee_missing is no longer found",
    ]  # fmt: skip


def test_money_goes_on_while_muted(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1)
    before = desk.alerts[1].lost_so_far_minor
    desk.anomaly = lambda listing, kind: make[1](listing, kind, onset_date=(NOON + 99 * DAY).date())
    desk.mute(NOON, NOON + 9 * DAY, listing_id=1)
    for day in (1, 2, 3):
        desk.run(NOON + day * DAY, 1)
    desk.run(NOON + 10 * DAY, 1)
    assert desk.alerts[1].lost_so_far_minor >= before + 9 * 10_000
