"""One listing's forecast made now and not stored: for people who ask by hand."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from python_nodes.domain.metrics import METRICS, DayArray, FloatArray
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.scoring import forecast
from python_nodes.scoring.calendar import holiday_matrix
from python_nodes.steps import local_events, metrics_view, snapshot
from python_nodes.steps.services import Services


def run(
    services: Services, tenant_id: int, name: str, metric: str, horizon: int, as_of: datetime
) -> tuple[str, DayArray, FloatArray, forecast.Made]:
    """Return a listing's title, days and values, and the forecast of what comes; ``name`` is an id of either kind."""
    if metric not in METRICS:
        raise PermanentError(f"metric: {metric[:40]!r} is not one of {', '.join(METRICS)}", field="metric")
    known = metrics_view.listings_of(services, tenant_id, None)
    found = [one for one in known if name in (str(one.listing_id), one.external_id)]
    if len(found) != 1:
        raise NotFoundError(f"{len(found)} listings are called {name!r}")
    listing, today = found[0], snapshot.local_day(as_of, found)
    span = snapshot.window(today, services.history_days)
    matrix = services.metrics.read(tenant_id, [metric], [listing.listing_id], *span)
    whole = matrix.days[0] + np.arange(len(matrix.days) + horizon)
    made = forecast.make(
        matrix.values[metric][0], matrix.days, horizon, holiday_matrix([listing], whole)[0],
        local_events.of_listing(services, tenant_id, listing, whole),
    )  # fmt: skip
    if made is None:
        raise NotFoundError(f"nothing is told of {metric} of listing {name} in the {services.history_days} days before")
    return f"{listing.title}: {metric}", matrix.days, matrix.values[metric][0], made
