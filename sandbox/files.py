"""Files the sandbox leaves for the operator's side: the portfolio and the operator's own calendar."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

from sandbox.world import World

CALENDAR_NIGHTS = 90


def write_portfolio(world: World, out_dir: Path) -> None:
    """Write portfolio.json."""
    _replace(out_dir / "portfolio.json", json.dumps(world.portfolio_json(), ensure_ascii=False, indent=1))


def write_calendar(world: World, out_dir: Path, day: date) -> None:
    """Write operator_calendar.csv for the nights from a day on."""
    rows = world.operator_calendar(day, day, day + timedelta(days=CALENDAR_NIGHTS - 1))
    columns = ("unit_external_id", "stay_date", "is_open", "units")
    told = ((r.unit_external_id, r.night.isoformat(), "true" if r.is_open else "false", r.units) for r in rows)
    write_csv(out_dir / "operator_calendar.csv", columns, told)


def write_csv(target: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table; readers see the old file or the new one, never a part."""
    part = target.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    os.replace(part, target)


def _replace(target: Path, text: str) -> None:
    part = target.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, target)
