"""Metrics derived from real stores: property-local days around DST, late news, what is known and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from python_nodes import wiring
from python_nodes.config import Settings
from python_nodes.domain.columns import AriColumns
from python_nodes.domain.metrics import METRICS, MetricPoints
from python_nodes.domain.portfolio import Listing, Portfolio, Property, Unit
from python_nodes.domain.records import BookingRecord, External, OperatorNight
from python_nodes.errors import PermanentError
from python_nodes.normalize.columns import objects
from python_nodes.steps import connection_admin, metrics_derive
from python_nodes.steps.services import Services
from python_nodes.store import ari, bookings, operator, polls, portfolio
from tests.conftest import MigratedDatabase

# Clocks go forward on 8 March in New York, on 29 March in Lisbon, and never in Tokyo.
ZONES = {"lisbon": "Europe/Lisbon", "new_york": "America/New_York", "tokyo": "Asia/Tokyo"}
CURRENCIES = {"lisbon": "EUR", "new_york": "USD", "tokyo": "JPY"}
AS_OF = datetime(2026, 4, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Derived:
    """Services with a listing in each of three zones, and the reading of what was derived."""

    services: Services
    tenant_id: int
    ids: dict[str, int]
    connection_id: int

    def book(
        self, name: str, at: datetime, number: int, *, nights: int = 2, version: int = 1,
        check_in_date: date | None = None, **changes: Any,
    ) -> None:  # fmt: skip
        """Store a booking as a channel tells it."""
        check_in = check_in_date or at.astimezone(UTC).date() + timedelta(days=1)
        origin = External(
            source="booking_com", external_id=str(number), source_version=version,
            source_updated_at=at + timedelta(minutes=version),
        )  # fmt: skip
        record = BookingRecord(
            origin=origin, listing_external_id=name, rate_plan_external_id="bar", check_in_date=check_in,
            check_out_date=check_in + timedelta(days=nights), booked_at=at, cancelled_at=None,
            total_amount_minor=20_000, currency=CURRENCIES[name], status="confirmed",
        )  # fmt: skip
        with self.services.database.tenant(self.tenant_id) as conn:
            bookings.upsert(conn, [replace(record, **changes)], self.ids)

    def read_at(self, moment: datetime, *, error: str | None = None) -> None:
        """Note that the channel's reservations were polled."""
        with self.services.database.tenant(self.tenant_id) as conn:
            run_id = polls.start(conn, self.connection_id, "reservations", moment)
            polls.finish(conn, run_id, {}, finished_at=moment, error=error)

    def derive(self, as_of: datetime = AS_OF, start: date | None = None) -> None:
        metrics_derive.run(self.services, self.tenant_id, as_of, start)

    def told(self, metric: str, name: str, first: str, last: str) -> list[float | None]:
        """Read a metric from the store, day by day."""
        days = (date.fromisoformat(first), date.fromisoformat(last))
        matrix = self.services.metrics.read(self.tenant_id, [metric], [self.ids[name]], *days)
        return [None if np.isnan(value) else float(value) for value in matrix.values[metric][0]]


@pytest.fixture
def derived(database: MigratedDatabase, tenant_id: int, valkey_url: str, tmp_path: Path) -> Iterator[Derived]:
    settings = Settings(
        database_url=SecretStr(database.app_url), redis_url=SecretStr(valkey_url),
        secret_key=SecretStr(Fernet.generate_key().decode()), raw_root=tmp_path, tenant_id=tenant_id, retry_attempts=1,
    )  # fmt: skip
    services = wiring.build_services(settings)
    places = tuple(
        Property(
            external_id=name, name=name, market=name, country="PT", subdivision=None, timezone=zone,
            currency=CURRENCIES[name], priority=0.5,
        )
        for name, zone in ZONES.items()
    )  # fmt: skip
    units = tuple(
        Unit(external_id=name, property_external_id=name, name=name, unit_count=2, base_price_minor=10_000,
             floor_price_minor=5_000)
        for name in ZONES
    )  # fmt: skip
    listings = tuple(
        Listing(external_id=name, unit_external_id=name, channel="booking_com", title=name, rate_plan_external_id="bar")
        for name in ZONES
    )
    with services.database.tenant(tenant_id) as conn:
        portfolio.upsert_portfolio(conn, tenant_id, Portfolio(properties=places, units=units, listings=listings))
        ids = {one.external_id: one.listing_id for one in portfolio.load_listings(conn)}
    wanted = connection_admin.NewConnection(
        vendor="booking_com", name="ota", base_url="http://127.0.0.1:9", settings={},
        credentials={"client_id": "a", "client_secret": "b"},
    )  # fmt: skip
    made = Derived(services, tenant_id, ids, connection_admin.add(services, tenant_id, wanted))
    # A history begins with its first booking.
    made.book("lisbon", datetime(2026, 3, 1, 12, tzinfo=UTC), 1, check_in_date=date(2026, 3, 2))
    yield made
    services.database.dispose()


