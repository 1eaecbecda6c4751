"""What a line of the change log says, and how its timing counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from python_nodes.scoring.rootcause import logged
from python_nodes.scoring.rootcause.case import SCAN_DAYS, LoggedChange

LAST = date(2026, 5, 31)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1", "7", "raised"), ("120.00 EUR", "12.00 EUR", "lowered"), ("120.00 EUR", "120.00 USD", "edited"),
        ("wifi", "", "lost"), ("flex,nonref", "flex", "lost"), ("", "pool", "gained"), ("EUR", "EUR", "same"),
        ("open", "closed", "edited"), ("7,5", "7.5", "same"), ("Flexible", "Fully flexible", "edited"),
    ],
)  # fmt: skip
def test_direction(old: str, new: str, said: str) -> None:
    assert logged.direction(old, new) == said


def line(days_before: int, listing_id: int | None = 0) -> LoggedChange:
    at = datetime(2026, 5, 31, 6, tzinfo=UTC) - timedelta(days=days_before)
    return LoggedChange(changed_at=at, channel="vrbo", listing_id=listing_id, property_id=1, field="price", old="1",
                        new="2", actor="ana")  # fmt: skip


def test_a_change_just_before_the_break_counts_and_one_long_before_does_not() -> None:
    onset = np.zeros(SCAN_DAYS + 1)
    onset[-11] = 1.0  # ten days before today, nine before the last day
    near, far, after = (logged.lines([line(days)], onset, LAST, {0})[0].timing for days in (10, 30, 3))
    assert near > 2.0
    assert far == after == logged.LEAST


def test_an_onset_that_nothing_tells_makes_no_timing_better() -> None:
    flat = np.full(SCAN_DAYS + 1, 1.0 / (SCAN_DAYS + 1))
    assert abs(logged.lines([line(10)], flat, LAST, {0})[0].timing) < 0.1


def test_a_change_on_half_of_the_listings_counts_half() -> None:
    flat = np.full(SCAN_DAYS + 1, 1.0 / (SCAN_DAYS + 1))
    (one,) = logged.lines([line(10, 0), line(10, 1)], flat, LAST, {0, 1, 2, 3})
    assert one.share == 0.5
    (whole,) = logged.lines([line(10, None)], flat, LAST, {0, 1, 2, 3})
    assert whole.share == 1.0
