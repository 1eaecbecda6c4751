"""Typed columns of a checked frame as the arrays that cross stages."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

from python_nodes.domain.columns import ObjectArray, SecondArray
from python_nodes.domain.metrics import DayArray, FloatArray


def texts(frame: pl.DataFrame, field: str) -> ObjectArray:
    """Texts, '' where there is none."""
    return np.asarray(frame[f"{field}!"].fill_null("").to_numpy(), dtype=object)


def maybe_texts(frame: pl.DataFrame, field: str) -> ObjectArray:
    """Texts, None where there is none."""
    return np.array([*frame[f"{field}!"].to_list(), None], dtype=object)[:-1]


def floats(frame: pl.DataFrame, field: str) -> FloatArray:
    """Numbers, NaN where there is none."""
    return frame[f"{field}!"].cast(pl.Float64).to_numpy().astype(np.float64)


def days(frame: pl.DataFrame, field: str) -> DayArray:
    """Days, NaT where there is none."""
    return frame[f"{field}!"].cast(pl.Date).to_numpy().astype("datetime64[D]")


def stamps(frame: pl.DataFrame, field: str) -> SecondArray:
    """Moments in UTC, NaT where there is none."""
    return frame[f"{field}!"].cast(pl.Datetime("us")).to_numpy().astype("datetime64[s]")


def stamps_of(moment: datetime, count: int) -> SecondArray:
    """The same moment for every row."""
    return np.full(count, np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "s"))
