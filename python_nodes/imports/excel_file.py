"""Reads workbooks: values by fastexcel; what it does not tell (formulas, merged cells, the date system) from XML."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from dataclasses import dataclass
from datetime import date

import fastexcel
import numpy as np
import polars as pl
from lxml import etree

from python_nodes.domain import packed
from python_nodes.domain.imports import DecimalSign
from python_nodes.imports.table import MAX_CELLS, MAX_COLUMNS, Merged, Table, place, refused

UNREADABLE = (*packed.UNREADABLE, KeyError, etree.XMLSyntaxError, fastexcel.FastExcelError)
"""What is raised for packages that are damaged, encrypted, or made of other parts than a workbook's."""
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_BLOCK_BYTES = 1 << 20
EPOCH_1900, EPOCH_1904 = date(1899, 12, 30), date(1904, 1, 1)
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_NS = {"m": _MAIN[1:-1]}
_REF = re.compile(r"([A-Z]+)(\d+)")


@dataclass(frozen=True, slots=True)
class _Workbook:
    """The parts of the package that are read: sheets' XML by name, in order, and day 0 of date numbers."""

    parts: dict[str, str]
    epoch: date


def is_workbook(content: bytes) -> bool:
    """Whether it is a zip file, as every .xlsx and .xlsm is."""
    return content.startswith(b"PK\x03\x04")


