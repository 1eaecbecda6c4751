"""What people would download: the last complete days, rewritten at each step, and the history once."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest

from sandbox import exports
from sandbox.calendar import MINOR_DIGITS
from sandbox.simulated import World
from sandbox.world import DEFAULT_T0

NAMES = ("airbnb_performance", "change_log", "expedia_performance", "market_watch", "vrbo_performance")


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def test_recent_files_hold_the_last_complete_days(main_job: World, tmp_path: Path) -> None:
    day = DEFAULT_T0 + timedelta(days=3)
    exports.write_recent(main_job, tmp_path, day)
    folder = tmp_path / "exports"
    assert sorted(path.stem for path in folder.glob("*.csv")) == sorted(NAMES)
    for name, column in (("vrbo_performance", "Date"), ("airbnb_performance", "ds"), ("market_watch", "date")):
        days = sorted({row[column] for row in _read(folder / f"{name}.csv")})
        assert days[0] == (day - timedelta(days=exports.RECENT_DAYS)).isoformat()
        assert days[-1] == (day - timedelta(days=1)).isoformat()
        assert len(days) == exports.RECENT_DAYS
    log = _read(folder / "change_log.csv")
    assert max(date.fromisoformat(row["changed_at"][:10]) for row in log) == day
    exports.write_recent(main_job, tmp_path, day + timedelta(days=1))
    assert max(row["ds"] for row in _read(folder / "airbnb_performance.csv")) == day.isoformat()


def test_reports_agree_with_the_world(main_job: World, tmp_path: Path) -> None:
    exports.write_recent(main_job, tmp_path, DEFAULT_T0)
    eve = DEFAULT_T0 - timedelta(days=1)
    told = [row for row in _read(tmp_path / "exports" / "expedia_performance.csv") if row["Date"] == eve.isoformat()]
    rows = main_job.performance("expedia", eve, eve)
    assert len(told) == len(rows) > 50
    for line, row in zip(told, rows, strict=True):
        assert (line["Property ID"], line["Room Type ID"]) == (row.property_id, row.room_id)
        assert int(line["Search Impressions"]) == row.search_views
        assert float(line["Booked Revenue"]) * 10 ** MINOR_DIGITS[row.currency] == pytest.approx(row.revenue_minor)


def test_history_is_written_once_up_to_the_eve_of_t0(main_job: World, tmp_path: Path) -> None:
    exports.write_history(main_job, tmp_path)
    rows = _read(tmp_path / "exports" / "history" / "market_watch.csv")
    assert {row["date"] for row in rows} == {
        (main_job.first + timedelta(days=k)).isoformat() for k in range(main_job.history_days)
    }
