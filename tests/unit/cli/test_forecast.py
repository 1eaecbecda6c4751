"""`nightporter forecast` from a file to a table and a picture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from python_nodes.cli import app

CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20250614
DTEND;VALUE=DATE:20250615
RRULE:FREQ=MONTHLY
SUMMARY:Market day
END:VEVENT
END:VCALENDAR
"""


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["forecast", *arguments], env={"COLUMNS": "200"})
    return done.exit_code, done.output


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A year of busy weekends, thrice the bookings on the 14th of each month, out of order and with a gap."""
    days = np.datetime64("2025-06-01") + np.arange(375)
    values = np.random.default_rng(0).poisson(np.where((days.astype(np.int64) + 3) % 7 >= 5, 60.0, 30.0))
    values = np.where(np.array([str(day).endswith("-14") for day in days]), 3 * values, values)
    rows = [f"{day},{value}" for day, value in zip(days, values, strict=True)]
    rows[40] = rows[40].split(",")[0] + ","
    path = tmp_path / "bookings.csv"
    path.write_text("date,value\n" + "\n".join(reversed(rows)) + "\n")
    return path


def expected(said: str, day: str) -> float:
    (line,) = [line for line in said.splitlines() if day in line]
    return float(line.split("│")[2].replace(",", ""))


def test_a_file_s_days_are_told_with_the_event_that_comes(series: Path, tmp_path: Path) -> None:
    events, picture = tmp_path / "market.ics", tmp_path / "out.png"
    events.write_text(CALENDAR)
    code, said = run(str(series), "--days", "7", "--events", str(events), "--country", "DE-BY", "--plot", str(picture))
    assert code == 0, said
    assert "MASE on its own past: " in said
    # The file ends on 10 June 2026, a Wednesday; the 14th is a Sunday and a market day.
    assert expected(said, "2026-06-13") == pytest.approx(60, rel=0.25)
    assert expected(said, "2026-06-14") > 1.5 * expected(said, "2026-06-13")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_is_wrong_is_said_in_a_line(series: Path, tmp_path: Path) -> None:
    plot = ("--plot", str(tmp_path / "out.png"))
    assert run(str(series), "--value", "bookings", *plot) == (
        2, "nightporter: there is no column bookings; there are date, value\n",
    )  # fmt: skip
    twice = tmp_path / "twice.csv"
    twice.write_text("date,value\n2026-01-01,1\n2026-01-01,2\n")
    code, said = run(str(twice), *plot)
    assert (code, "2026-01-01 has 2 rows" in said) == (2, True)
    nothing = tmp_path / "nothing.csv"
    nothing.write_text("date,value\n2026-01-01,\n")
    assert run(str(nothing), *plot) == (2, "nightporter: no value is known\n")
    assert run(str(tmp_path / "none.csv"), *plot)[0] == 2
    # In a process of its own: settings are read once a process, and other tests have read some.
    clean = {name: told for name, told in os.environ.items() if not name.startswith("NIGHTPORTER_")}
    command = [Path(sys.executable).with_name("nightporter"), "forecast", "12", *plot]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=False)
    assert (done.returncode, "NIGHTPORTER_DATABASE_URL" in done.stderr) == (2, True)
    assert not (tmp_path / "out.png").exists()
