"""Line protocol from columns: no object a point, and no loop over rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from python_nodes.domain.metrics import METRICS, DayArray, FloatArray, IntArray
from python_nodes.errors import PermanentError

MEASUREMENT = "metrics"
BANDS = "bands"
READINGS = "readings"
DAY_NS = 86_400_000_000_000
LINES_PER_BATCH = 10_000
_SLICE_ROWS = 5 * LINES_PER_BATCH
"""How many rows become text at once: enough for every core, little enough to stay far below a hundred MB."""

_ESCAPED = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})


def tag_value(value: str) -> str:
    """Write a tag's value as line protocol wants it; what it cannot hold is refused."""
    if not value or not value.isprintable() or "\\" in value:
        raise PermanentError(f"source {value[:40]!r} cannot name a series", field="source")
    return value.translate(_ESCAPED)


def batches(
    tenant_id: int, source_tag: str, as_of_us: int, listing: IntArray, day: DayArray, told: Mapping[str, FloatArray]
) -> Iterator[bytes]:
    """Write rows of a report, each at its day; ``source_tag`` is what ``tag_value`` makes of the source's name."""
    frame = pl.DataFrame({"listing": listing, "at_ns": day_ns(day), **told})
    tags = f"source={source_tag},tenant={tenant_id}"
    return _lines(f"{MEASUREMENT},listing=", tags, pl.lit(f"as_of={as_of_us}i"), frame, told)


def readings(
    tenant_id: int, source_tag: str, as_of_us: int, listing: IntArray, day: DayArray, told: Mapping[str, FloatArray]
) -> Iterator[bytes]:
    """Write what a report said of each listing's newest day, at the moment it said so.

    Rows come sorted by (listing, day).
    """
    last = np.flatnonzero(np.append(listing[1:] != listing[:-1], True)) if len(listing) else np.empty(0, np.int64)
    newest = {name: values[last] for name, values in told.items()}
    days = day[last].astype("datetime64[D]").astype(np.int64)
    at_ns = np.full(len(last), as_of_us * 1000)
    frame = pl.DataFrame({"listing": listing[last], "at_ns": at_ns, "day": days, **newest})
    tags = f"source={source_tag},tenant={tenant_id}"
    lead = pl.concat_str([pl.lit("day="), pl.col("day"), pl.lit("i")])
    return _lines(f"{READINGS},listing=", tags, lead, frame, newest)


def hourly(tenant_id: int, source_tag: str, frame: pl.DataFrame) -> Iterator[bytes]:
    """Write rows of ``listing``, ``at_ns``, ``day`` and metrics as readings, each at its hour."""
    told = {name: frame[name].cast(pl.Float64).to_numpy() for name in METRICS if name in frame.columns}
    lead = pl.concat_str([pl.lit("day="), pl.col("day"), pl.lit("i")])
    return _lines(f"{READINGS},listing=", f"source={source_tag},tenant={tenant_id}", lead, frame, told)


def bands(
    tenant_id: int, metric: str, source: str, listing: IntArray, day: DayArray, parts: Mapping[str, FloatArray]
) -> Iterator[bytes]:
    """Write what was expected of a metric, each at its day; no value is missing."""
    frame = pl.DataFrame({"listing": listing, "at_ns": day_ns(day), **parts})
    tags = f"metric={metric},source={source},tenant={tenant_id}"
    return _lines(f"{BANDS},listing=", tags, None, frame, parts)


def day_ns(day: DayArray) -> IntArray:
    """Return days as time stamps."""
    return np.asarray(day.astype("datetime64[D]").astype(np.int64) * DAY_NS)


def _lines(
    head: str, tags: str, lead: pl.Expr | None, frame: pl.DataFrame, told: Mapping[str, FloatArray]
) -> Iterator[bytes]:
    """Cut rows into bodies of at most ``LINES_PER_BATCH`` lines; a row's missing values are left out of its line.

    ``lead`` is a field that every row has; without it none may lack a value.
    """
    fields = [] if lead is None else [lead]
    for name, values in told.items():
        fields.append(_field(name, complete=bool(np.isfinite(values).all()), comma=bool(fields)))
    line = pl.concat_str(
        [pl.lit(head), pl.col("listing"), pl.lit(f",{tags} "), *fields, pl.lit(" "), pl.col("at_ns"), pl.lit("\n")],
        ignore_nulls=True,
    )
    yield from _bodies(frame, line)


def _bodies(frame: pl.DataFrame, line: pl.Expr) -> Iterator[bytes]:
    for first in range(0, len(frame), _SLICE_ROWS):
        made = frame[first : first + _SLICE_ROWS].select(line.alias("line"))["line"].to_list()
        for start in range(0, len(made), LINES_PER_BATCH):
            yield "".join(made[start : start + LINES_PER_BATCH]).encode()


def _field(name: str, *, complete: bool, comma: bool) -> pl.Expr:
    written = pl.concat_str([pl.lit(f"{',' if comma else ''}{name}="), pl.col(name)])
    return written if complete else pl.when(pl.col(name).is_finite()).then(written)
