"""What people closed stays quiet while the same finding lasts, and no longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from python_nodes.alerts import silence
from python_nodes.alerts.decisions import Decisions
from python_nodes.domain.findings import Alert, AlertDraft, Anomaly, Silence
from python_nodes.domain.portfolio import ListingInfo

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ALERT = Alert(
    alert_id=7, fingerprint="f1", scope="listing", listing_id=1, property_id=1, market="lisbon", metric="availability",
    kind="not_bookable", cause="calendar_closed", title="Closed", category="high", score=70, currency="EUR",
    impact_minor=1, loss_per_day_minor=1, lost_so_far_minor=1, onset_date=date(2026, 3, 1), raised_at=NOON,
    updated_at=NOON, resolved_at=NOON, version=2, evidence={}, parts={},
)  # fmt: skip
EMPTY = Decisions(insert=(), update=(), resolve=(), reasons=())
MakeAnomaly = Callable[..., Anomaly]


@pytest.fixture
def listings(make_listing: Callable[..., ListingInfo]) -> list[ListingInfo]:
    return [make_listing(1), make_listing(2), make_listing(3, property_id=2)]


def draft(**changes: Any) -> AlertDraft:
    names = AlertDraft.__dataclass_fields__
    values = {name: getattr(ALERT, name) for name in names}
    return AlertDraft(**(values | changes))


def closed(because: str = "verdict", alert: Alert = ALERT) -> Silence:
    return Silence(alert=alert, because=because, began_at=NOON)


def heard(
    drafts: list[AlertDraft], by: Silence, found: list[Anomaly], listings: list[ListingInfo], days: float
) -> tuple[int, list[str]]:
    wanted = replace(EMPTY, insert=tuple(drafts))
    kept, ended = silence.apply(wanted, [by], found, listings, NOON + timedelta(days=days))
    return len(kept.insert), [one.reason for one in ended]


def test_a_false_alarm_is_quiet_as_long_as_it_is_found(listings: list[ListingInfo], make_anomaly: MakeAnomaly) -> None:
    found = [make_anomaly(1, "not_bookable")]
    assert heard([draft()], closed(), found, listings, 0) == (0, [])
    assert heard([draft()], closed(), found, listings, 90) == (0, [])


def test_once_it_is_gone_the_silence_ends(listings: list[ListingInfo], make_anomaly: MakeAnomaly) -> None:
    elsewhere = [make_anomaly(2, "not_bookable"), make_anomaly(1, "no_price")]
    assert heard([], closed(), elsewhere, listings, 1) == (0, ["not_bookable is no longer found"])


def test_what_cannot_be_judged_now_is_not_gone(listings: list[ListingInfo], make_anomaly: MakeAnomaly) -> None:
    drop = closed(alert=replace(ALERT, kind="conversion_drop"))
    assert heard([], drop, [make_anomaly(1, "feed_stale")], listings, 1) == (0, [])


def test_other_problems_are_heard(listings: list[ListingInfo], make_anomaly: MakeAnomaly) -> None:
    found = [make_anomaly(1, "not_bookable"), make_anomaly(2, "not_bookable"), make_anomaly(1, "no_price")]
    others = [draft(fingerprint="f2", listing_id=2), draft(fingerprint="f3", kind="no_price")]
    assert heard([draft(), *others], closed(), found, listings, 0) == (2, [])


def test_what_was_mended_may_show_for_a_day(listings: list[ListingInfo], make_anomaly: MakeAnomaly) -> None:
    found = [make_anomaly(1, "not_bookable")]
    assert heard([draft()], closed("resolve"), found, listings, 0.9) == (0, [])
    count, reasons = heard([draft()], closed("resolve"), found, listings, 1)
    assert count == 1
    assert "still found" in reasons[0]


def test_a_part_of_a_silenced_group_is_quiet_and_a_greater_group_is_not(
    listings: list[ListingInfo], make_anomaly: MakeAnomaly
) -> None:
    found = [make_anomaly(n, "not_bookable") for n in (1, 2, 3)]
    group = replace(ALERT, scope="property", listing_id=None, fingerprint="p1")
    market = draft(scope="market", listing_id=None, property_id=None, fingerprint="m1")
    assert heard([draft()], closed(alert=group), found, listings, 0)[0] == 0
    assert heard([draft(listing_id=3, fingerprint="f3")], closed(alert=group), found, listings, 0)[0] == 1
    assert heard([market], closed(alert=group), found, listings, 0)[0] == 1


def test_each_silence_kept_says_why(listings: list[ListingInfo], make_anomaly: MakeAnomaly) -> None:
    wanted = replace(EMPTY, insert=(draft(),))
    kept, _ = silence.apply(wanted, [closed()], [make_anomaly(1, "not_bookable")], listings, NOON)
    (reason,) = kept.reasons
    assert (reason.stage, reason.alert_id) == ("silence", 7)
    assert "judged a false alarm" in reason.why
