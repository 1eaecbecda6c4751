"""The picture that fits an alert: a metric and its band, nights of a calendar, or prices and their median."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection

from python_nodes.alerts.enrich import channel_label
from python_nodes.domain.findings import FORESEEN, Alert
from python_nodes.domain.money import currency_digits
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.said import marked, say
from python_nodes.notify import render
from python_nodes.steps import doubts, snapshot
from python_nodes.store import ari, operator

NIGHTS_SHOWN = 56
PRICE_KINDS = frozenset({"price_out_of_range", "no_price"})
SERIES = ("observed", "expected", "lower", "upper")
CHARTED = {
    "search_impressions": marked("impressions a day"), "listing_views": marked("views a day"),
    "click_through_rate": marked("views a day"), "search_rank": marked("place in the search results"),
    "competitor_price": marked("competitors' price a night"),
}  # fmt: skip
"""What the chart of a metric counts: of a rate its numerator; bookings where nothing else is named."""
BOOKINGS = marked("bookings a day")
PRICED = frozenset({"competitor_price"})
"""Metrics in the property's own currency."""


def key(alert: Alert, listing: ListingInfo | None) -> str:
    """Name the picture where the alert alone says what is drawn: the same name, the same picture; else empty."""
    series = alert.evidence.get("chart")
    if not isinstance(series, dict) or not series.get("days"):
        return ""
    currency = listing.currency if listing is not None else alert.currency
    drawn = [alert.kind, alert.metric, str(alert.onset_date), render.title(alert), currency, say(BOOKINGS), series]
    return hashlib.sha256(json.dumps(drawn, sort_keys=True, default=str).encode()).hexdigest()[:16]


def prepare() -> None:
    """Load all that the first picture takes: matplotlib, its fonts, and its way of writing a PNG."""
    from python_nodes.notify import chart

    day = date(2026, 1, 1)
    chart.chart_png([day], [1.0], [1.0], [0.0], [2.0], day, title="-", unit="-")


def of(conn: Connection, alert: Alert, listing: ListingInfo | None, as_of: datetime) -> bytes | None:
    """Return a PNG; None for an alert on no single listing, which has no one calendar to show."""
    # Imported where it is used: matplotlib takes as long to import as all of the rest, and only the first picture
    # would have to wait for it.
    from python_nodes.notify import chart

    series = alert.evidence.get("chart")
    if alert.kind in FORESEEN and isinstance(series, dict) and series.get("days"):
        return _outlook(alert, series)
    if isinstance(series, dict) and series.get("days"):
        return band(alert, series, listing)
    if listing is None:
        return None
    today = snapshot.local_day(as_of, [listing])
    last = today + timedelta(days=NIGHTS_SHOWN - 1)
    if alert.kind in PRICE_KINDS:
        return _prices(conn, alert, listing, today, last, as_of)
    known, wanted, _ = operator.current(conn, [listing.unit_id], today, last)
    seen = ari.current(conn, [listing.listing_id], today, last)
    nights = [night.item() for night in seen.nights]
    is_down = alert.kind == "suspended"
    return chart.calendar_png(
        nights, seen.is_open[0] & (not is_down), known[0] & wanted[0], known=seen.known[0] | is_down,
        title=render.title(alert), channel=channel_label(listing.channel), is_suspended=is_down,
    )  # fmt: skip


def _outlook(alert: Alert, series: Mapping[str, Any]) -> bytes:
    from python_nodes.notify import outlook_chart

    return outlook_chart.outlook_png(
        series,
        title=render.title(alert),
        currency=alert.currency,
        minor_per_unit=10.0 ** currency_digits(alert.currency),
    )


def band(alert: Alert, series: Mapping[str, Any], listing: ListingInfo | None) -> bytes:
    """Draw the metric that the alert's evidence kept, with its band."""
    from python_nodes.notify import chart

    days = [date.fromisoformat(day) for day in series["days"]]
    observed, expected, lower, upper = (np.array(series[name], dtype=np.float64) for name in SERIES)
    unit = say(CHARTED.get(alert.metric, BOOKINGS))
    if alert.metric in PRICED and listing is not None:
        unit = f"{unit}, {listing.currency}"
    told = series.get("forecast")
    ahead = None
    if told:
        drawn = [date.fromisoformat(day) for day in told["days"]]
        ahead = chart.Ahead(drawn, told["mean"], told["lower"], told["upper"], str(told["model"]))
    return chart.chart_png(
        days, observed, expected, lower, upper, alert.onset_date, title=render.title(alert), unit=unit, ahead=ahead
    )  # fmt: skip


def _prices(conn: Connection, alert: Alert, listing: ListingInfo, today: date, last: date, as_of: datetime) -> bytes:
    from python_nodes.notify import chart

    whole = 10.0 ** currency_digits(listing.currency)
    seen = ari.current(conn, [listing.listing_id], today, last)
    doubtful = doubts.doubtful_prices(conn, [listing], as_of, snapshot.PRICE_MEMORY_DAYS)
    usual = ari.trailing_median_price(conn, [listing.listing_id], today, last, as_of, doubtful)
    nights = [night.item() for night in seen.nights]
    return chart.price_png(
        nights, seen.price_minor[0] / whole, usual[0] / whole, listing.floor_price_minor / whole,
        title=render.title(alert), currency=listing.currency,
    )  # fmt: skip
