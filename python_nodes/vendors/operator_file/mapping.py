"""Maps the operator's calendar to nights; pure, a row that cannot be read is rejected."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from python_nodes.domain.records import OperatorNight, Rejected
from python_nodes.vendors.csv_table import day, part_rows, read_table

OPERATION = "operator_calendar"
FIELDS = ("unit_external_id", "stay_date", "is_open", "units")
OPEN_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
MAX_UNITS = 100_000


def map_operator_calendar(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[OperatorNight], list[Rejected]]:
    """One record a unit and night."""
    frame, bad = read_table(content, FIELDS, source=source, operation=OPERATION, raw_id=raw_id)
    checked = frame.with_columns(
        day("stay_date").alias("stay_date!"),
        pl.col("is_open").str.to_lowercase().replace_strict(OPEN_WORDS, default=None).alias("is_open!"),
        pl.col("units").cast(pl.Int64, strict=False).alias("units!"),
    )
    reasons = (
        pl.when(pl.col("unit_external_id").is_null()).then(pl.lit("unit_external_id")),
        *(pl.when(pl.col(f"{name}!").is_null()).then(pl.lit(name)) for name in ("stay_date", "is_open", "units")),
        pl.when(~pl.col("units!").is_between(0, MAX_UNITS)).then(pl.lit("units")),
    )
    good, _ = part_rows(checked, reasons, bad, source=source, operation=OPERATION, raw_id=raw_id)
    rows = good.select("unit_external_id", "stay_date!", "is_open!", "units!").iter_rows()
    nights = [
        OperatorNight(unit_external_id=unit, stay_date=day, is_open=is_open, units=units, raw_id=raw_id)
        for unit, day, is_open, units in rows
    ]
    return nights, bad
