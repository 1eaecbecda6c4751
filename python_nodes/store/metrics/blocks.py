"""Rows of one listing as the blocks that stages exchange."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np

from python_nodes.domain.metrics import METRICS, MetricPoints


def of(
    listing_id: int, source: str, as_of_at: datetime, rows: Sequence[tuple[date, Sequence[float | None]]]
) -> MetricPoints:
    """One block; each row has a value, or None, for every metric in order."""
    table = np.array([values for _, values in rows], dtype=np.float64)
    return MetricPoints(
        listing_id=np.full(len(rows), listing_id, dtype=np.int64),
        day_date=np.array([day for day, _ in rows], dtype="datetime64[D]"),
        source=source,
        as_of_at=as_of_at.astimezone(UTC),
        values={name: table[:, column] for column, name in enumerate(METRICS)},
    )
