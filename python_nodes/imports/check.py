"""Reads a named table's rows as a kind's fields: good rows typed, the others with the reason and as they came."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property

import numpy as np
import polars as pl

from python_nodes.domain.imports import ImportSource
from python_nodes.domain.records import Rejected
from python_nodes.imports import header, parse
from python_nodes.imports.fields import Field, Kind, Rows
from python_nodes.imports.header import Named
from python_nodes.imports.table import refused

AT = "at!"
WORDS = {
    "day": "is no day in the format {format}", "moment": "is no moment in the format {format}",
    "count": "is no whole number", "number": "is no number with the decimal sign {decimal!r}",
    "money": "is no amount with the decimal sign {decimal!r}, or finer than its currency",
    "status": "is no status that is known",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Why a row cannot be used, and where it stands."""

    row: int
    field: str | None
    column: str | None
    reason: str
    raw: bytes


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A file as understood: ``good`` has a column ``<field>!`` for each field, and ``at!``, the row's place."""

    named: Named
    kind: Kind
    source: ImportSource
    good: pl.DataFrame
    issues: tuple[Issue, ...]
    repeated: int = 0
    outside: int = 0
    numbers: dict[bytes, int] = field(default_factory=dict)

    @cached_property
    def _names(self) -> list[str]:
        return [name or f"column {at + 1}" for at, name in enumerate(self.named.names)]

    def document(self, at: int) -> bytes:
        """Return a row as a document of its own, header included, and remember which row it was."""
        raw = _csv(self._names, ["" if cell is None else cell for cell in self.named.cells.row(at)])
        self.numbers[raw] = int(self.named.rows[at])
        return raw

    def rows(self, channel: str, source: str, raw_id: int | None, observed_at: datetime) -> Rows:
        """Hand a channel's rows to the kind."""
        frame = self.good.filter(pl.col("channel!") == channel)
        places = frame[AT].to_list()
        return Rows(
            frame=frame, source=source, settings=self.source, channel=channel, raw_id=raw_id, observed_at=observed_at,
            raw_row=lambda row: self.document(places[row]),
        )  # fmt: skip

    def among(self, listings: Collection[tuple[str, str]]) -> Checked:
        """Part the rows whose channel and listing are known, as (channel, external id), from those that are not."""
        channels = {channel for channel, _ in listings}
        known = pl.DataFrame(sorted(listings), schema=["channel!", "listing_id!"], orient="row")
        if not known.height:
            known = pl.DataFrame(schema={"channel!": pl.String, "listing_id!": pl.String})
        marked = self.good.join(known.with_columns(is_known=True), on=["channel!", "listing_id!"], how="left")
        optional = not any(one.required for one in self.kind.fields if one.name == "listing_id")
        is_whole = pl.col("listing_id!").is_null() & pl.col("channel!").is_in(sorted(channels)) & optional
        fits = pl.col("is_known").fill_null(False) | is_whole
        strangers = [
            self._stranger(at, channel, listing or "", channel in channels)
            for at, channel, listing in marked.filter(~fits).select(AT, "channel!", "listing_id!").iter_rows()
        ]
        good = marked.filter(fits).drop("is_known")
        return replace(self, good=good, issues=(*self.issues, *strangers))

    def _stranger(self, at: int, channel: str, listing: str, is_channel: bool) -> Issue:
        field_name = "listing_id" if is_channel else "channel"
        reason = f"listing_id: {listing[:40]!r} is no listing on {channel}" if is_channel else (
            f"channel: {channel[:40]!r} is none that anything is sold on"
        )  # fmt: skip
        column = self.source.columns.get(field_name)
        return Issue(
            row=int(self.named.rows[at]), field=field_name, column=column, reason=reason, raw=self.document(at)
        )

    def rejected(self, raw_id: int | None) -> list[Rejected]:
        """Return what goes to quarantine."""
        return [
            Rejected(
                source=self.source.source, operation=self.kind.operation, field=issue.field, raw=issue.raw,
                raw_id=raw_id, reason=f"{self.named.place(issue.row, issue.column)}: {issue.reason}",
            )
            for issue in self.issues
        ]  # fmt: skip


