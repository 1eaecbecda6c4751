"""A property's own day of many moments, against its zone asked for each of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from python_nodes.store.local_time import local_days

# Clocks that change at midnight (Beirut, Santiago), at another hour, by half an hour, and never.
ZONES = ["Asia/Beirut", "America/Santiago", "Europe/Lisbon", "Australia/Lord_Howe", "Pacific/Honolulu", "UTC"]


def test_every_hour_of_a_year_falls_on_the_day_that_its_zone_says() -> None:
    hours = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * step, seconds=-1) for step in range(18_000)]
    row = np.arange(len(hours)) % len(ZONES)
    moments = np.array([hour.replace(tzinfo=None) for hour in hours], dtype="datetime64[us]")
    wanted = [hour.astimezone(ZoneInfo(ZONES[at])).date() for hour, at in zip(hours, row.tolist(), strict=True)]
    assert local_days(moments, row, ZONES).tolist() == wanted


@pytest.mark.parametrize("told", [0, 1])
def test_no_moment_has_no_day(told: int) -> None:
    moments = np.array(["2026-03-02T05:00"] * told + ["NaT"], dtype="datetime64[us]")
    found = local_days(moments, np.zeros(told + 1, dtype=np.int64), ["Pacific/Honolulu"])
    assert [str(day) for day in found] == ["2026-03-01"] * told + ["NaT"]
