"""The sandbox's world, day by day, through recording, stores, guards and alerts: each kind on its first day, no others.

What the counterparts say of the world is read from it directly; how each channel writes it down is the vendors' tests'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from python_nodes import wiring
from python_nodes.config import Settings
from python_nodes.domain.columns import PerformanceColumns
from python_nodes.domain.portfolio import Listing, ListingInfo, Portfolio, Property, Unit
from python_nodes.domain.records import (
    BookingRecord,
    ContentRecord,
    External,
    HealthRecord,
    OperatorNight,
    ReviewRecord,
)
from python_nodes.steps import alerts_raise, guards_check
from python_nodes.steps.recording import RECORDERS, Payload
from python_nodes.steps.services import Services
from python_nodes.store import anomalies, bookings, portfolio
from python_nodes.vendors.ari_columns import Night, ari_columns
from sandbox.calendar import MARKETS
from sandbox.channels import CHANNELS
from sandbox.incidents import Incident
from sandbox.rows import BookingRow
from sandbox.simulated import World
from sandbox.world import build_world
from tests.conftest import MigratedDatabase

T0 = date(2026, 3, 2)
HISTORY_DAYS, LIVE_DAYS, DAYS_BEFORE = 60, 8, 3
FOUND_BY = {
    "listing_down": "suspended", "calendar_closed": "not_bookable", "price_error": "price_out_of_range",
    "rate_missing": "no_price", "fee_missing": "fee_missing", "amenity_missing": "amenity_missing",
    "rate_plan_gap": "rate_plan_gap", "min_stay_raised": "min_stay_raised", "review_drop": "review_drop",
    "currency_switched": "currency_switched", "feed_stale": "feed_stale", "feed_duplicate": "feed_duplicate",
}  # fmt: skip
SCENARIO = """
title = "Every guard"
description = "One incident of each kind that shows at once, and a control."
[[incident]]
id = "event"
kind = "local_event"
scope = "market"
select = { market = "MARKET" }
start_day = 1
days = 8
severity = 0.5
""" + "".join(
    f"""
