"""Reads a file of whatever format to a table of text."""

from __future__ import annotations

from python_nodes.domain.imports import DecimalSign
from python_nodes.imports import csv_file, excel_file
from python_nodes.imports.table import Table, refused

OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


def read(content: bytes, file: str, *, sheet: str | None = None, decimal: DecimalSign = ".") -> Table:
    """Read by what the file holds, not by what it is called."""
    if not content.strip():
        raise refused(file, "the file is empty")
    if excel_file.is_workbook(content):
        return excel_file.read(content, file, sheet, decimal)
    if content.startswith(OLD_WORKBOOK):
        raise refused(file, "a workbook of before 2007, or one with a password; save it as .xlsx or CSV")
    if b"\0" in content[:4096] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refused(file, "neither text nor a workbook")
    return csv_file.read(content, file)