def read(content: bytes, file: str, sheet: str | None, decimal: DecimalSign) -> Table:
    """Read one sheet, the first by default, every cell as text; numbers are written with ``decimal``."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            _check_size(package, file)
            book = _workbook(package)
            name = _sheet_name(book, sheet, file)
            tree = _xml(package.read(book.parts[name]))
        _check_extent(tree, file, name)
        frame = fastexcel.read_excel(content).load_sheet(name, header_row=None, dtypes="string").to_polars()
    except UNREADABLE as error:
        raise refused(file, f"not a workbook that can be read ({type(error).__name__})") from None
    _check_values(tree, file, name)
    first_row = _first_row(tree)
    if frame.height == 0 or first_row is None:
        raise refused(place(file, name), "the sheet is empty")
    cells = frame.rename({old: f"c{k}" for k, old in enumerate(frame.columns)})
    rows = np.arange(first_row, first_row + cells.height)
    if decimal == ",":
        cells = _numbers_with_comma(cells, tree, first_row)
    return _without_blank_rows(
        Table(
            file=file, sheet=name, cells=cells, rows=rows, widths=np.full(cells.height, cells.width), epoch=book.epoch,
            merged=_merged(tree), notes=_notes(book, sheet, name),
        )
    )  # fmt: skip


def _check_size(package: zipfile.ZipFile, file: str) -> None:
    """Unpack every part and count: what a package says of its own sizes need not be true, and others believe it."""
    left = MAX_UNPACKED_BYTES
    for info in package.infolist():
        if info.compress_type not in COMPRESSIONS:
            raise refused(file, "the workbook is packed in a way that no spreadsheet program packs")
        told, info.file_size = info.file_size, left + 2 * _BLOCK_BYTES
        with package.open(info) as part:
            while block := part.read(_BLOCK_BYTES):
                left -= len(block)
                if left < 0:
                    raise refused(file, f"the workbook unpacks to more than {MAX_UNPACKED_BYTES} bytes")
        info.file_size = told


def _check_extent(tree: etree._Element, file: str, sheet: str) -> None:
    """Two far cells span a table that no memory holds, however little else there is."""
    ends = [_split(ref) for ref in _refs(tree, "//m:c/@r")]
    numbers = [row for _, row in ends] + [int(told) for told in _refs(tree, "//m:row/@r") if told.isdecimal()]
    rows = max(numbers, default=0) - min(numbers, default=0) + 1
    columns = max((_number(letters) for letters in {letters for letters, _ in ends}), default=0)
    if columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        raise refused(
            place(file, sheet), f"the sheet spans {rows} rows and {columns} columns; {MAX_COLUMNS} columns and "
            f"{MAX_CELLS} cells are the most: delete what lies outside the table",
        )  # fmt: skip


def _xml(content: bytes) -> etree._Element:
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def _workbook(package: zipfile.ZipFile) -> _Workbook:
    book = _xml(package.read("xl/workbook.xml"))
    relations = _xml(package.read("xl/_rels/workbook.xml.rels"))
    targets = {str(one.get("Id")): str(one.get("Target")) for one in relations}
    parts = {
        str(one.get("name")): posixpath.normpath(posixpath.join("/xl", targets[str(one.get(_RELATION))])).lstrip("/")
        for one in book.iter(f"{_MAIN}sheet")
    }
    told = book.find(f"{_MAIN}workbookPr")
    is_1904 = told is not None and told.get("date1904") in {"1", "true"}
    return _Workbook(parts, EPOCH_1904 if is_1904 else EPOCH_1900)


def _sheet_name(book: _Workbook, wanted: str | None, file: str) -> str:
    names = list(book.parts)
    if wanted is None:
        return names[0]
    if wanted not in names:
        raise refused(file, f"there is no sheet {wanted!r}; there are: {', '.join(names)}", field="sheet")
    return wanted


def _check_values(tree: etree._Element, file: str, sheet: str) -> None:
    """A formula is read as its last value; where the file holds none, or an error, nobody can know what was meant."""
    unknown = _refs(tree, "//m:c[m:f and not(string(m:v)) and not(m:is)]/@r")
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        reason = f"the formula has no value{more}; open the file in a spreadsheet program and save it, or paste values"
        raise refused(_cell(file, sheet, unknown[0]), reason)
    wrong = _refs(tree, "//m:c[@t='e']/@r")
    if wrong:
        raise refused(_cell(file, sheet, wrong[0]), "the cell holds an error instead of a value")


def _refs(tree: etree._Element, path: str) -> list[str]:
    found = tree.xpath(path, namespaces=_NS)
    return [str(one) for one in found] if isinstance(found, list) else []


def _cell(file: str, sheet: str, ref: str) -> str:
    column, row = _split(ref)
    return place(file, sheet, row, column)


def _split(ref: str) -> tuple[str, int]:
    match = _REF.fullmatch(ref)
    return (match[1], int(match[2])) if match else (ref, 0)


def _first_row(tree: etree._Element) -> int | None:
    """The first row with a cell that says anything: there fastexcel begins."""
    rows = _refs(tree, "(//m:row[m:c[m:v or m:is]])[1]/@r")
    return int(rows[0]) if rows else None


def _merged(tree: etree._Element) -> tuple[Merged, ...]:
    found = []
    for ref in _refs(tree, "//m:mergeCell/@ref"):
        first, _, last = ref.partition(":")
        found.append(Merged(ref=ref, first_row=_split(first)[1], last_row=_split(last or first)[1]))
    return tuple(found)


def _numbers_with_comma(cells: pl.DataFrame, tree: etree._Element, first_row: int) -> pl.DataFrame:
    """Write what the workbook holds as numbers as its texts are written, so that one rule reads both."""
    texts = _refs(tree, "//m:c[@t='s' or @t='str' or @t='inlineStr']/@r")
    left = min((_column(ref) for ref in _refs(tree, "//m:c[m:v or m:is]/@r")), default=0)
    is_text = np.zeros(cells.shape, dtype=np.bool_)
    for ref in texts:
        row, column = _split(ref)[1] - first_row, _column(ref) - left
        if 0 <= row < cells.height and 0 <= column < cells.width:
            is_text[row, column] = True
    return cells.with_columns(
        pl.when(pl.Series(is_text[:, k])).then(pl.col(name)).otherwise(pl.col(name).str.replace(".", ",", literal=True))
        for k, name in enumerate(cells.columns)
    )


def _column(ref: str) -> int:
    return _number(_split(ref)[0])


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _notes(book: _Workbook, wanted: str | None, name: str) -> tuple[str, ...]:
    if wanted is None and len(book.parts) > 1:
        return (f"the workbook has {len(book.parts)} sheets and none is named; {name!r}, the first, was read",)
    return ()


def _without_blank_rows(table: Table) -> Table:
    text = pl.all().str.strip_chars()
    cells = table.cells.with_columns(pl.when(text != "").then(text).name.keep())
    told = cells.select(pl.any_horizontal(pl.all().is_not_null()))[:, 0].to_numpy()
    kept = np.flatnonzero(told)
    return Table(
        file=table.file, sheet=table.sheet, cells=cells[kept], rows=table.rows[kept], widths=table.widths[kept],
        epoch=table.epoch, merged=table.merged, notes=table.notes,
    )  # fmt: skip