def local(name: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONES[name]))


@pytest.mark.parametrize(
    ("name", "first", "moments", "counts"),
    [
        # 23 hours of 29 March, and either side of both midnights.
        ("lisbon", "2026-03-28", ["2026-03-28T23:59", "2026-03-29T00:01", "2026-03-29T02:30", "2026-03-29T23:59",
                                  "2026-03-30T00:00"], [1, 3, 1]),
        ("new_york", "2026-03-07", ["2026-03-07T23:59", "2026-03-08T00:01", "2026-03-08T03:30", "2026-03-09T00:00"],
         [1, 2, 1]),
        # The same days, a clock that never changes, and nine hours ahead of UTC's date line.
        ("tokyo", "2026-03-28", ["2026-03-28T23:59", "2026-03-29T00:00", "2026-03-29T08:59", "2026-03-29T09:00"],
         [1, 3, 0]),
    ],
)  # fmt: skip
def test_a_booking_counts_on_its_propertys_own_day(
    derived: Derived, name: str, first: str, moments: list[str], counts: list[int]
) -> None:
    for number, moment in enumerate(moments):
        derived.book(name, local(name, moment), 100 + number)
    derived.read_at(AS_OF)
    derived.derive()
    last = str(date.fromisoformat(first) + timedelta(days=2))
    assert derived.told("booking_velocity", name, first, last) == counts
    assert derived.told("los_nights", name, first, last) == [2.0 if count else None for count in counts]


def test_autumns_long_day_holds_both_of_its_hours(derived: Derived) -> None:
    # 25 October has 25 hours in Lisbon; 01:30 comes twice.
    for number, fold in enumerate((0, 1)):
        derived.book("lisbon", local("lisbon", "2026-10-25T01:30").replace(fold=fold), 200 + number)
    later = datetime(2026, 10, 28, 12, tzinfo=UTC)
    derived.read_at(later)
    derived.derive(later)
    assert derived.told("booking_velocity", "lisbon", "2026-10-24", "2026-10-26") == [0.0, 2.0, 0.0]


def test_days_after_the_last_good_read_are_missing_and_never_zero(derived: Derived) -> None:
    derived.read_at(datetime(2026, 3, 20, 12, tzinfo=UTC))
    derived.read_at(datetime(2026, 3, 25, 12, tzinfo=UTC), error="timed out")
    derived.derive()
    assert derived.told("pickup_nights", "tokyo", "2026-03-18", "2026-03-21") == [0.0, 0.0, None, None]
    # The first day of a history is told in part only.
    assert derived.told("pickup_nights", "lisbon", "2026-03-01", "2026-03-02") == [None, 0.0]


def test_late_news_corrects_a_day_and_older_news_never_does(derived: Derived) -> None:
    derived.read_at(AS_OF)
    derived.derive()
    assert derived.told("booking_velocity", "lisbon", "2026-03-25", "2026-03-25") == [0.0]
    derived.book("lisbon", local("lisbon", "2026-03-25T10:00"), 300, nights=3)
    derived.derive(AS_OF + timedelta(hours=1))
    assert derived.told("pickup_nights", "lisbon", "2026-03-25", "2026-03-25") == [3.0]
    # A replay of an old moment, as a repeated run of a flow is, finds a newer telling.
    derived.book("lisbon", local("lisbon", "2026-03-25T11:00"), 301, nights=4)
    derived.derive(AS_OF)
    assert derived.told("pickup_nights", "lisbon", "2026-03-25", "2026-03-25") == [3.0]
    derived.derive(AS_OF + timedelta(hours=2))
    assert derived.told("pickup_nights", "lisbon", "2026-03-25", "2026-03-25") == [7.0]


