"""The default moment, and the moment of a history."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from python_nodes import clock
from python_nodes.steps.backfill import moment_after, windows


def test_what_was_asked_for_is_in_utc() -> None:
    asked = datetime(2026, 3, 2, 14, tzinfo=timezone(timedelta(hours=2)))
    assert clock.resolve(asked) == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert clock.resolve(asked).tzinfo is UTC
    assert abs(clock.resolve(None) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_history_is_never_dated_after_now_nor_long_after_its_end() -> None:
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert moment_after(date(2026, 1, 31), now) == datetime(2026, 2, 1, 11, tzinfo=UTC)
    assert moment_after(date(2026, 3, 1), now) == now
    assert moment_after(date(2027, 3, 1), now) == now


@given(st.dates(date(2020, 1, 1), date(2026, 1, 1)), st.integers(0, 1000))
def test_months_cover_each_day_once(start: date, span_days: int) -> None:
    cut = list(windows(start, start + timedelta(days=span_days), 31))
    days = [first + timedelta(days=n) for first, last in cut for n in range((last - first).days + 1)]
    assert days == [start + timedelta(days=n) for n in range(span_days + 1)]
    assert all((last - first).days < 31 for first, last in cut)
