"""Reads delimited text: whatever its encoding, its delimiter, and whether it ends where it should."""

from __future__ import annotations

import codecs
import csv
import io

import numpy as np
import polars as pl

from python_nodes.imports.table import MAX_CELLS, MAX_COLUMNS, Table, place, refused

DELIMITERS = (",", ";", "\t", "|")
SNIFFED_LINES, SNIFFED_CHARS = 20, 200_000


def read(content: bytes, file: str) -> Table:
    """Read every cell as text; rows may still differ in their number of cells."""
    text, notes = _decoded(content)
    if not text.strip():
        raise refused(file, "the file is empty")
    delimiter = _delimiter(text)
    if not text.endswith(("\n", "\r")):
        notes = (*notes, "the last line does not end: the file may be cut")
    frame = _fast(text, delimiter)
    if frame is not None:
        count, width = frame.height, frame.width
        return Table(
            file=file, sheet=None, cells=frame, rows=np.arange(1, count + 1), widths=np.full(count, width), notes=notes
        )
    rows, numbers = _slow(text, delimiter, file)
    width = max(map(len, rows))
    if width * len(rows) > max(MAX_CELLS, 4 * sum(map(len, rows))):
        # One long row would make all others as long.
        raise refused(file, f"{len(rows)} rows, of which few have all {width} columns: not a table")
    padded = [row + [None] * (width - len(row)) for row in rows]
    cells = pl.DataFrame(padded, schema=[(f"c{k}", pl.String) for k in range(width)], orient="row")
    widths = np.array([len(row) for row in rows], dtype=np.int64)
    return Table(
        file=file, sheet=None, cells=_blank_is_null(cells), rows=np.array(numbers, dtype=np.int64), widths=widths,
        notes=notes,
    )  # fmt: skip


def _decoded(content: bytes) -> tuple[str, tuple[str, ...]]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace"), ()
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252"), ("the text is not UTF-8; it was read as Windows-1252",)
    except UnicodeDecodeError:
        return content.decode("latin-1"), ("the text is not UTF-8; it was read as ISO 8859-1",)


def _delimiter(text: str) -> str:
    """The sign that most of the first lines have the most of."""
    lines = [line for line in text[:SNIFFED_CHARS].splitlines()[:SNIFFED_LINES] if line.strip()]
    counts = {sign: sorted(line.count(sign) for line in lines)[len(lines) // 2] for sign in DELIMITERS}
    return max(DELIMITERS, key=lambda sign: counts[sign])


def _fast(text: str, delimiter: str) -> pl.DataFrame | None:
    """Whole columns at once where every line is a row of equal length; None where it takes a closer look."""
    if '"' in text or "\n\n" in text or "\n\r\n" in text or text[0] in "\r\n" or "\r" in text.replace("\r\n", ""):
        return None
    width = text.split("\n", 1)[0].count(delimiter) + 1
    if width > MAX_COLUMNS:
        return None
    schema = {f"c{k}": pl.String for k in range(width)}
    try:
        frame = pl.read_csv(text.encode(), has_header=False, schema=schema, separator=delimiter, quote_char=None)
    except pl.exceptions.PolarsError:
        return None
    # Short lines are filled up without a word; counted, they show.
    ends = text.count("\n") + (not text.endswith("\n"))
    if frame.height != ends or text.count(delimiter) != frame.height * (width - 1):
        return None
    return _blank_is_null(frame)


def _slow(text: str, delimiter: str, file: str) -> tuple[list[list[str | None]], list[int]]:
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, start=1):
            if len(row) > MAX_COLUMNS:
                raise refused(place(file, None, number), f"{len(row)} columns; {MAX_COLUMNS} are the most")
            if any(cell.strip() for cell in row):
                rows.append(list(row))
                numbers.append(number)
    except csv.Error as error:
        raise refused(place(file, None, number + 1), f"not a table ({error}); the file may be cut") from None
    return rows, numbers


def _blank_is_null(cells: pl.DataFrame) -> pl.DataFrame:
    text = pl.all().str.strip_chars()
    return cells.with_columns(pl.when(text != "").then(text).name.keep())