def check(named: Named, kind: Kind, source: ImportSource, window: tuple[date | None, date | None]) -> Checked:
    """Read every row; ``window`` keeps only the rows whose date lies in it, both ends included."""
    columns = header.check(named, kind, source)
    if kind.field("channel") is not None and source.channel is None and "channel" not in columns:
        raise refused(named.table.file, "neither a column nor the source says which channel it is", field="channel")
    if _needs_currency(kind, columns) and source.currency is None and "currency" not in columns:
        raise refused(named.table.file, "neither a column nor the source names the currency", field="currency")
    named = _with_dates(named, kind, columns)
    typed = _typed(_by_field(named, kind, columns), kind, source)
    empty = Checked(named=named, kind=kind, source=source, good=typed.head(0), issues=())
    widths = pl.Series(named.widths)
    problems = typed.with_columns(
        pl.coalesce(_cut(widths, len(named.names)), *(_problem(one) for one in kind.fields)).alias("problem!")
    )
    bad = problems.filter(pl.col("problem!").is_not_null())
    issues = [_issue(empty, row, columns) for row in bad.iter_rows(named=True)]
    sound = problems.filter(pl.col("problem!").is_null()).drop("problem!")
    good = _within(sound, kind, window)
    kept, repeats, again = _without_contradictions(good, kind, empty)
    return Checked(
        named=named, kind=kind, source=source, good=kept, issues=(*issues, *again), repeated=repeats,
        outside=sound.height - good.height, numbers=empty.numbers,
    )  # fmt: skip


def _needs_currency(kind: Kind, columns: Mapping[str, int]) -> bool:
    return kind.name == "performance" or any(one.type == "money" and one.name in columns for one in kind.fields)


def _with_dates(named: Named, kind: Kind, columns: Mapping[str, int]) -> Named:
    """A workbook's dates are numbers: written out, a row that is rejected can be read again without the workbook."""
    epoch = named.table.epoch
    if epoch is None:
        return named
    dated = [named.cells.columns[columns[one.name]] for one in kind.fields if one.type in ("day", "moment")
             and one.name in columns]  # fmt: skip
    cells = named.cells.with_columns(parse.excel_days(name, epoch).alias(name) for name in dated)
    return Named(
        table=named.table, header_row=named.header_row, names=named.names, cells=cells, rows=named.rows,
        widths=named.widths, notes=named.notes,
    )  # fmt: skip


def _by_field(named: Named, kind: Kind, columns: Mapping[str, int]) -> pl.DataFrame:
    cells = named.cells
    told = [
        (cells[:, columns[one.name]] if one.name in columns else pl.Series([None] * cells.height, dtype=pl.String))
        .cast(pl.String)
        .alias(one.name)
        for one in kind.fields
    ]
    return pl.DataFrame(told).with_columns(pl.Series(AT, np.arange(cells.height)))


def _typed(frame: pl.DataFrame, kind: Kind, source: ImportSource) -> pl.DataFrame:
    if "currency" in frame.columns:
        told = pl.col("currency").str.to_uppercase()
        frame = frame.with_columns(told.fill_null(source.currency or "").alias("currency!"))
    currencies = frame["currency!"] if "currency!" in frame.columns else pl.Series([], dtype=pl.String)
    typed = frame.with_columns(
        _value(one, source, currencies).alias(f"{one.name}!") for one in kind.fields if one.type != "currency"
    )
    if source.channel is not None and "channel!" in typed.columns:
        typed = typed.with_columns(pl.col("channel!").fill_null(source.channel))
    return typed


