"""`nightporter detect` on files of each grain, with holidays and with pictures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from python_nodes.cli import app

# Points in a season, and how many seasons are enough to judge.
GRAINS = {
    timedelta(minutes=1): 1440, timedelta(minutes=5): 288, timedelta(hours=1): 24, timedelta(days=1): 7,
    timedelta(weeks=1): 52,
}  # fmt: skip


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["detect", *map(str, arguments), "--time", "at", "--value", "n"])
    return done.exit_code, done.output


def write(path: Path, times: list[str], values: np.ndarray) -> Path:
    pl.DataFrame({"at": times, "n": [f"{one:.3f}" for one in values]}).write_csv(path)
    return path


def seasonal(size: int, season: int, seed: int = 1) -> np.ndarray:
    shape = 100.0 + 20.0 * np.sin(np.arange(size) * 2 * np.pi / season)
    return shape + np.random.default_rng(seed).normal(0.0, 2.0, size)


@pytest.mark.parametrize("step", GRAINS, ids=str)
@pytest.mark.parametrize("extra", [[], ["--offline"]], ids=["causal", "offline"])
def test_every_grain_finds_its_season_and_the_fall_in_it(tmp_path: Path, step: timedelta, extra: list[str]) -> None:
    season = GRAINS[step]
    size = {1440: 3, 288: 6, 52: 6}.get(season, 400 // season) * season
    values = seasonal(size, season)
    struck = slice(size - season, size - season + max(season // 24, 3))
    values[struck] -= 60.0
    start = datetime(2019, 3, 4, tzinfo=UTC)
    file = write(tmp_path / "in.csv", [(start + at * step).isoformat() for at in range(size)], values)
    code, said = run(file, "--out", tmp_path / "out.csv", *extra)
    assert code == 0, said
    scored = pl.read_csv(tmp_path / "out.csv")
    assert scored.null_count().sum_horizontal().item() == 0
    assert scored["is_anomaly"].to_numpy()[struck].any()
    late = np.arange(size) >= size // 2
    # What was strange is remembered for hours of a day's season, in hindsight both ways.
    late[struck.start - season // 4 : struck.stop + season // 2] = False
    quiet = scored["is_anomaly"].to_numpy() & late
    assert (np.diff(quiet.astype(int)) == 1).sum() <= 3
    if season != 52:
        # Six years of weeks are too short for a year to be sure of; elsewhere the season is told.
        off = (scored["expected"].to_numpy() - seasonal(size, season))[late]
        assert np.abs(off).mean() < 8.0


def closed_on_holidays(tmp_path: Path) -> tuple[Path, list[date]]:
    """Return two years of days of a business in Germany that is closed on holidays, and two days of a fair."""
    days = [date(2024, 1, 1) + timedelta(days=at) for at in range(730)]
    values = seasonal(730, 7)
    struck = [date(2024, 10, 3), date(2025, 5, 1), date(2025, 6, 14), date(2025, 6, 15)]
    values[[days.index(day) for day in struck]] = 20.0
    return write(tmp_path / "in.csv", [day.isoformat() for day in days], values), struck


def called(tmp_path: Path, struck: list[date], *extra: object) -> list[bool]:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    code, said = run(file, "--out", out, *extra)
    assert code == 0, said
    scored = pl.read_csv(out, try_parse_dates=True)
    assert scored.null_count().sum_horizontal().item() == 0
    return [bool(scored.filter(pl.col("at") == day)["is_anomaly"][0]) for day in struck]


def test_a_holiday_and_an_event_in_a_file_are_not_called(tmp_path: Path) -> None:
    _, struck = closed_on_holidays(tmp_path)
    assert called(tmp_path, struck) == [True, True, True, True]
    assert called(tmp_path, struck, "--country", "DE") == [False, False, True, True]
    fair = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20250614\r\nDTEND;VALUE=DATE:20250616\r\nEND:VEVENT"
    (tmp_path / "fair.ics").write_text(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{fair}\r\nEND:VCALENDAR\r\n")
    both = ("--country", "DE-BY", "--holidays", tmp_path / "fair.ics")
    assert called(tmp_path, struck, *both) == [False, False, False, False]
    assert called(tmp_path, struck, *both, "--offline") == [False, False, False, False]
    marked = pl.read_csv(tmp_path / "out.csv", try_parse_dates=True).filter(pl.col("is_event"))["at"].to_list()
    assert set(struck) <= set(marked)
    assert len(marked) == 12 + 12 + 2


def test_an_hour_belongs_to_the_day_on_the_clock_it_is_written_by(tmp_path: Path) -> None:
    start = datetime.fromisoformat("2025-04-20T00:00:00+02:00")
    times = [(start + timedelta(hours=at)).isoformat() for at in range(480)]
    write(tmp_path / "in.csv", times, seasonal(480, 24))
    assert run(tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--country", "DE")[0] == 0
    marked = pl.read_csv(tmp_path / "out.csv").filter(pl.col("is_event"))["at"].to_list()
    assert marked == [time for time in times if time[:10] in ("2025-04-21", "2025-05-01")]


@pytest.mark.parametrize(
    ("extra", "word"),
    [
        (["--country", "XX"], "no public holidays are known of 'XX'"),
        (["--holidays", "none.ics"], "none.ics"),
        (["--plot", "picture.gif"], "--plot: a picture ends in .png, .svg, .html"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, extra: list[str], word: str) -> None:
    closed_on_holidays(tmp_path)
    code, said = run(tmp_path / "in.csv", "--out", tmp_path / "out.csv", *extra)
    assert code == 2
    assert said.startswith("nightporter: ")
    assert word in said
    assert said.count("\n") == 1


def test_a_file_of_holidays_alone_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "in.csv", ["2025-12-25", "2025-12-26"], np.array([1.0, 2.0]))
    code, said = run(tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--country", "DE")
    assert (code, "nothing is left to judge" in said) == (2, True)


def test_the_result_is_drawn(tmp_path: Path) -> None:
    closed_on_holidays(tmp_path)
    magic = {".png": b"\x89PNG", ".svg": b"<?xml", ".html": b"<!doctype html>"}
    for ending, first in magic.items():
        picture = tmp_path / f"picture{ending}"
        assert run(tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--country", "DE", "--plot", picture)[0] == 0
        assert picture.read_bytes().startswith(first)
    page = (tmp_path / "picture.html").read_text()
    assert "<svg" in page
    assert "2025-06-14" in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("https://matplotlib.org", "")
