"""A portfolio with a past: every table that a panel reads has rows, for as many listings and days as asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, text

from python_nodes.domain.metrics import METRICS, BandMatrix, MetricPoints, MetricStore
from python_nodes.domain.portfolio import Listing, Portfolio, Property, Unit
from python_nodes.store import portfolio
from python_nodes.store.session import Database

LAST = date(2026, 4, 12)
CHANNELS = ("booking_com", "expedia", "vrbo", "airbnb")
MARKETS = ("berlin", "hamburg", "lisbon", "porto", "vienna")
BANDED = (
    "search_impressions", "listing_views", "click_through_rate", "conversion_rate", "booking_velocity", "search_rank",
    "competitor_price", "review_score", "availability",
)  # fmt: skip
_SIZES = {
    "search_impressions": 900.0, "listing_views": 80.0, "click_through_rate": 0.09, "conversion_rate": 0.01,
    "booking_velocity": 0.4, "search_rank": 12.0, "competitor_price": 140.0, "review_score": 8.6, "availability": 40.0,
    "listed_price": 150.0, "occupancy": 0.15, "adr": 145.0, "revpar": 80.0, "pickup_nights": 1.1,
    "lead_time_days": 30.0, "los_nights": 3.0,
}  # fmt: skip
ROWS = Path(__file__).with_suffix(".sql")


def seed(
    database: Database, metrics: MetricStore, tenant_id: int, *, listings: int, days: int, band_days: int = 90,
    alerts: int = 300,
) -> list[int]:  # fmt: skip
    """Fill the tenant's tables and its metric store; returns the listings' ids."""
    with database.tenant(tenant_id) as conn:
        portfolio.upsert_portfolio(conn, tenant_id, _portfolio(listings))
        conn.execute(text("SELECT setseed(0.5)"))
        ids = [one.listing_id for one in portfolio.load_listings(conn)]
        _fill(conn, days, alerts)
    series(metrics, tenant_id, ids, days, band_days)
    return ids


def _portfolio(listings: int) -> Portfolio:
    places = [
        Property(
            external_id=f"p{row}", name=f"House {row}", market=MARKETS[row % len(MARKETS)], country="DE",
            subdivision=None, timezone="Europe/Berlin", currency="EUR", priority=1.0,
        )
        for row in range(-(-listings // 8))
    ]  # fmt: skip
    units = [
        Unit(
            external_id=f"u{row}", property_external_id=f"p{row // 2}", name=f"Home {row}", unit_count=1 + row % 3,
            base_price_minor=12_000, floor_price_minor=6_000,
        )
        for row in range(-(-listings // 4))
    ]  # fmt: skip
    told = [
        Listing(
            external_id=f"l{row}", unit_external_id=f"u{row // 4}", channel=CHANNELS[row % 4],
            title=f"Home {row // 4} on {CHANNELS[row % 4]}", rate_plan_external_id="standard",
        )
        for row in range(listings)
    ]  # fmt: skip
    return Portfolio(properties=tuple(places), units=tuple(units), listings=tuple(told))


def _fill(conn: Connection, days: int, alerts: int) -> None:
    told = {
        "at": datetime(LAST.year, LAST.month, LAST.day, 12, tzinfo=UTC),
        "last": LAST,
        "days": days,
        "alerts": alerts,
    }
    for statement in ROWS.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            conn.execute(text(statement), {name: value for name, value in told.items() if f":{name}" in statement})


def series(metrics: MetricStore, tenant_id: int, ids: list[int], days: int, band_days: int) -> None:
    draw = np.random.default_rng(1)
    every = np.arange(np.datetime64(LAST) - days + 1, np.datetime64(LAST) + 1)
    at = datetime(LAST.year, LAST.month, LAST.day, 6, tzinfo=UTC)
    size = len(ids) * days
    reported = ("search_impressions", "listing_views", "click_through_rate", "conversion_rate", "booking_velocity")
    for source, names, moment in (
        ("report", reported, at), ("derived", [one for one in METRICS if one not in reported], at - timedelta(hours=1)),
    ):  # fmt: skip
        metrics.write(tenant_id, MetricPoints(
            listing_id=np.repeat(np.array(ids), days), day_date=np.tile(every, len(ids)), source=source,
            as_of_at=moment, values={name: _SIZES[name] * draw.gamma(4.0, 0.25, size) for name in names},
        ))  # fmt: skip
    shape = (len(ids), band_days)
    expected = {name: np.full(shape, _SIZES[name]) for name in BANDED}
    metrics.write_bands(tenant_id, BandMatrix(
        listing_ids=np.array(ids), days=every[-band_days:], expected=expected,
        lower={name: 0.6 * values for name, values in expected.items()},
        upper={name: 1.5 * values for name, values in expected.items()},
    ))  # fmt: skip