def _value(one: Field, source: ImportSource, currencies: pl.Series) -> pl.Expr:
    match one.type:
        case "day":
            return parse.day(one.name, source.date_format)
        case "moment":
            return parse.moment(one.name, source.date_format)
        case "count":
            return parse.count(one.name, source.decimal)
        case "number":
            return parse.number(one.name, source.decimal)
        case "money":
            return parse.minor(one.name, source.decimal, currencies)
        case "status":
            return parse.status(one.name)
        case _:
            return pl.col(one.name)


def _cut(widths: pl.Series, width: int) -> pl.Expr:
    short = pl.lit(widths) < width
    ends = pl.lit(widths) != width
    return (
        pl.when(short & (pl.col(AT) == pl.lit(widths.len() - 1))).then(pl.lit("|cut")).when(ends).then(pl.lit("|width"))
    )


def _problem(one: Field) -> pl.Expr:
    unread = pl.col(one.name).is_not_null() & pl.col(f"{one.name}!").is_null()
    found = pl.when(unread).then(pl.lit(f"{one.name}|unread"))
    blank = pl.col(f"{one.name}!").is_null()
    return found.when(blank).then(pl.lit(f"{one.name}|blank")) if one.required or one.name == "channel" else found


def _issue(checked: Checked, row: Mapping[str, object], columns: Mapping[str, int]) -> Issue:
    at = int(str(row[AT]))
    name, _, problem = str(row["problem!"]).partition("|")
    named, one = checked.named, checked.kind.field(name)
    column = named.names[columns[name]] if name in columns else None
    if one is None:
        reason = f"{int(named.widths[at])} cells where the header has {len(named.names)}"
        reason += "; the file may be cut" if problem == "cut" else ""
    elif problem == "blank":
        reason = f"{name}: the cell is blank"
    else:
        words = WORDS.get(one.type, "cannot be used")
        told = words.format(format=checked.source.date_format, decimal=checked.source.decimal)
        reason = f"{name}: {str(row[name])[:40]!r} {told}"
    return Issue(row=int(named.rows[at]), field=name or None, column=column, reason=reason, raw=checked.document(at))


def _within(frame: pl.DataFrame, kind: Kind, window: tuple[date | None, date | None]) -> pl.DataFrame:
    start, end = window
    told = pl.col(f"{kind.dated}!").cast(pl.Date)
    if start is not None:
        frame = frame.filter(told >= start)
    return frame.filter(told <= end) if end is not None else frame


def _without_contradictions(good: pl.DataFrame, kind: Kind, checked: Checked) -> tuple[pl.DataFrame, int, list[Issue]]:
    """Rows that say the same twice stay; one that says otherwise of the same thing than a row before it does not."""
    channel = ["channel!"] if "channel!" in good.columns else []
    key = [*(f"{name}!" for name in kind.key), *channel]
    told = [f"{one.name}!" for one in kind.fields]
    # Most files tell everything once; only what stands there again is held against what was told first.
    is_again = good.select(key).is_duplicated()
    if not is_again.any():
        return good, 0, []
    first = good.filter(is_again).with_columns(
        pl.col(AT).first().over(key).alias("first!"), pl.struct(told).alias("told!")
    )
    same = pl.col("told!") == pl.col("told!").first().over(key)
    marked = first.with_columns((pl.col(AT) != pl.col("first!")).alias("again!"), same.alias("same!"))
    repeats = int(marked.select((pl.col("again!") & pl.col("same!")).sum()).item())
    wrong = marked.filter(pl.col("again!") & ~pl.col("same!"))
    rows = checked.named.rows
    issues = [
        Issue(
            row=int(rows[at]), field=kind.key[0], column=None, raw=checked.document(at),
            reason=f"tells otherwise of the same {' and '.join(kind.key)} than row {rows[before]}",
        )
        for at, before in zip(wrong[AT].to_list(), wrong["first!"].to_list(), strict=True)
    ]  # fmt: skip
    return good.filter(~pl.col(AT).is_in(wrong[AT].implode())), repeats, issues


def _csv(names: list[str], cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([names, cells])
    return out.getvalue().encode()
