"""The picture that fits an alert: a metric and its band, nights of a calendar, or prices and their median."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.notify import chart
from python_nodes.steps import snapshot
from python_nodes.store import ari, operator

NIGHTS_SHOWN = 56
PRICE_KINDS = frozenset({"price_out_of_range", "no_price"})


def draw(conn: Connection, alert: Alert, listing: ListingInfo | None, as_of: datetime) -> bytes | None:
    """Return a PNG, or None for an alert that has nothing to show."""
    series = alert.evidence.get("chart")
    if isinstance(series, dict) and series.get("days"):
        days = [date.fromisoformat(day) for day in series["days"]]
        bands = [np.array(series[name], dtype=np.float64) for name in ("observed", "expected", "lower", "upper")]
        return chart.chart_png(days, *bands, alert.onset_date, title=alert.title, unit="bookings a day")
    if listing is None or alert.p_is_unknown:
        return None
    return _nights(conn, alert, listing, as_of)
