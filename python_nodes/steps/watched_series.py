"""The series that watches look at, each as far back as the watch with the longest memory looks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol

import numpy as np

from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.scoring.watches import Watch


class Series(Protocol):
    """Where series are read: a metric store, or what is held of one."""

    def read(
        self, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date
    ) -> MetricMatrix:
        """Both ends inclusive."""
        ...


def read(
    metrics: Series, tenant_id: int, watches: Sequence[Watch], listing_ids: Sequence[int], start: date, end: date
) -> MetricMatrix:
    """Return the days from ``start`` to ``end``; what lies before all that is looked at of a metric is NaN."""
    reach: dict[str, int] = defaultdict(int)
    for watch in watches:
        for name in filter(None, (watch.metric, watch.exposure)):
            reach[name] = max(reach[name], watch.history_days)
    together: dict[date, list[str]] = defaultdict(list)
    for name in sorted(reach):
        together[max(start, end - timedelta(days=reach[name] - 1))].append(name)
    days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    values: dict[str, FloatArray] = {}
    for begin, names in together.items():
        told = metrics.read(tenant_id, names, listing_ids, begin, end).values
        for name in names:
            values[name] = np.full((len(listing_ids), days.size), np.nan)
            values[name][:, (begin - start).days :] = told[name]
    return MetricMatrix(listing_ids=np.asarray(listing_ids, dtype=np.int64), days=days, values=values)
