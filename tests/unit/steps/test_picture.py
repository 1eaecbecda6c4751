"""Each alert gets the picture that fits it, drawn from what is stored as of its moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection

from python_nodes.domain.columns import AriColumns
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import Listing, ListingInfo, Portfolio, Property, Unit
from python_nodes.domain.records import OperatorNight
from python_nodes.notify import chart
from python_nodes.steps import picture
from python_nodes.store import ari, operator, portfolio
from python_nodes.store.session import Database

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = AS_OF.date()
NIGHTS = [TODAY + timedelta(days=index) for index in range(picture.NIGHTS_SHOWN)]
ALERT = Alert(
    alert_id=1, fingerprint="f", scope="listing", listing_id=1, property_id=1, market="lisbon", metric="availability",
    kind="not_bookable", cause="calendar_closed", title="Calendar closed", category="high", score=70.0, currency="EUR",
    impact_minor=1, loss_per_day_minor=1, lost_so_far_minor=1, onset_date=TODAY, raised_at=AS_OF, updated_at=AS_OF,
    resolved_at=None, version=1, parts={}, evidence={},
)  # fmt: skip
PORTFOLIO = Portfolio(
    properties=(
        Property(external_id="p", name="Harbour", market="lisbon", country="PT", subdivision=None,
                 timezone="Europe/Lisbon", currency="EUR", priority=0.5),
    ),
    units=(
        Unit(external_id="u", property_external_id="p", name="Room", unit_count=1, base_price_minor=12000,
             floor_price_minor=8000),
    ),
    listings=(
        Listing(external_id="r", unit_external_id="u", channel="booking_com", title="Room",
                rate_plan_external_id="std"),
    ),
)  # fmt: skip


@pytest.fixture
def conn(app_database: Database, tenant_id: int) -> Iterator[Connection]:
    with app_database.tenant(tenant_id) as opened:
        yield opened


@pytest.fixture
def listing(conn: Connection, tenant_id: int) -> ListingInfo:
    """A room: open in the operator's calendar, closed on nights 3 and 4 on the channel, told for 50 nights."""
    portfolio.upsert_portfolio(conn, tenant_id, PORTFOLIO)
    (found,) = portfolio.load_listings(conn)
    is_open = np.ones(50, dtype=bool)
    is_open[3:5] = False

    def same(value: object) -> np.ndarray[Any, np.dtype[np.object_]]:
        return np.full(50, value, dtype=object)

    told = AriColumns(
        source="booking_com", raw_id=None, observed_at=AS_OF - timedelta(days=1), listing_external_id=same("r"),
        rate_plan_external_id=same("std"), stay_date=np.array(NIGHTS[:50], dtype="datetime64[D]"),
        price_minor=np.full(50, 12000.0), currency=same("EUR"), is_open=is_open, raw_row=lambda row: b"",
        units_left=np.ones(50, dtype=np.int64), min_stay_nights=np.ones(50, dtype=np.int64),
        fees_minor=np.zeros(50, dtype=np.int64),
    )  # fmt: skip
    ari.upsert_changed(conn, [told], {"r": found.listing_id})
    calendar = [OperatorNight(unit_external_id="u", stay_date=night, is_open=True, units=1) for night in NIGHTS]
    operator.upsert(conn, calendar, {"u": found.unit_id}, told.observed_at)
    return found


def test_a_closed_calendar_shows_the_nights(conn: Connection, listing: ListingInfo) -> None:
    is_open, known = np.ones(56, dtype=bool), np.ones(56, dtype=bool)
    is_open[3:5], is_open[50:], known[50:] = False, False, False
    wanted = chart.calendar_png(
        NIGHTS, is_open, np.ones(56, dtype=bool), known=known, title="Calendar closed", channel="Booking.com"
    )
    assert picture.of(conn, ALERT, listing, AS_OF) == wanted


def test_a_suspended_listing_is_closed_on_every_night(conn: Connection, listing: ListingInfo) -> None:
    wanted = chart.calendar_png(
        NIGHTS, np.zeros(56, dtype=bool), np.ones(56, dtype=bool), title="Down", channel="Booking.com",
        is_suspended=True,
    )  # fmt: skip
    assert picture.of(conn, replace(ALERT, kind="suspended", title="Down"), listing, AS_OF) == wanted


def test_a_wrong_price_shows_prices_in_whole_units(conn: Connection, listing: ListingInfo) -> None:
    known = np.full(56, np.nan)
    known[:50] = 120.0
    price = ari.current(conn, [listing.listing_id], TODAY, NIGHTS[-1]).price_minor[0] / 100
    assert price[0] == 120.0
    wanted = chart.price_png(NIGHTS, price, known, 80.0, title="Price", currency="EUR")
    assert picture.of(conn, replace(ALERT, kind="price_out_of_range", title="Price"), listing, AS_OF) == wanted


def charted(alert: Alert) -> tuple[Alert, list[np.ndarray[Any, np.dtype[np.float64]]], list[date]]:
    """Give an alert ten days of a series."""
    days = [date(2026, 2, 1) + timedelta(days=index) for index in range(10)]
    series = {name: [float(value)] * 10 for value, name in enumerate(("observed", "expected", "lower", "upper"))}
    told = replace(alert, onset_date=days[8], evidence={"chart": {"days": [str(day) for day in days], **series}})
    return told, [np.array(values, dtype=np.float64) for values in series.values()], days


def test_competitors_prices_are_called_prices_in_the_property_s_money(conn: Connection, listing: ListingInfo) -> None:
    told, arrays, days = charted(replace(ALERT, kind="competitor_undercut", metric="competitor_price", currency="USD"))
    wanted = chart.chart_png(
        days, *arrays, days[8], title="Calendar closed", unit="competitors' price a night, EUR"
    )  # fmt: skip
    assert picture.of(conn, told, listing, AS_OF) == wanted


def test_a_drop_shows_its_series_and_needs_no_listing(conn: Connection) -> None:
    told, arrays, days = charted(replace(ALERT, kind="conversion_drop", metric="conversion_rate"))
    assert picture.of(conn, told, None, AS_OF) == chart.chart_png(
        days, *arrays, days[8], title="Calendar closed", unit="bookings a day"
    )


def test_a_property_s_alert_without_a_series_has_no_picture(conn: Connection) -> None:
    assert picture.of(conn, replace(ALERT, scope="property", listing_id=None), None, AS_OF) is None
