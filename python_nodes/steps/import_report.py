"""What people read of an import, before it and after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from python_nodes.domain.imports import ImportSource
from python_nodes.imports import header
from python_nodes.imports.check import AT, Checked
from python_nodes.imports.fields import Kind
from python_nodes.imports.guess import writing
from python_nodes.imports.header import Named
from python_nodes.steps.recording import Recorded

SHOWN_ROWS = 10
SHOWN_REASONS = 3


def of(checked: Checked, done: Recorded) -> dict[str, Any]:
    """Return counts, notes, and the errors by column."""
    days = checked.good[f"{checked.kind.dated}!"].cast(pl.Date).drop_nulls()
    points = sum(len(one.listing_id) for one in done.points)
    return {
        "source": checked.source.name,
        "kind": checked.kind.name,
        "file": checked.named.table.file,
        "sheet": checked.named.table.sheet,
        "rows": checked.named.cells.height,
        "out_of_range": checked.outside,
        "stored": done.stored + points,
        "unchanged": done.unchanged,
        "repeated": checked.repeated,
        "rejected": len(done.rejected),
        "first_day": str(days.min()) if len(days) else None,
        "last_day": str(days.max()) if len(days) else None,
        "notes": list(checked.named.notes),
        "errors": _errors(checked, done),
    }


def preview(checked: Checked, done: Recorded) -> dict[str, Any]:
    """Return the report an import would give, the mapping, and the first rows as they were understood."""
    columns = [one.name for one in checked.kind.fields if one.name in (*checked.source.columns, "channel", "currency")]
    shown = checked.good.head(SHOWN_ROWS)
    rows = [
        {"row": int(checked.named.rows[row[AT]])}
        | {name: None if row[f"{name}!"] is None else _plain(row[f"{name}!"]) for name in columns}
        for row in shown.iter_rows(named=True)
    ]
    return {**of(checked, done), **_mapping(checked.source, checked.named, checked.kind), "first_rows": rows}


def unread(source: ImportSource, named: Named, kind: Kind, problem: str) -> dict[str, Any]:
    """Return what could be found out about a file that cannot be imported yet."""
    return {
        "source": source.name, "kind": kind.name, "file": named.table.file, "sheet": named.table.sheet,
        "rows": named.cells.height, "notes": list(named.notes), **_mapping(source, named, kind), "problem": problem,
    }  # fmt: skip


def guessed(source: ImportSource, named: Named, kind: Kind) -> ImportSource:
    """Fill in what the file's own names and values give away."""
    columns = header.guess(named.names, kind)
    told = writing(named, kind, columns, source)
    return replace(source, columns=columns, date_format=told.date_format, decimal=told.decimal)


def _mapping(source: ImportSource, named: Named, kind: Kind) -> dict[str, Any]:
    return {
        "columns": dict(source.columns),
        "not_mapped": [one.name for one in kind.fields if one.name not in source.columns],
        "not_used": [name for name in named.names if name and name not in source.columns.values()],
        "date_format": source.date_format,
        "decimal": source.decimal,
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _errors(checked: Checked, done: Recorded) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for item in done.rejected:
        column = checked.source.columns.get(item.field or "", item.field or "row")
        one = found.setdefault(column, {"column": column, "field": item.field, "count": 0, "reasons": []})
        one["count"] += 1
        if len(one["reasons"]) < SHOWN_REASONS:
            one["reasons"].append(item.reason)
    return sorted(found.values(), key=lambda one: -one["count"])