def test_a_cancellation_takes_its_nights_back_on_its_own_day(derived: Derived) -> None:
    booked_at = local("new_york", "2026-03-26T22:00")
    derived.book("new_york", booked_at, 400)
    gone = local("new_york", "2026-03-28T23:30")
    derived.book("new_york", booked_at, 400, version=2, status="cancelled", cancelled_at=gone)
    derived.read_at(AS_OF)
    derived.derive()
    assert derived.told("pickup_nights", "new_york", "2026-03-26", "2026-03-29") == [2.0, 0.0, -2.0, 0.0]
    assert derived.told("booking_velocity", "new_york", "2026-03-26", "2026-03-26") == [1.0]


def test_nights_are_told_in_the_propertys_currency_at_the_bookings_rate(derived: Derived) -> None:
    # Booked for the same night, so that occupancy need not wait for what is booked ahead.
    for number in range(20):
        at = local("tokyo", "2026-03-10T12:00") + timedelta(days=number)
        derived.book("tokyo", at, 500 + number, nights=1, check_in_date=at.date(), total_amount_minor=20_000)
    abroad = local("tokyo", "2026-03-30T12:00")
    derived.book("tokyo", abroad, 600, nights=1, check_in_date=abroad.date(), total_amount_minor=10_000, currency="USD")
    with derived.services.database.tenant(derived.tenant_id) as conn:
        blocked = [OperatorNight(unit_external_id="u", stay_date=date(2026, 3, 20), is_open=False, units=0)]
        units = {one.external_id: one.unit_id for one in portfolio.load_listings(conn)}
        operator.upsert(conn, blocked, {"u": units["tokyo"]}, AS_OF)
    derived.read_at(AS_OF)
    derived.derive()
    assert derived.told("adr", "tokyo", "2026-03-19", "2026-03-19") == [20_000.0]
    # 100 dollars at the central bank's rates of 30 March 2026: 183.12 yen and 1.1484 dollars for a euro.
    assert derived.told("adr", "tokyo", "2026-03-30", "2026-03-30") == [pytest.approx(100 * 183.12 / 1.1484)]
    # One of two rooms; where the other was blocked, all that could be sold.
    assert derived.told("occupancy", "tokyo", "2026-03-19", "2026-03-20") == [0.5, 1.0]
    assert derived.told("revpar", "tokyo", "2026-03-19", "2026-03-20") == [10_000.0, 20_000.0]
    # Tonight is not over.
    assert derived.told("occupancy", "tokyo", "2026-04-02", "2026-04-02") == [None]


def offer(derived: Derived, name: str, at: datetime, open_nights: int, nights: int = 90) -> None:
    """Store a channel's calendar from the property's own day on."""
    first = np.datetime64(at.astimezone(ZoneInfo(ZONES[name])).date())
    told = AriColumns(
        source="booking_com", raw_id=None, observed_at=at, listing_external_id=objects([name] * nights),
        rate_plan_external_id=objects(["bar"] * nights), stay_date=first + np.arange(nights),
        price_minor=np.where(np.arange(nights) < 3, np.nan, 12_000.0), currency=objects([CURRENCIES[name]] * nights),
        is_open=np.arange(nights) < open_nights, units_left=np.ones(nights, dtype=np.int64),
        min_stay_nights=np.full(nights, 2), fees_minor=np.full(nights, 1_000), raw_row=lambda row: b"",
    )  # fmt: skip
    with derived.services.database.tenant(derived.tenant_id) as conn:
        ari.upsert_changed(conn, [told], derived.ids)


def test_availability_and_price_are_todays_and_only_if_read_today(derived: Derived) -> None:
    offer(derived, "lisbon", AS_OF, 70)
    offer(derived, "new_york", AS_OF - timedelta(days=1), 70)
    offer(derived, "tokyo", AS_OF, 30, nights=60)
    derived.derive()
    assert derived.told("availability", "lisbon", "2026-04-01", "2026-04-02") == [None, 70.0]
    # 120.00 a night and 10.00 a stay of two nights.
    assert derived.told("listed_price", "lisbon", "2026-04-02", "2026-04-02") == [125.0]
    assert derived.told("availability", "new_york", "2026-04-01", "2026-04-02") == [None, None]
    assert derived.told("listed_price", "new_york", "2026-04-01", "2026-04-02") == [None, None]
    # Two months of a calendar say nothing of 90 nights, yet show a price: yen have no minor unit.
    assert derived.told("availability", "tokyo", "2026-04-02", "2026-04-02") == [None]
    assert derived.told("listed_price", "tokyo", "2026-04-02", "2026-04-02") == [12_500.0]


