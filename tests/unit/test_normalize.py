"""Normalizing: what is refused, why, and what the metrics are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.records import BookingRecord, External, PerformanceRecord
from python_nodes.errors import PermanentError, RejectedRecord
from python_nodes.normalize import (
    PortfolioIndex,
    convert_minor,
    normalize_booking_columns,
    normalize_bookings,
    normalize_performance,
    normalize_performance_columns,
    performance_points,
    reference_rates,
    to_minor,
)
from python_nodes.normalize.index import CLOCK_SKEW
from python_nodes.vendors.booking_com.reports import map_performance_columns, map_reservation_history_columns

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
LISTING = ListingInfo(
    listing_id=11, unit_id=1, property_id=1, external_id="r1", unit_external_id="u1", property_external_id="p1",
    channel_property_id="p1",
    title="t", channel="booking_com", market="m", country="DE", subdivision=None, timezone="Asia/Tokyo",
    currency="EUR", priority=0.0, unit_count=1, base_price_minor=100, floor_price_minor=50,
)  # fmt: skip
INDEX = PortfolioIndex.build([LISTING])
BOOKING = BookingRecord(
    origin=External(source="b", external_id="1", source_version=1, source_updated_at=AS_OF, raw_id=3),
    listing_external_id="r1", rate_plan_external_id=None, check_in_date=date(2026, 4, 1),
    check_out_date=date(2026, 4, 3), booked_at=AS_OF, cancelled_at=None, total_amount_minor=100, currency="EUR",
    status="confirmed",
)  # fmt: skip
DAY = PerformanceRecord(
    source="b", listing_external_id="r1", day_date=date(2026, 3, 1), as_of_at=AS_OF, search_impressions=300,
    listing_views=60, bookings=1, revenue_minor=100, currency="EUR",
)  # fmt: skip


def test_a_vendor_clock_that_runs_an_hour_ahead_is_believed() -> None:
    ahead = replace(BOOKING, booked_at=AS_OF + CLOCK_SKEW)
    assert normalize_bookings([ahead], INDEX, AS_OF) == ([ahead], [])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"listing_external_id": "r9"}, "listing_external_id"),
        ({"currency": "QQQ"}, "currency"),
        ({"total_amount_minor": -1}, "total_amount_minor"),
        ({"booked_at": datetime(2026, 3, 2, 13, 0, 1, tzinfo=UTC)}, "booked_at"),
        ({"check_out_date": date(2026, 4, 1)}, "check_out_date"),
        ({"cancelled_at": datetime(2026, 3, 1, tzinfo=UTC)}, "cancelled_at"),
    ],
)
def test_bad_booking_is_refused_and_the_rest_goes_on(change: dict[str, Any], field: str) -> None:
    bad_origin = replace(BOOKING.origin, external_id="2")
    good, bad = normalize_bookings([BOOKING, replace(BOOKING, origin=bad_origin, **change)], INDEX, AS_OF)
    assert good == [BOOKING]
    assert [(one.field, one.raw_id) for one in bad] == [(field, 3)]
    assert field in bad[0].reason


def test_refused_record_keeps_what_came() -> None:
    stranger = replace(BOOKING, listing_external_id="r9")
    _, (bad,) = normalize_bookings([stranger], INDEX, AS_OF, raw_of=lambda one: one.origin.external_id.encode())
    assert (bad.operation, bad.raw) == ("reservations", b"1")


def test_same_revision_is_kept_once_and_a_newer_one_too() -> None:
    newer = replace(BOOKING, origin=replace(BOOKING.origin, source_version=2))
    assert normalize_bookings([BOOKING, BOOKING, newer], INDEX, AS_OF) == ([BOOKING, newer], [])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"listing_views": 301}, "listing_views"),
        ({"bookings": 61}, "bookings"),
        ({"search_impressions": -1, "listing_views": None}, "search_impressions"),
        ({"day_date": date(2026, 3, 3)}, "day_date"),
        ({"currency": "USD"}, "currency"),
    ],
)
def test_implausible_day_is_refused(change: dict[str, Any], field: str) -> None:
    good, bad = normalize_performance([DAY, replace(DAY, **change)], INDEX, AS_OF)
    assert (good, [one.field for one in bad]) == ([DAY], [field])


def test_today_is_the_propertys_today() -> None:
    evening = datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert normalize_performance([replace(DAY, day_date=date(2026, 3, 3))], INDEX, evening)[1] == []


HEADER = b"date,property_id,room_id,search_views,page_views,bookings,revenue,currency,report_created_at\n"


def test_report_becomes_metrics_with_missing_for_a_zero_denominator() -> None:
    content = HEADER + (
        b"2026-02-27,p,r1,300,60,3,9.00,EUR,2026-02-28T04:00:00Z\n"
        b"2026-02-28,p,r1,300,0,0,0,EUR,2026-03-01T04:00:00Z\n"
        b"2026-02-27,p,r1,300,60,1,9.00,EUR,2026-02-27T04:00:00Z\n"
        b"2026-02-28,p,r9,300,60,3,9.00,EUR,2026-03-01T04:00:00Z\n"
    )
    columns, bad = map_performance_columns(content, source="b", observed_at=AS_OF, raw_id=1)
    good, refused = normalize_performance_columns(columns, INDEX, AS_OF)
    points = performance_points(good, INDEX, AS_OF)
    assert bad == []
    assert points.listing_id.tolist() == [11, 11]
    assert points.day_date.astype(str).tolist() == ["2026-02-27", "2026-02-28"]
    np.testing.assert_allclose(points.values["conversion_rate"], [0.05, np.nan])
    np.testing.assert_allclose(points.values["click_through_rate"], [0.2, 0.0])
    np.testing.assert_allclose(points.values["booking_velocity"], [3, 0])
    assert [one.raw for one in refused] == [HEADER + b"2026-02-28,p,r9,300,60,3,9.00,EUR,2026-03-01T04:00:00Z\n"]


def test_history_columns_follow_the_records_rules() -> None:
    content = (
        b"reservation_id,property_id,room_id,rate_id,status,booked_at,cancelled_at,checkin,checkout,guest_name,"
        b"total_price,currency,modified_at\n"
        b"1,p,r1,s,ok,2026-01-01T00:00:00Z,,2026-02-01,2026-02-03,A,10.00,EUR,2026-01-01T00:00:00Z\n"
        b"1,p,r1,s,ok,2026-01-01T00:00:00Z,,2026-02-01,2026-02-03,A,10.00,EUR,2026-01-01T00:00:00Z\n"
        b"2,p,r1,s,ok,2026-05-01T00:00:00Z,,2026-06-01,2026-06-03,A,10.00,EUR,2026-05-01T00:00:00Z\n"
        b"3,p,r1,s,ok,2026-01-01T00:00:00Z,,2026-02-03,2026-02-01,A,10.00,EUR,2026-01-01T00:00:00Z\n"
        b"4,p,r1,s,ok,2026-01-01T00:00:00Z,,2026-02-01,2026-02-03,A,-10.00,EUR,2026-01-01T00:00:00Z\n"
        b"5,p,r1,s,ok,2026-01-01T00:00:00Z,,2026-02-01,2026-02-03,A,10.00,QQQ,2026-01-01T00:00:00Z\n"
    )
    columns, _ = map_reservation_history_columns(content, source="b", observed_at=AS_OF, raw_id=1)
    good, bad = normalize_booking_columns(columns, INDEX, AS_OF)
    assert good.external_id.tolist() == ["1"]
    assert [one.field for one in bad] == ["booked_at", "check_out_date", "total_amount_minor", "currency"]


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("123.45", "EUR", 12345), ("163", "JPY", 163), ("1.5", "KWD", 1500), ("0.10", "EUR", 10), (".5", "EUR", 50),
        ("7.", "EUR", 700), ("12.500", "EUR", 1250), ("-3.25", "EUR", -325), (" 4.5 ", "EUR", 450),
        ("1e3", "EUR", 100000),
        ("9999999999999.99", "EUR", 999999999999999), ("0", "EUR", 0),
    ],
)  # fmt: skip
def test_minor_units_follow_the_currency(text: str, currency: str, minor: int) -> None:
    assert to_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [("1.5", "JPY"), ("1.001", "EUR"), ("NaN", "EUR"), ("1e99", "EUR"), ("1", "QQQ"), ("", "EUR"), (".", "EUR")],
)
def test_amount_that_does_not_fit_is_refused(text: str, currency: str) -> None:
    with pytest.raises(RejectedRecord):
        to_minor(text, currency)


def test_conversion_minds_the_digits() -> None:
    rates = {"EUR": Decimal(1), "JPY": Decimal(163)}
    assert convert_minor(100, "EUR", "JPY", rates) == 163
    assert convert_minor(163, "JPY", "EUR", rates) == 100
    with pytest.raises(PermanentError, match="XAU"):
        convert_minor(1, "EUR", "XAU", rates)
    assert set(reference_rates()) >= {"EUR", "USD", "GBP", "JPY", "CHF"}
