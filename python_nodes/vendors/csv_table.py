"""CSV as polars columns of text: rows that cannot be used are parted from the rest and kept as they came."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import polars as pl

from python_nodes.domain.records import Rejected
from python_nodes.domain.written_days import in_calendar, iso_moment


def read_table(
    content: bytes, fields: Sequence[str], *, source: str, operation: str, raw_id: int | None
) -> tuple[pl.DataFrame, list[Rejected]]:
    """Read every column as text; a document that is no such table is rejected whole."""

    def rejected(reason: str, field: str, raw: bytes) -> Rejected:
        return Rejected(source=source, operation=operation, reason=reason, field=field, raw=raw, raw_id=raw_id)

    empty = pl.DataFrame(schema=dict.fromkeys(fields, pl.String))
    try:
        text = content.decode("utf-8-sig")
        header = next(csv.reader(io.StringIO(text), strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        return empty, [rejected(f"document: not CSV in UTF-8 ({error})", "document", content)]
    missing = [name for name in fields if name not in header]
    if missing or len(set(header)) != len(header):
        return empty, [rejected(f"header: lacks {missing[0] if missing else 'unique names'}", "header", content)]
    try:
        return _frame(content).select(fields), []
    except pl.exceptions.PolarsError:
        try:
            clean, ragged = _without_ragged(text, len(header))
        except csv.Error as error:
            return empty, [rejected(f"document: not CSV ({error})", "document", content)]
    bad = [rejected("row: number of cells differs from the header", "row", raw) for raw in ragged]
    try:
        return _frame(clean).select(fields), bad
    except pl.exceptions.PolarsError as error:
        return empty, [rejected(f"document: not a table ({type(error).__name__})", "document", content)]


def _frame(content: bytes) -> pl.DataFrame:
    return pl.read_csv(content, infer_schema=False)


def _without_ragged(text: str, width: int) -> tuple[bytes, list[bytes]]:
    """Part the rows that have the header's number of cells from those that have not."""
    good, ragged = io.StringIO(), []
    writer = csv.writer(good, lineterminator="\n")
    header: list[str] = []
    for number, cells in enumerate(csv.reader(io.StringIO(text))):
        header = header or cells
        if not number or len(cells) == width:
            writer.writerow(cells)
        elif cells:
            ragged.append(_csv(header, cells))
    return good.getvalue().encode(), ragged


def day(name: str) -> pl.Expr:
    """An ISO 8601 day."""
    return in_calendar(pl.col(name).str.to_date("%Y-%m-%d", strict=False))


def moment(name: str) -> pl.Expr:
    """Naive UTC; a moment without a zone is taken as UTC, as in the other documents."""
    return in_calendar(iso_moment(pl.col(name).str.replace(" ", "T", literal=True)))


def part_rows(
    frame: pl.DataFrame,
    reasons: Sequence[pl.Expr],
    bad: list[Rejected],
    *,
    source: str,
    operation: str,
    raw_id: int | None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Append the rows with a reason to ``bad``; return the good rows twice: whole, and as the text that came."""
    told = frame.with_columns(pl.coalesce(*reasons).alias("reason!"))
    as_came = [name for name in frame.columns if not name.endswith("!")]
    refused = told.filter(pl.col("reason!").is_not_null())
    texts = refused.select(as_came)
    for row, field in enumerate(refused["reason!"]):
        bad.append(
            Rejected(
                source=source,
                operation=operation,
                reason=f"{field}: {str(texts[row, field])[:40]!r} cannot be used",
                field=field,
                raw=row_document(texts, row),
                raw_id=raw_id,
            )
        )
    good = told.filter(pl.col("reason!").is_null())
    return good, good.select(as_came)


def row_document(frame: pl.DataFrame, row: int) -> bytes:
    """Row ``row`` as a document of its own, header included."""
    return _csv(frame.columns, ["" if cell is None else str(cell) for cell in frame.row(row)])


def _csv(header: Sequence[str], cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, cells])
    return out.getvalue().encode()
