"""Bad files and odd ones: each is read right, or refused by file, sheet, row and column."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import xlsxwriter

from python_nodes.domain.imports import ImportSource
from python_nodes.errors import PermanentError
from python_nodes.imports import check, header, kinds, reader
from python_nodes.imports.check import Checked

COLUMNS = {
    "listing_id": "Room", "date": "Date", "listing_views": "Views", "bookings": "Bookings", "revenue": "Revenue",
}  # fmt: skip
SOURCE = ImportSource(name="s", kind="performance", channel="vrbo", currency="EUR", columns=COLUMNS)
HEAD = "Room,Date,Views,Bookings,Revenue\n"
NAMES = ["Room", "Date", "Views", "Bookings", "Revenue"]


def read(content: bytes | str, source: ImportSource = SOURCE, file: str = "f.csv") -> Checked:
    told = content.encode() if isinstance(content, str) else content
    kind = kinds.get(source.kind)
    table = reader.read(told, file, sheet=source.sheet, decimal=source.decimal)
    return check.check(header.find(table, kind, source), kind, source, (None, None))


def good(checked: Checked, field: str) -> list[Any]:
    return checked.good[f"{field}!"].to_list()


def reasons(checked: Checked) -> list[str]:
    return [one.reason for one in checked.rejected(None)]


def refusal(content: bytes | str, source: ImportSource = SOURCE, file: str = "f.csv") -> str:
    with pytest.raises(PermanentError) as caught:
        read(content, source, file)
    assert caught.value.status == 422
    return str(caught.value)


def workbook(fill: Callable[[Any, Any], None], **options: Any) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, **options})
    fill(book, book.add_worksheet("Data"))
    book.close()
    return out.getvalue()


def plain(book: Any, sheet: Any) -> None:
    sheet.write_row(0, 0, NAMES)
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    sheet.write_row(1, 0, ["r1"])
    sheet.write_datetime(1, 1, date(2026, 3, 1), day)
    sheet.write_row(1, 2, [12, 1, 1234.5])


def with_cell(row: int, column: int, value: Any) -> Callable[[Any, Any], None]:
    def fill(book: Any, sheet: Any) -> None:
        plain(book, sheet)
        sheet.write(row, column, value)

    return fill


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbf" + HEAD.encode() + b"r1,2026-03-01,5,1,2\n", "r1"),
        (HEAD.encode() + "Zürich,2026-03-01,5,1,2\n".encode("latin-1"), "Zürich"),
        ("\ufeff".encode("utf-16-le") + (HEAD + "r1,2026-03-01,5,1,2\n").encode("utf-16-le"), "r1"),
        ((HEAD + "r1,2026-03-01,5,1,2\n").replace("\n", "\r\n").encode(), "r1"),
        ((HEAD + "r1,2026-03-01,5,1,2\n").replace(",", "\t").encode(), "r1"),
        ((HEAD + '"r ""1"", a",2026-03-01,5,1,2\n').encode(), 'r "1", a'),
    ],
    ids=["byte-order mark", "latin-1", "utf-16", "line ends", "tabs", "quotes"],
)
def test_text_is_read_whatever_its_encoding_and_signs(content: bytes, expected: str) -> None:
    checked = read(content)
    assert (good(checked, "listing_id"), good(checked, "listing_views")) == ([expected], [5.0])


def test_latin_1_is_told() -> None:
    assert "not UTF-8" in read(HEAD.encode() + b"Z\xfcrich,2026-03-01,5,1,2\n").named.notes[0]


@pytest.mark.parametrize(
    ("decimal", "told", "minor"),
    [(",", "1.234,5", 123450), (",", "1234,50", 123450), (".", '"1,234.5"', 123450), (".", "12.345", None),
     (",", "12.34", None), (".", "1e3", None), (".", "-5", -500)],
)  # fmt: skip
def test_amounts_follow_the_declared_decimal_sign(decimal: Any, told: str, minor: int | None) -> None:
    content = HEAD.replace(",", ";") + f"r1;2026-03-01;5;1;{told}\n"
    checked = read(content.replace('"', ""), replace(SOURCE, decimal=decimal))
    assert good(checked, "revenue") == ([] if minor is None else [minor])
    if minor is None:
        assert reasons(checked)[0].startswith("f.csv, row 2, column 'Revenue': revenue: ")


@pytest.mark.parametrize(
    ("declared", "told"), [("DD.MM.YYYY", "01.03.2026"), ("MM/DD/YYYY", "03/01/2026"), ("DD MMM YYYY", "01 Mar 2026")]
)
def test_dates_are_read_in_the_declared_format_only(declared: str, told: str) -> None:
    source = replace(SOURCE, date_format=declared)
    assert good(read(HEAD + f"r1,{told},5,1,2\n", source), "date") == [date(2026, 3, 1)]
    wrong = read(HEAD + "r1,2026-13-01,5,1,2\n", source)
    assert reasons(wrong) == [
        f"f.csv, row 2, column 'Date': date: '2026-13-01' is no day in the format {declared}"
    ]  # fmt: skip


def test_an_iso_date_is_not_taken_for_another_declared_format() -> None:
    assert good(read(HEAD + "r1,2026-03-01,5,1,2\n", replace(SOURCE, date_format="DD/MM/YYYY")), "date") == []


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    assert refusal(content) == "f.csv: the file is empty"


def test_a_header_without_rows_is_told() -> None:
    checked = read(HEAD)
    assert (checked.good.height, checked.named.notes) == (0, ("there are no rows under the header",))


def test_a_mapping_that_names_a_column_that_is_not_there_is_refused() -> None:
    told = refusal(HEAD + "r1,2026-03-01,5,1,2\n", replace(SOURCE, columns={**COLUMNS, "listing_views": "Looks"}))
    assert "f.csv, row 1: the mapping of 's' names the column 'Looks' for listing_views, which is not there" in told
    assert "'Room', 'Date', 'Views', 'Bookings', 'Revenue'" in told


def test_a_column_that_stands_twice_is_refused() -> None:
    told = refusal("Room,Date,Views,Bookings,Revenue,Views\nr1,2026-03-01,5,1,2,6\n")
    assert told == "f.csv, row 1, column 'Views': the column stands 2 times"


def test_two_header_rows_are_refused_and_a_title_above_is_skipped() -> None:
    assert "two header rows (rows 1 and 2)" in refusal(HEAD + HEAD + "r1,2026-03-01,5,1,2\n")
    assert "two header rows (rows 1 and 2)" in refusal(HEAD + "(id),(day),(sum),(sum),(EUR)\nr1,2026-03-01,5,1,2\n")
    checked = read("Report of March 2026\n\n" + HEAD + "r1,2026-03-01,5,1,2\nr1,x,5,1,2\n")
    assert checked.named.header_row == 3
    assert reasons(checked) == ["f.csv, row 5, column 'Date': date: 'x' is no day in the format YYYY-MM-DD"]


def test_a_cut_last_line_is_told_by_its_row() -> None:
    checked = read(HEAD + "r1,2026-03-01,5,1,2\nr2,2026-03-0")
    assert good(checked, "listing_id") == ["r1"]
    assert reasons(checked) == ["f.csv, row 3: 2 cells where the header has 5; the file may be cut"]
    assert "the last line does not end: the file may be cut" in checked.named.notes
    assert "the file may be cut" in refusal(HEAD + 'r1,2026-03-01,5,1,"2\nr2,2026-03-01,5')


def test_duplicates_stay_once_and_contradictions_are_rejected() -> None:
    checked = read(HEAD + "r1,2026-03-01,5,1,2\nr1,2026-03-01,5,1,2\nr1,2026-03-01,6,1,2\nr2,2026-03-01,6,1,2\n")
    assert checked.repeated == 1
    assert good(checked, "listing_views") == [5, 5, 6]
    assert reasons(checked) == ["f.csv, row 4: tells otherwise of the same listing_id and date than row 2"]


def test_a_workbook_is_read_with_its_dates_and_numbers() -> None:
    checked = read(workbook(plain), file="w.xlsx")
    assert (good(checked, "date"), good(checked, "revenue")) == ([date(2026, 3, 1)], [123450])
    assert good(read(workbook(plain), replace(SOURCE, decimal=",")), "revenue") == [123450]


def test_a_text_in_a_workbook_follows_the_declared_sign_where_a_number_needs_none() -> None:
    content = workbook(with_cell(1, 4, "1.234,50"))
    assert good(read(content, replace(SOURCE, decimal=",")), "revenue") == [123450]
    assert good(read(content), "revenue") == []


@pytest.mark.parametrize("is_1904", [False, True])
def test_bare_date_numbers_follow_the_workbooks_date_system(is_1904: bool) -> None:
    epoch = date(1904, 1, 1) if is_1904 else date(1899, 12, 30)
    content = workbook(with_cell(1, 1, (date(2026, 3, 1) - epoch).days), date_1904=is_1904)
    assert good(read(content), "date") == [date(2026, 3, 1)]
    assert good(read(workbook(plain, date_1904=is_1904)), "date") == [date(2026, 3, 1)]


def test_a_formula_is_read_by_its_value_and_refused_without_one() -> None:
    def fill(book: Any, sheet: Any, value: Any) -> None:
        plain(book, sheet)
        sheet.write_formula(1, 2, "=6*7", value=value)

    assert good(read(workbook(lambda book, sheet: fill(book, sheet, 42))), "listing_views") == [42]
    told = refusal(workbook(lambda book, sheet: fill(book, sheet, "")), file="w.xlsx")
    assert told.startswith("w.xlsx, sheet 'Data', row 2, column 'C': the formula has no value")


def test_merged_cells_in_the_rows_are_refused_and_above_the_header_skipped() -> None:
    def fill(book: Any, sheet: Any, row: int) -> None:
        for at, name in enumerate(NAMES):
            sheet.write(1, at, name)
        sheet.write_row(2, 0, ["r1", "2026-03-01", 5, 1, 2])
        sheet.merge_range(row, 0, row, 1, "together")

    told = refusal(workbook(lambda book, sheet: fill(book, sheet, 3)), file="w.xlsx")
    assert told.startswith("w.xlsx, sheet 'Data', row 4: the cells A4:B4 are merged")
    checked = read(workbook(lambda book, sheet: fill(book, sheet, 0)))
    assert (good(checked, "listing_views"), checked.named.header_row) == ([5], 2)


def test_rows_are_counted_as_the_spreadsheet_counts_them() -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(3, 2, NAMES)
        sheet.write_row(4, 2, ["r1", "2026-03-01", 5, 1, 2])
        sheet.write_row(6, 2, ["r1", "2026-03-02", "many", 1, 2])

    checked = read(workbook(fill), file="w.xlsx")
    assert good(checked, "listing_views") == [5]
    assert reasons(checked)[0].startswith("w.xlsx, sheet 'Data', row 7, column 'Views': ")


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are() -> None:
    told = refusal(workbook(plain), replace(SOURCE, sheet="Date"), file="w.xlsx")
    assert told == "w.xlsx: there is no sheet 'Date'; there are: Data"


@pytest.mark.parametrize("content", [b"PK\x03\x04cut", b"\xd0\xcf\x11\xe0old", b"\x00\x01\x02\x03"])
def test_what_is_no_table_is_refused_by_name(content: bytes) -> None:
    assert refusal(content, file="w.xlsx").startswith("w.xlsx: ")


def test_an_error_in_a_cell_is_refused_by_its_place() -> None:
    def fill(book: Any, sheet: Any) -> None:
        plain(book, sheet)
        sheet.write_formula(1, 2, "=1/0", value="#DIV/0!")

    assert "row 2, column 'C'" in refusal(workbook(fill), file="w.xlsx")


def test_every_kind_is_found_and_guesses_its_own_names() -> None:
    assert sorted(kinds.discover()) == ["change_log", "market_watch", "performance", "reservations", "reviews"]
    names = ("date", "channel", "listing_id", "search_rank", "competitor_price", "currency")
    assert header.guess(names, kinds.get("market_watch")) == {name: name for name in names}
    with pytest.raises(PermanentError, match="weather"):
        kinds.get("weather")


def test_a_rejected_workbook_row_can_be_read_again_on_its_own() -> None:
    content = workbook(with_cell(1, 2, "many"))
    (item,) = read(content).rejected(None)
    assert b"2026-03-01T00:00:00" in item.raw
    mended = item.raw.replace(b"many", b"7")
    assert good(read(mended), "date") == [date(2026, 3, 1)]
