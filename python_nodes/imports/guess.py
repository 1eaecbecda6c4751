"""Guesses how a file writes dates and decimals, for the preview; a saved source says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from python_nodes.domain.imports import DecimalSign, ImportSource
from python_nodes.imports import parse
from python_nodes.imports.fields import Kind
from python_nodes.imports.header import Named

DATE_FORMATS = (
    "YYYY-MM-DD", "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY", "YYYY/MM/DD", "DD MMM YYYY", "MMM DD, YYYY",
)  # fmt: skip
LOOKED_AT_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Writing:
    """How values are written."""

    date_format: str
    decimal: DecimalSign


def writing(named: Named, kind: Kind, columns: Mapping[str, str], source: ImportSource) -> Writing:
    """Take what reads most of the mapped columns' cells; the source's own word where nothing reads more."""
    cells = named.cells.head(LOOKED_AT_ROWS)
    at = {column: cells[:, named.names.index(column)] for column in columns.values() if column in named.names}
    dated = [at[columns[one.name]] for one in kind.fields if one.type == "day" and columns.get(one.name) in at]
    counted = [
        at[columns[one.name]] for one in kind.fields if one.type in ("money", "number") and columns.get(one.name) in at
    ]
    date_format = max(
        (source.date_format, *DATE_FORMATS), key=lambda told: sum(_read(one, parse.day("told", told)) for one in dated)
    )
    signs: tuple[DecimalSign, ...] = (source.decimal, ".", ",")
    decimal = max(signs, key=lambda sign: sum(_read(one, parse.number("told", sign)) for one in counted))
    return Writing(date_format, decimal)


def _read(column: pl.Series, value: pl.Expr) -> int:
    return int(column.alias("told").to_frame().select(value.is_not_null().sum()).item())
