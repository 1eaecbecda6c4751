"""Finds the row that names the columns, and refuses a file that does not have the columns it should."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from python_nodes.domain.imports import ImportSource
from python_nodes.domain.metrics import IntArray
from python_nodes.imports.fields import Kind
from python_nodes.imports.table import Table, refused

LOOKED_AT_ROWS = 15
_SIGNS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A table whose columns have names; ``rows`` and ``widths`` are those of the data under the header."""

    table: Table
    header_row: int
    names: tuple[str | None, ...]
    cells: pl.DataFrame
    rows: IntArray
    widths: IntArray
    notes: tuple[str, ...]

    def place(self, row: int | None = None, column: str | None = None) -> str:
        """Name a place in the file."""
        return self.table.place(row, column)


def plain(name: str | None) -> str:
    """A column's name without case, spaces and signs."""
    return _SIGNS.sub("", (name or "").lower())


def find(table: Table, kind: Kind, source: ImportSource | None) -> Named:
    """Take the row that has most of the wanted names; what stands above it is skipped and told."""
    wanted = _wanted(kind, source)
    first = table.cells.head(LOOKED_AT_ROWS).rows()
    hits = [len({name for name in map(plain, row) if name in wanted}) for row in first]
    best = max(range(len(hits)), key=lambda at: hits[at])
    names = tuple(first[best])
    if not hits[best]:
        raise refused(
            table.place(int(table.rows[0])),
            f"no column has a name that a file of {kind.name} has; the first row is {_listed(names)}",
            field="columns",
        )
    _check_second_header(table, best, wanted)
    _check_merged(table, int(table.rows[best]))
    notes = table.notes
    if best:
        notes = (*notes, f"{best} row{'s' if best > 1 else ''} above the header in row {table.rows[best]} skipped")
    found = Named(
        table=table, header_row=int(table.rows[best]), names=names, cells=table.cells[best + 1 :],
        rows=table.rows[best + 1 :], widths=table.widths[best + 1 :], notes=notes,
    )  # fmt: skip
    if not found.cells.height:
        return _with_note(found, "there are no rows under the header")
    return found


def check(named: Named, kind: Kind, source: ImportSource) -> Mapping[str, int]:
    """Return each mapped field's column; refused where the mapping and the file do not fit."""
    unknown = [field for field in source.columns if kind.field(field) is None]
    if unknown:
        known = ", ".join(field.name for field in kind.fields)
        raise refused(named.table.file, f"a file of {kind.name} has no {unknown[0]!r}; it has {known}", field="columns")
    lacking = [one.name for one in kind.fields if one.required and one.name not in source.columns]
    if lacking:
        raise refused(named.table.file, f"the mapping names no column for {lacking[0]!r}", field="columns")
    if kind.measures and not any(name in source.columns for name in kind.measures):
        raise refused(named.table.file, f"the mapping names none of {', '.join(kind.measures)}", field="columns")
    names = [plain(name) for name in named.names]
    columns = {}
    for field, column in ((one.name, source.columns[one.name]) for one in kind.fields if one.name in source.columns):
        at = [place for place, name in enumerate(names) if name == plain(column)]
        if not at:
            reason = (
                f"the mapping of {source.name!r} names the column {column!r} for {field}, which is not there; "
                f"there are {_listed(named.names)}"
            )
            raise refused(named.place(named.header_row), reason, field="columns")
        if len(at) > 1:
            raise refused(named.place(named.header_row, column), f"the column stands {len(at)} times", field="columns")
        columns[field] = at[0]
    return columns


def guess(names: Sequence[str | None], kind: Kind) -> dict[str, str]:
    """Map fields to columns by the names that such columns usually have."""
    told = {plain(name): name for name in reversed(names) if name}
    found: dict[str, str] = {}
    for field in kind.fields:
        name = next((told[alias] for alias in (plain(field.name), *field.aliases) if alias in told), None)
        if name is not None and name not in found.values():
            found[field.name] = name
    return found


def _wanted(kind: Kind, source: ImportSource | None) -> frozenset[str]:
    if source is not None and source.columns:
        return frozenset(map(plain, source.columns.values()))
    return frozenset(alias for field in kind.fields for alias in (plain(field.name), *field.aliases))


def _check_second_header(table: Table, best: int, wanted: frozenset[str]) -> None:
    """A row of names under the names would be read as data, or names its columns only half."""
    for at in (best - 1, best + 1):
        if not 0 <= at < table.cells.height:
            continue
        row = [cell for cell in table.cells.row(at) if cell]
        repeats = sum(plain(cell) in wanted for cell in row)
        bare = at > best and len(row) > 1 and not any(re.search(r"\d", cell) for cell in row)
        if repeats > 1 or bare:
            rows = f"rows {table.rows[min(at, best)]} and {table.rows[max(at, best)]}"
            raise refused(
                table.place(int(table.rows[at])), f"two header rows ({rows}); leave one and try again", field="columns"
            )


def _check_merged(table: Table, header_row: int) -> None:
    for range_ in table.merged:
        if range_.last_row >= header_row:
            raise refused(
                table.place(range_.first_row),
                f"the cells {range_.ref} are merged, so that it is not said which row they belong to; unmerge them",
            )


def _listed(names: Iterable[str | None]) -> str:
    return ", ".join(repr(name[:40]) for name in names if name) or "blank"


def _with_note(named: Named, note: str) -> Named:
    return Named(
        table=named.table, header_row=named.header_row, names=named.names, cells=named.cells, rows=named.rows,
        widths=named.widths, notes=(*named.notes, note),
    )  # fmt: skip
