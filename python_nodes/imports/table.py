"""A file's cells as text, before anybody knows what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from python_nodes.domain.metrics import IntArray
from python_nodes.errors import PermanentError

MAX_COLUMNS, MAX_CELLS = 1_000, 20_000_000
"""Wider or larger is no table that anybody keeps, and each column costs as much as thousands of rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A range of merged cells, as the spreadsheet names it; rows count from 1."""

    ref: str
    first_row: int
    last_row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text without a header; ``rows`` (n,) are their numbers in the file, ``widths`` (n,) their cells.

    ``epoch`` is day 0 of the spreadsheet's date numbers, None for text files. ``notes`` are what people should know.
    """

    file: str
    sheet: str | None
    cells: pl.DataFrame
    rows: IntArray
    widths: IntArray
    epoch: date | None = None
    merged: tuple[Merged, ...] = ()
    notes: tuple[str, ...] = ()

    def place(self, row: int | None = None, column: str | None = None) -> str:
        """Name a place in the file as people find it."""
        return place(self.file, self.sheet, row, column)


def place(file: str, sheet: str | None, row: int | None = None, column: str | None = None) -> str:
    """Name a place in a file: file, sheet, row, column, as far as they are known."""
    parts = [file]
    if sheet is not None:
        parts.append(f"sheet {sheet!r}")
    if row is not None:
        parts.append(f"row {row}")
    if column is not None:
        parts.append(f"column {column!r}")
    return ", ".join(parts)


def refused(where: str, reason: str, *, field: str = "file") -> PermanentError:
    """A file that cannot be read as a whole; nothing of it is stored."""
    return PermanentError(f"{where}: {reason}", status=422, field=field)
