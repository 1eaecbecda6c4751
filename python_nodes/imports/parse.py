"""Text to values: polars expressions that give null where a text is not of its field's type."""

from __future__ import annotations

import re
from datetime import date

import polars as pl

from python_nodes.domain.imports import DecimalSign
from python_nodes.domain.money import MAX_MINOR, currency_digits
from python_nodes.domain.written_days import in_calendar, iso_moment
from python_nodes.errors import PermanentError, RejectedRecord

MAX_COUNT = 10**9
DAY_TEXT = "%Y-%m-%dT%H:%M:%S%.f"
"""How a workbook's dates are written once it is known which column holds dates; no declared format looks like it."""
STATUSES = {
    "ok": "confirmed", "confirmed": "confirmed", "booked": "confirmed", "accepted": "confirmed",
    "checked_in": "checked_in", "in house": "checked_in", "checked_out": "checked_out", "completed": "checked_out",
    "past guest": "checked_out", "cancelled": "cancelled", "canceled": "cancelled", "cancelled_by_guest": "cancelled",
    "no_show": "no_show", "no show": "no_show",
}  # fmt: skip
_TOKENS = {"YYYY": "%Y", "YY": "%y", "MMM": "%b", "MM": "%m", "DD": "%d", "M": "%-m", "D": "%-d"}
_TOKEN = re.compile("|".join(_TOKENS))


def strptime(date_format: str) -> str:
    """Translate ``DD.MM.YYYY`` and its like; refused where it does not name year, month and day once."""
    parts = _TOKEN.findall(date_format)
    rest = _TOKEN.sub("", date_format)
    if sorted(part[0] for part in parts) != ["D", "M", "Y"] or re.search(r"[A-Za-z%]", rest):
        reason = f"date_format: {date_format[:40]!r} is not made of YYYY, MM or MMM, and DD"
        raise PermanentError(reason, status=422, field="date_format")
    return _TOKEN.sub(lambda found: _TOKENS[found[0]], date_format)


def excel_days(name: str, epoch: date) -> pl.Expr:
    """Write a workbook's dates and bare date numbers in one way; what is neither stays as it is."""
    text = pl.col(name)
    number = pl.when(text.str.contains(r"^\d{4,6}([.,]\d+)?$")).then(text.str.replace(",", ".", literal=True))
    micros = (number.cast(pl.Float64, strict=False) * 86_400_000_000).round(0).cast(pl.Int64, strict=False)
    from_number = (pl.lit(epoch).cast(pl.Datetime("us")) + pl.duration(microseconds=micros)).dt.round("1s")
    # fastexcel writes a cell that is formatted as a date so; with a decimal comma the fraction has one too.
    from_cell = text.str.replace(",", ".", literal=True).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False)
    return pl.coalesce(pl.coalesce(from_number, from_cell.cast(pl.Datetime("us"))).dt.strftime(DAY_TEXT[:-3]), text)


def day(name: str, date_format: str) -> pl.Expr:
    """A day in the declared format, or as a workbook tells it."""
    text = pl.col(name)
    told = text.str.to_date(strptime(date_format), strict=False)
    return in_calendar(pl.coalesce(told, text.str.to_datetime(DAY_TEXT, strict=False, time_unit="us").dt.date()))


def moment(name: str, date_format: str) -> pl.Expr:
    """Naive UTC; ISO 8601, or a day in the declared format with or without a time; without a zone it is UTC."""
    text = pl.col(name).str.replace(r"^(\d{4}-\d{2}-\d{2}) (\d)", "${1}T${2}")
    own = [
        pl.col(name).str.to_datetime(f"{strptime(date_format)} {clock}", strict=False, time_unit="us")
        for clock in ("%H:%M:%S", "%H:%M")
    ]
    only = pl.col(name).str.to_date(strptime(date_format), strict=False).cast(pl.Datetime("us"))
    return in_calendar(pl.coalesce(iso_moment(text), *own, only))


def number(name: str, decimal: DecimalSign) -> pl.Expr:
    """A decimal number; groups of three may be parted by the other sign, a space or an apostrophe."""
    group = r"[,  ’']" if decimal == "." else r"[.  ’']"
    point = re.escape(decimal)
    text = pl.col(name)
    grouped = text.str.contains(rf"^-?\d{{1,3}}({group}\d{{3}})+({point}\d+)?$")
    plain = text.str.contains(rf"^-?\d+({point}\d+)?$")
    bare = pl.when(grouped).then(text.str.replace_all(group, "")).when(plain).then(text)
    return bare.str.replace(decimal, ".", literal=True).cast(pl.Float64, strict=False)


def count(name: str, decimal: DecimalSign) -> pl.Expr:
    """A whole number of things."""
    value = number(name, decimal)
    return pl.when((value == value.floor()) & value.is_between(-MAX_COUNT, MAX_COUNT)).then(value)


def minor(name: str, decimal: DecimalSign, currencies: pl.Series) -> pl.Expr:
    """Minor units as float64; null also where the amount is finer than its currency (column ``currency!``)."""
    factors = {code: 10.0 ** _digits(code) for code in currencies.drop_nulls().unique().to_list()}
    factor = pl.col("currency!").replace_strict(factors or {"": 1.0}, default=100.0, return_dtype=pl.Float64)
    scaled = number(name, decimal) * factor
    whole = scaled.round(0)
    return pl.when(scaled.is_finite() & ((scaled - whole).abs() < 1e-3) & (whole.abs() <= MAX_MINOR)).then(whole)


def status(name: str) -> pl.Expr:
    """A booking's status by the words that channels use."""
    return pl.col(name).str.to_lowercase().replace_strict(STATUSES, default=None, return_dtype=pl.String)


def _digits(currency: str) -> int:
    try:
        return currency_digits(currency)
    except RejectedRecord:
        # Normalizing refuses the unknown currency and names it; here it must only not stop the other rows.
        return 2
