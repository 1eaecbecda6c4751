"""What comes and goes: the same alert again, held open before it tires people, ended once it stays away."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.alerts.test_mute import DAY, HOUR, NOON, Desk, make, told

__all__ = ["make"]


def test_what_comes_back_soon_is_the_same_alert_told_anew(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1)
    assert told(desk.run(NOON + HOUR)) == ["ended: no_price is no longer found"]
    done = desk.run(NOON + 3 * HOUR, 1)
    assert (done.insert, [(one.alert_id, one.reopens, one.anew) for one in done.update]) == ((), [(1, True, True)])
    assert told(done) == ["came back 2 h after it had ended"]
    again = desk.alerts[1]
    assert (again.resolved_at, again.raised_at, len(desk.alerts)) == (None, NOON, 1)


def test_what_comes_back_late_is_a_new_alert(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1)
    desk.run(NOON + HOUR)
    desk.alerts = {number: one for number, one in desk.alerts.items() if one.resolved_at is None}
    assert told(desk.run(NOON + 9 * DAY, 1)) == ["raised no_price"], "the step passes in only what ended lately"


def test_the_second_end_within_a_day_is_held_and_told_a_day_after_it_was_last_seen(make: Any) -> None:
    desk = Desk(make)
    for hour in range(3):
        desk.run(NOON + hour * HOUR, *([1] if hour % 2 == 0 else []))
    last = NOON + 3 * HOUR
    done = desk.run(last)
    assert (told(done), done.resolve) == ([], ())
    assert "comes and goes" in done.reasons[-1].why
    heard = {hour: told(desk.run(last + hour * HOUR)) for hour in range(1, 37)}
    (when,) = [hour for hour, one in heard.items() if one]
    assert 24 <= when <= 36
    assert heard[when] == ["ended: no_price is no longer found"]


def test_what_goes_away_for_days_at_a_time_is_not_damped(make: Any) -> None:
    desk = Desk(make)
    heard = [told(desk.run(NOON + day * DAY, *([1] if day % 4 < 2 else []))) for day in range(8)]
    assert [len(one) for one in heard] == [1, 0, 1, 0, 1, 0, 1, 0]


def test_the_loss_of_the_time_between_does_not_count(make: Any) -> None:
    desk = Desk(make)
    desk.run(NOON, 1)
    first = desk.alerts[1].lost_so_far_minor
    desk.run(NOON + HOUR)
    desk.anomaly = lambda listing, kind: make[1](listing, kind, onset_date=(NOON + DAY).date())
    desk.run(NOON + DAY, 1)
    assert desk.alerts[1].lost_so_far_minor == first + 5_000, "what it cost before, and the new finding's own"


@given(st.lists(st.booleans(), min_size=30, max_size=90), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_nobody_hears_of_one_listing_more_than_three_times_in_any_day(states: list[bool], hours: int) -> None:
    desk = Desk(_make())
    heard = [NOON + at * hours * HOUR for at, on in enumerate(states)
             for _ in told(desk.run(NOON + at * hours * HOUR, *([1] if on else [])))]  # fmt: skip
    assert all(sum(at <= other < at + DAY for other in heard) <= 3 for at in heard)


def _make() -> Any:
    from tests.unit.alerts import conftest

    return tuple(one.__wrapped__() for one in (conftest.make_listing, conftest.make_anomaly, conftest.make_impact))


@pytest.mark.parametrize("count", [2, 5])
def test_a_property_whose_last_member_comes_and_goes_stays_one_alert(make: Any, count: int) -> None:
    desk = Desk(make, count)
    desk.run(NOON, *range(1, count + 1))
    for hour in range(1, 12):
        desk.run(NOON + hour * HOUR, *([1] if hour % 2 == 0 else []))
    assert len(desk.alerts) == 1