[[incident]]
id = "{kind}"
kind = "{kind}"
select = {{ {place} }}
start_day = {2 + number % 4}
days = 4
{more}
"""
    for number, (kind, place, more) in enumerate(
        (
            ("listing_down", 'channel = "airbnb"', ""),
            ("calendar_closed", 'channel = "expedia"', "nights = [0, 60]"),
            ("price_error", 'channel = "booking_com"', "factor = 0.3"),
            ("rate_missing", 'channel = "vrbo"', "nights = [2, 40]"),
            ("fee_missing", 'channel = "airbnb"', ""),
            ("amenity_missing", 'channel = "booking_com"', ""),
            ("rate_plan_gap", 'channel = "expedia"', ""),
            ("min_stay_raised", 'channel = "vrbo"', "min_stay_nights = 5"),
            ("review_drop", 'channel = "booking_com"', "points = 0.6"),
            ("currency_switched", 'channel = "booking_com"', ""),
            ("feed_stale", 'channel = "booking_com"', ""),
            ("feed_duplicate", 'channel = "expedia"', ""),
        )
    )
)


@dataclass
class Columns:
    """What one channel tells on one day, as its mapping would give it."""

    world: World
    channel: str
    day: date
    history: bool = False

    def __getattr__(self, name: str) -> Any:
        return partial(getattr(self, f"_{name.removeprefix('map_')}"))

    def _each(self, tell: Any) -> list[Any]:
        return [row for place in self.world.property_ids(self.channel) for row in tell(self.channel, place, self.day)]

    def _ari_columns(self, content: bytes, **origin: Any) -> tuple[Any, list[Any]]:
        last = self.day + timedelta(days=89)
        told = [
            Night(row.room_id, row.rate_id, row.night, row.price_minor,
                  row.currency if row.price_minor is not None else "", row.is_open, row.units_left,
                  row.min_stay_nights, row.fees_minor)
            for place in self.world.property_ids(self.channel)
            for row in self.world.ari(self.channel, place, self.day, self.day, last)
        ]  # fmt: skip
        return ari_columns(told, **origin, raw_row=lambda row: repr(told[row]).encode()), []

    def _health(self, content: bytes, **origin: Any) -> tuple[list[HealthRecord], list[Any]]:
        return [
            HealthRecord(listing_external_id=one.room_id, status=one.status, changed_at=one.changed_at, **origin)
            for one in self._each(self.world.health)
        ], []

    def _reviews(self, content: bytes, *, raw_id: int | None, **origin: Any) -> tuple[list[ReviewRecord], list[Any]]:
        return [
            ReviewRecord(listing_external_id=one.room_id, score_10=one.score_10, review_count=one.count, **origin)
            for one in self._each(self.world.reviews)
        ], []

    def _content(self, content: bytes, *, raw_id: int | None, **origin: Any) -> tuple[list[ContentRecord], list[Any]]:
        return [
            ContentRecord(listing_external_id=one.room_id, amenities=frozenset(one.amenities),
                          rate_plans=frozenset(one.rate_plans), **origin)
            for one in self._each(self.world.content)
        ], []  # fmt: skip

    def _performance_columns(
        self, content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
    ) -> tuple[PerformanceColumns, list[Any]]:
        rows = self.world.performance(self.channel, self.day - timedelta(days=14), self.day - timedelta(days=1))
        counts = np.array([row[3:7] for row in rows], dtype=np.float64).reshape(-1, 4).T
        moment = np.datetime64(observed_at.replace(tzinfo=None), "s")
        return PerformanceColumns(
            source=source, raw_id=raw_id, observed_at=observed_at, raw_row=lambda row: repr(rows[row]).encode(),
            listing_external_id=np.array([row.room_id for row in rows], dtype=object),
            day_date=np.array([row.date for row in rows], dtype="datetime64[D]"),
            search_impressions=counts[0], listing_views=counts[1], bookings=counts[2], revenue_minor=counts[3],
            currency=np.array([row.currency for row in rows], dtype=object),
            as_of_at=np.full(len(rows), moment),
        ), []  # fmt: skip

    def _operator_calendar(self, content: bytes, **origin: Any) -> tuple[list[OperatorNight], list[Any]]:
        rows = self.world.operator_calendar(self.day, self.day, self.day + timedelta(days=89))
        return [
            OperatorNight(unit_external_id=row.unit_external_id, stay_date=row.night, is_open=row.is_open,
                          units=row.units)
            for row in rows
        ], []  # fmt: skip


@dataclass
class Played:
    """A world and what our side made of each of its days."""

    services: Services
    tenant_id: int
    world: World
    listings: Sequence[ListingInfo]
    found: dict[date, list[Any]] = field(default_factory=dict)

    def poll(self, day: date) -> datetime:
        """Everything that channels tell on a day, as the poll flow asks for it."""
        as_of, seen = datetime.combine(day, time(12), UTC), self.world.as_seen(day)
        for channel in CHANNELS:
            mine = [one for one in self.listings if one.channel == channel]
            self._book(seen, channel, day, as_of)
            for operation in ("ari", "health", "performance", "reviews", "content"):
                self.record(operation, Columns(seen, channel, day), mine, as_of)
        self.record("operator_calendar", Columns(seen, "", day), self.listings, as_of)
        return as_of

    def record(self, operation: str, told: Columns, listings: Sequence[ListingInfo], as_of: datetime) -> None:
        payload = Payload(content=b"", source=told.channel or "operator_file", raw_id=None, observed_at=as_of)
        with self.services.database.tenant(self.tenant_id) as conn:
            done = RECORDERS[operation](conn, told, [payload], listings)
        for points in done.points:
            self.services.metrics.write(self.tenant_id, points)

    def _book(self, seen: World, channel: str, day: date, as_of: datetime) -> None:
        days = (day - timedelta(days=1), day)
        new = seen.bookings(channel, *days) + [row for one in days for row in seen.cancellations(channel, one)]
        self.keep([row for row in new if row.booked_at <= as_of], channel, as_of)

    def keep(self, rows: list[BookingRow], channel: str, as_of: datetime) -> None:
        ids = {one.external_id: one.listing_id for one in self.listings if one.channel == channel}
        with self.services.database.tenant(self.tenant_id) as conn:
            bookings.upsert(conn, [booking(row, channel, as_of) for row in rows], ids)

    def check(self, day: date, as_of: datetime) -> None:
        guards_check.run(self.services, self.tenant_id, as_of)
        with self.services.database.tenant(self.tenant_id) as conn:
            self.found[day] = anomalies.current(conn, as_of)
        alerts_raise.run(self.services, self.tenant_id, as_of)

    def of(self, item: Incident, day: date) -> list[Any]:
        rooms = {self.world.portfolio.room_id[i] for i in item.listings}
        ids = {one.listing_id for one in self.listings if one.external_id in rooms}
        return [one for one in self.found[day] if one.listing_id in ids]


def booking(row: BookingRow, channel: str, as_of: datetime) -> BookingRecord:
    cancelled = row.cancelled_at if row.cancelled_at and row.cancelled_at <= as_of else None
    moment = cancelled or row.booked_at
    return BookingRecord(
        origin=External(source=channel, external_id=row.reservation_id, source_version=int(moment.timestamp()),
                        source_updated_at=moment),
        listing_external_id=row.room_id, rate_plan_external_id=row.rate_id, check_in_date=row.checkin,
        check_out_date=row.checkout, booked_at=row.booked_at, cancelled_at=cancelled,
        total_amount_minor=row.total_minor, currency=row.currency, status="cancelled" if cancelled else "confirmed",
    )  # fmt: skip


def portfolio_of(world: World) -> Portfolio:
    told = world.portfolio_json()
    return Portfolio(
        properties=tuple(Property(**one) for one in told["properties"]),
        units=tuple(Unit(**one) for one in told["units"]), listings=tuple(Listing(**one) for one in told["listings"]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    path = tmp_path_factory.mktemp("scenario") / "every_guard.toml"
    path.write_text(SCENARIO.replace("MARKET", MARKETS[0].name))
    return build_world(5, 60, HISTORY_DAYS, LIVE_DAYS, T0, path)


@pytest.fixture
def played(
    world: World, database: MigratedDatabase, tenant_id: int, valkey_url: str, tmp_path: Path
) -> Iterator[Played]:
    settings = Settings(
        database_url=SecretStr(database.app_url), redis_url=SecretStr(valkey_url),
        secret_key=SecretStr(Fernet.generate_key().decode()), raw_root=tmp_path, tenant_id=tenant_id,
    )  # fmt: skip
    services = wiring.build_services(settings)
    with services.database.tenant(tenant_id) as conn:
        portfolio.upsert_portfolio(conn, tenant_id, portfolio_of(world))
        listings = portfolio.load_listings(conn)
    one = Played(services, tenant_id, world, listings)
    start = T0 - timedelta(days=DAYS_BEFORE)
    for channel in CHANNELS:
        past = world.bookings(channel, world.first, start)
        one.keep(past, channel, datetime.combine(start, time(12), UTC))
    for ago in range(-DAYS_BEFORE, LIVE_DAYS):
        day = T0 + timedelta(days=ago)
        as_of = one.poll(day)
        if ago >= 0:
            one.check(day, as_of)
    yield one
    services.database.dispose()


def test_each_kind_is_found_on_its_first_day_until_its_last_and_nothing_else_is(played: Played) -> None:
    world, missed = played.world, []
    for item in (one for one in world.placed if not one.is_control):
        for live in range(item.first_day, item.last_day + 1):
            kinds = {one.kind for one in played.of(item, T0 + timedelta(days=live))}
            if FOUND_BY[item.kind] not in kinds:
                missed.append((item.kind, live - item.first_day, sorted(kinds)))
    assert missed == []
    assert {item.kind for item in world.placed} == {*FOUND_BY, "local_event"}
    assert stray(played) == []


def stray(played: Played) -> list[tuple[str, str, str]]:
    """What was found where nothing is wrong; the day after an incident a report still tells of its last."""
    world, room_of = played.world, {one.listing_id: one.external_id for one in played.listings}
    found = []
    for day, here in played.found.items():
        live = (day - T0).days
        wrong = {
            world.portfolio.room_id[i]
            for item in world.placed
            if not item.is_control and (item.covers(live) or item.covers(live - 1))
            for i in item.listings
        }
        found += [(str(day), one.kind, room_of[one.listing_id]) for one in here if room_of[one.listing_id] not in wrong]
    return found
