"""Days and moments out of columns of text, as polars expressions that give null where a text is none."""

from __future__ import annotations

import polars as pl


def in_calendar(told: pl.Expr) -> pl.Expr:
    """Null for years that Python's dates do not have: Polars reads a sign before the year, and years of five digits."""
    return pl.when(told.dt.year().is_between(1, 9999)).then(told)


def iso_moment(text: pl.Expr) -> pl.Expr:
    """Naive UTC of ISO 8601 with a ``T``; without a zone it is taken as UTC."""
    zoned = text.str.replace(r"Z$", "+00:00").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_unit="us")
    plain = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
    return pl.coalesce(zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None), plain)
