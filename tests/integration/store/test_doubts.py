"""What alerts make unfit to learn from, on a real PostgreSQL: prices over a whole error, days of an outage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Connection

from python_nodes.domain.columns import AriColumns
from python_nodes.domain.findings import AlertDraft
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.guards import price_out_of_range
from python_nodes.steps import doubts, snapshot
from python_nodes.store import alerts, ari
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.session import Database

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAYS = np.arange("2026-02-20", "2026-03-12", dtype="datetime64[D]")


def draft(listing: ListingInfo, kind: str, raised_at: datetime, share_lost: float = 1.0) -> AlertDraft:
    return AlertDraft(
        fingerprint=f"{listing.listing_id}:{kind}", scope="listing", listing_id=listing.listing_id,
        property_id=listing.property_id, market=None, metric="m", kind=kind, cause="c", title="t", category="high",
        score=1.0, currency="EUR", impact_minor=1, loss_per_day_minor=1, lost_so_far_minor=1,
        onset_date=raised_at.date(), raised_at=raised_at, evidence={}, parts={"share_lost": share_lost},
    )  # fmt: skip


def seen(prices: np.ndarray, first: date, observed_at: datetime) -> AriColumns:
    n = prices.size
    return AriColumns(
        source="ota", raw_id=None, observed_at=observed_at, raw_row=lambda row: b"",
        listing_external_id=np.full(n, "r-2", object), rate_plan_external_id=np.full(n, "bar", object),
        stay_date=np.datetime64(first) + np.arange(n), price_minor=prices, currency=np.full(n, "USD", object),
        is_open=np.ones(n, bool), units_left=np.ones(n, np.int64), min_stay_nights=np.ones(n, np.int64),
        fees_minor=np.zeros(n, np.int64),
    )  # fmt: skip


@pytest.mark.parametrize("factor", [0.25, 3.0])
def test_a_price_error_stays_out_of_range_until_the_first_poll_after_it_is_put_right(
    conn: Connection, app_database: Database, tenant_id: int, listings: list[ListingInfo],
    listing_ids: dict[str, int], factor: float,
) -> None:  # fmt: skip
    """One poll before it, nine days of error, on a window that brings a new night into sight every day."""
    room = next(one for one in listings if one.external_id == "r-2")
    cheap = [replace(one, floor_price_minor=1) for one in listings]
    metrics = PostgresMetricStore(app_database)
    open_id: int | None = None
    told: dict[int, int] = {}
    for day in range(14):
        as_of = NOON + timedelta(days=day)
        prices = np.full(100, 10000.0)
        prices[:90] *= factor if 1 <= day < 10 else 1.0
        ari.upsert_changed(conn, [seen(prices, as_of.date(), as_of)], listing_ids)
        found = price_out_of_range.check(snapshot.guard_inputs(conn, metrics, tenant_id, cheap, as_of))
        if found:
            told[day] = found[0].evidence["nights_count"]
            open_id = open_id or alerts.insert(conn, draft(room, "price_out_of_range", as_of), reason="found")
        elif open_id is not None:
            alerts.resolve(conn, open_id, as_of, "gone")
            open_id = None
    assert list(told) == list(range(1, 10))
    assert min(told.values()) >= 80


def test_a_price_that_stands_for_weeks_is_the_price(
    conn: Connection, listings: list[ListingInfo], listing_ids: dict[str, int]
) -> None:
    room = next(one for one in listings if one.external_id == "r-2")
    alerts.insert(conn, draft(room, "price_out_of_range", NOON), reason="found")
    spans = doubts.doubtful_prices(conn, listings, NOON + timedelta(days=60), 400)
    assert spans.listing_id.tolist() == [listing_ids["r-2"]]
    assert spans.from_at[0] < np.datetime64("2026-03-02T12:00:00")
    assert spans.until_at[0] == np.datetime64("2026-03-02T12:00:00") + np.timedelta64(doubts.DOUBT_DAYS, "D")


def test_days_of_an_outage_are_those_of_its_alert_as_then_known(conn: Connection, listings: list[ListingInfo]) -> None:
    one, other = listings
    down = alerts.insert(conn, draft(one, "suspended", NOON), reason="found")
    alerts.insert(conn, draft(other, "not_bookable", NOON, share_lost=0.05), reason="found")
    alerts.insert(conn, draft(other, "conversion_drop", NOON), reason="found")
    alerts.resolve(conn, down, NOON + timedelta(days=3), "over")
    after = doubts.outage_days(conn, listings, DAYS, NOON + timedelta(days=8))
    assert [str(day) for day in DAYS[after[0]]] == ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"]
    assert not after[1].any()
    # Asked of a moment at which it still stood, or had not been raised, nothing of what came later may show.
    during = doubts.outage_days(conn, listings, DAYS, NOON + timedelta(days=1))
    assert [str(day) for day in DAYS[during[0]]] == ["2026-03-02", "2026-03-03"]
    assert not doubts.outage_days(conn, listings, DAYS, NOON - timedelta(hours=1)).any()


def test_a_propertys_outage_is_that_of_all_its_listings(conn: Connection, listings: list[ListingInfo]) -> None:
    whole = replace(draft(listings[0], "suspended", NOON), scope="property", listing_id=None)
    alerts.insert(conn, whole, reason="found")
    assert doubts.outage_days(conn, listings, DAYS, NOON).any(axis=1).all()
