"""Files the sandbox leaves for the operator's side: the portfolio and the operator's own calendar."""

from __future__ import annotations

import json
import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from sandbox.csv_text import csv_text
from sandbox.sales import texts
from sandbox.simulated import World

CALENDAR_NIGHTS = 90


def write_portfolio(world: World, out_dir: Path) -> None:
    """Write portfolio.json."""
    write_text(out_dir / "portfolio.json", json.dumps(world.portfolio_json(), ensure_ascii=False, indent=1))


def write_calendar(world: World, out_dir: Path, day: date) -> None:
    """Write operator_calendar.csv for the nights from a day on."""
    low, high = world.calendar_span(day, day + timedelta(days=CALENDAR_NIGHTS - 1))
    book, nights = world.portfolio, world.dates(np.arange(low, high + 1))
    first_of = book.first_listings()
    columns = (
        [book.unit_id[i] for i in first_of for _ in nights], nights * len(first_of),
        np.where(world.blocked[first_of, low : high + 1], "false", "true").ravel().tolist(),
        [units for units in texts(book.unit_count[first_of]) for _ in nights],
    )  # fmt: skip
    write_text(
        out_dir / "operator_calendar.csv", csv_text(("unit_external_id", "stay_date", "is_open", "units"), columns)
    )


def write_text(target: Path, text: str) -> None:
    """Write a file; readers see the old one or the new one, never a part."""
    part = target.with_suffix(".part")
    part.write_text(text, encoding="utf-8", newline="")
    os.replace(part, target)
