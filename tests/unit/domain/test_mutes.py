"""When a mute holds, and which rules it may come back by."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from python_nodes.domain.mutes import Mute, checked_rule
from python_nodes.errors import PermanentError

START = datetime(2026, 1, 4, 8, tzinfo=UTC)
SUNDAYS = Mute(
    start_at=START, end_at=START + timedelta(hours=2), reason="cleaning", rrule="FREQ=WEEKLY;BYDAY=SU",
    zone="Europe/Lisbon",
)  # fmt: skip


def test_what_comes_back_keeps_its_hour_through_the_change_of_clocks() -> None:
    summer = datetime(2026, 7, 5, 7, 30, tzinfo=UTC)
    window = SUNDAYS.window(summer)
    assert window is not None
    assert [moment.astimezone(UTC).hour for moment in window] == [7, 9], "8 to 10 in Lisbon"
    assert SUNDAYS.window(summer + timedelta(days=1)) is None
    assert SUNDAYS.window(START - timedelta(days=7)) is None, "not before its first time"


def test_a_series_ends_by_its_rule_or_by_hand() -> None:
    twice = replace(SUNDAYS, rrule="FREQ=WEEKLY;COUNT=2")
    weeks = [twice.window(START + timedelta(weeks=week)) is not None for week in range(4)]
    assert weeks == [True, True, False, False]
    ended = replace(SUNDAYS, ended_at=START + timedelta(weeks=1))
    assert [ended.window(START + timedelta(weeks=week)) is not None for week in range(3)] == [True, False, False]


def test_when_it_ended_counts_once() -> None:
    one = replace(SUNDAYS, rrule=None)
    end = one.end_at
    assert one.ended_within(end - timedelta(hours=1), end) == end
    assert one.ended_within(end, end + timedelta(hours=1)) is None
    by_hand = replace(one, ended_at=START + timedelta(minutes=5))
    assert by_hand.ended_within(START, end) == by_hand.ended_at
    assert SUNDAYS.ended_within(START, end) is None, "a series goes on"
    assert replace(one, ended_at=START - timedelta(hours=1)).ended_within(START - timedelta(hours=2), end) is None


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("", "FREQ"), ("HELLO", "FREQ"), ("FREQ=SECONDLY", "FREQ"), ("FREQ=MINUTELY;INTERVAL=5", "FREQ"),
        ("FREQ=DAILY;FOO=1", "FOO"), ("FREQ=DAILY;COUNT=0", "COUNT"), ("FREQ=DAILY;INTERVAL=-1", "COUNT"),
        ("FREQ=NOW", "rrule"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_meant_is_refused_by_name(rule: str, word: str) -> None:
    with pytest.raises(PermanentError, match=word) as refused:
        checked_rule(rule)
    assert (refused.value.status, refused.value.field) == (422, "rrule")


def test_a_rule_is_stored_without_its_name() -> None:
    assert checked_rule("RRULE:FREQ=WEEKLY;BYDAY=SU") == "FREQ=WEEKLY;BYDAY=SU"
