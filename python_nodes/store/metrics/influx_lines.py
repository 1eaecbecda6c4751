"""Line protocol from columns: no object a point, and no loop over rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from python_nodes.domain.metrics import DayArray, FloatArray, IntArray
from python_nodes.errors import PermanentError

MEASUREMENT = "metrics"
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
    """Cut rows into bodies of at most ``LINES_PER_BATCH`` lines; a row's missing values are left out of its line.

    ``source_tag`` is what ``tag_value`` makes of the source's name.
    """
    head, tail = f"{MEASUREMENT},listing=", f",source={source_tag},tenant={tenant_id} as_of={as_of_us}i"
    at_ns = day.astype("datetime64[D]").astype(np.int64) * DAY_NS
    frame = pl.DataFrame({"listing": listing, "at_ns": at_ns, **told})
    fields = [_field(name, complete=bool(np.isfinite(values).all())) for name, values in told.items()]
    line = pl.concat_str(
        [pl.lit(head), pl.col("listing"), pl.lit(tail), *fields, pl.lit(" "), pl.col("at_ns"), pl.lit("\n")],
        ignore_nulls=True,
    )
    for first in range(0, len(frame), _SLICE_ROWS):
        lines = frame[first : first + _SLICE_ROWS].select(line.alias("line"))["line"].to_list()
        for start in range(0, len(lines), LINES_PER_BATCH):
            yield "".join(lines[start : start + LINES_PER_BATCH]).encode()


def _field(name: str, *, complete: bool) -> pl.Expr:
    written = pl.concat_str([pl.lit(f",{name}="), pl.col(name)])
    return written if complete else pl.when(pl.col(name).is_finite()).then(written)
