"""An alert goes on as what its problem has become: one thread, not one more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from python_nodes.alerts.pipeline import PipelineSettings, fingerprint, reconcile
from tests.unit.alerts.test_mute import DAY, HOUR, NOON, Desk, make, told

__all__ = ["make"]


def test_a_fall_told_by_another_figure_stays_the_same_alert(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1, kind="conversion_drop")
    done = desk.run(NOON + DAY, 1, kind="slow_decline")
    assert (told(done), done.insert, done.resolve) == ([], (), ())
    only = desk.alerts[1]
    assert (len(desk.alerts), only.kind, only.resolved_at) == (1, "slow_decline", None)
    assert told(desk.run(NOON + 2 * DAY)) == ["ended: slow_decline is no longer found"]


@pytest.mark.parametrize(("before", "after"), [("no_price", "not_bookable"), ("conversion_drop", "fee_missing")])
def test_another_sort_of_problem_is_another_alert(make: Any, before: str, after: str) -> None:
    desk = Desk(make)
    desk.run(NOON, 1, kind=before)
    heard = told(desk.run(NOON + DAY, 1, kind=after))
    assert heard == [f"raised {after}", f"ended: {before} is no longer found"]


def test_both_at_once_are_two(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1, kind="ctr_drop")
    assert told(desk.run(NOON + HOUR, 1, kind="ctr_drop", also=[desk.anomaly(1, "conversion_drop")])) == [
        "raised conversion_drop"
    ]


def test_of_several_parts_the_oldest_goes_on_and_the_others_end_quietly(make: Any) -> None:
    desk = Desk(make, 4)
    desk.run(NOON, 1)
    desk.alerts[2] = replace(
        desk.alerts[1], alert_id=2, listing_id=2, raised_at=NOON + HOUR, fingerprint=desk_fingerprint(2)
    )
    done = desk.run(NOON + DAY, 1, 2, 3)
    assert [(one.alert_id, one.fields["scope"], one.notify) for one in done.update] == [(1, "property", True)]
    assert [(one.alert_id, one.notify) for one in done.resolve] == [(2, False)]


def test_a_snooze_follows_the_alert_under_its_new_name_and_not_what_it_grows_to(make: Any) -> None:
    desk = Desk(make, 4)
    desk.run(NOON, 1, kind="conversion_drop")
    desk.mute(NOON, NOON + 4 * DAY, fingerprint=desk.fingerprint, origin="snooze")
    heard = [told(desk.run(NOON + day * DAY, 1, kind="slow_decline", category="critical")) for day in (1, 2)]
    assert (heard, len(desk.alerts)) == ([[], []], 1)
    assert told(desk.run(NOON + 3 * DAY, 1, 2, 3, kind="slow_decline")) == ["raised slow_decline"]


def test_what_people_closed_takes_no_other_alert_over(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1, kind="conversion_drop")
    closed = desk_fingerprint(1, "slow_decline")
    for people_closed, ended in ((frozenset[str](), 0), (frozenset({closed}), 1)):
        settings = PipelineSettings(currency="EUR", closed=people_closed)
        found = [desk.anomaly(1, "slow_decline")]
        done = reconcile([desk.alerts[1]], found, [desk.impact()], desk.listings, NOON + DAY, settings)
        assert (len(done.resolve), len(done.insert)) == (ended, ended)


def desk_fingerprint(listing_id: int, kind: str = "no_price") -> str:
    return fingerprint("listing", listing_id, None, None, kind)