def test_what_a_channel_reports_stands_and_its_missing_ratios_are_filled(derived: Derived) -> None:
    derived.book("lisbon", local("lisbon", "2026-03-30T10:00"), 700)
    nan = np.nan
    report = MetricPoints(
        listing_id=np.array([derived.ids["lisbon"]] * 2), day_date=np.array(["2026-03-30", "2026-03-31"], "M8[D]"),
        source="booking_com", as_of_at=AS_OF - timedelta(days=1),
        values={
            "search_impressions": np.array([100.0, 100.0]), "listing_views": np.array([20.0, 10.0]),
            "booking_velocity": np.array([5.0, nan]),
        },
    )  # fmt: skip
    derived.services.metrics.write(derived.tenant_id, report)
    derived.read_at(AS_OF)
    derived.derive()
    assert derived.told("booking_velocity", "lisbon", "2026-03-30", "2026-03-31") == [5.0, 0.0]
    assert derived.told("click_through_rate", "lisbon", "2026-03-30", "2026-03-31") == [0.2, 0.1]
    assert derived.told("conversion_rate", "lisbon", "2026-03-30", "2026-03-31") == [0.25, 0.0]


def test_a_report_that_is_late_does_not_count_as_no_bookings(derived: Derived) -> None:
    """One property's feed stands still for three days; its bookings and its report come together on the fourth."""
    channel_told = {"lisbon": 8, "tokyo": 5}
    for name, count in channel_told.items():
        days = np.datetime64("2026-03-24") + np.arange(count)
        counts = {"search_impressions": np.full(count, 100.0), "listing_views": np.full(count, 20.0),
                  "booking_velocity": np.full(count, 3.0)}  # fmt: skip
        derived.services.metrics.write(
            derived.tenant_id,
            MetricPoints(listing_id=np.full(count, derived.ids[name]), day_date=days, source="booking_com",
                         as_of_at=AS_OF - timedelta(days=1), values=counts),
        )  # fmt: skip
    derived.read_at(AS_OF)
    derived.derive()
    assert derived.told("booking_velocity", "tokyo", "2026-03-27", "2026-03-31") == [3.0, 3.0, None, None, None]
    # New York has no report at all, and the first of April is nobody's yet: both are told by bookings.
    assert derived.told("booking_velocity", "new_york", "2026-03-30", "2026-03-31") == [0.0, 0.0]
    assert derived.told("booking_velocity", "tokyo", "2026-04-01", "2026-04-01") == [0.0]


def test_only_known_metrics_are_derived_and_a_second_run_looks_at_the_last_weeks(derived: Derived) -> None:
    derived.read_at(AS_OF)
    derived.derive()
    derived.book("lisbon", local("lisbon", "2026-03-05T10:00"), 800)
    derived.derive(AS_OF + timedelta(hours=1))
    assert derived.told("booking_velocity", "lisbon", "2026-03-05", "2026-03-05") == [0.0]
    derived.derive(AS_OF + timedelta(hours=2), date(2026, 3, 1))
    assert derived.told("booking_velocity", "lisbon", "2026-03-05", "2026-03-05") == [1.0]
    values, series = derived.services.metrics.count(derived.tenant_id)
    assert 0 < series <= len(ZONES) * len(METRICS) < values


@pytest.mark.parametrize(("days", "word"), [(-2, "is after"), (-180, "is after"), (1101, "more than 1100 days before")])
def test_days_that_have_not_come_or_are_too_many_are_refused_by_name(derived: Derived, days: int, word: str) -> None:
    with pytest.raises(PermanentError, match=f"start: {word}") as refused:
        derived.derive(start=(AS_OF - timedelta(days=days)).date())
    assert (refused.value.status, refused.value.field) == (422, "start")
    derived.derive(start=(AS_OF - timedelta(days=1100)).date())
