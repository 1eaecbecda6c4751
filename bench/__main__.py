"""Run every bench module found here, print a table and keep the figures: ``python -m bench [--only NAME]``."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
COLUMNS = ("name", "value", "unit", "peer", "peer_value", "ratio", "goal", "holds")


def names() -> list[str]:
    """Return the bench modules, by name."""
    return sorted(found.name for found in pkgutil.iter_modules([str(HERE)]) if not found.name.startswith("_"))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return (
        f"{value:,.3g}"
        if isinstance(value, float) and value < 100
        else (f"{value:,.0f}" if isinstance(value, int | float) else "–" if value is None else str(value))
    )


def main(arguments: list[str]) -> int:
    """Run one module, or all; exit status 1 if a goal is missed, 2 if a name is unknown."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", choices=names(), help="run this one")
    only: str | None = parser.parse_args(arguments).only
    table = Table(*COLUMNS)
    missed = False
    for name in [only] if only else names():
        rows: list[dict[str, Any]] = importlib.import_module(f"bench.{name}").run()
        for row in rows:
            table.add_row(*(_cell(row[column]) for column in COLUMNS))
            missed = missed or row["holds"] is False
        results = HERE / "results"
        results.mkdir(exist_ok=True)
        (results / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    Console(width=150).print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
