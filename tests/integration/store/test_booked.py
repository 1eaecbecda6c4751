"""Bookings in columns: those a span of days is derived from, and no others."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection

from python_nodes.domain.records import BookingRecord, External
from python_nodes.store import booked, bookings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=200)


def booking(name: str, booked_at: datetime, check_in: date, cancelled_at: datetime | None = None) -> BookingRecord:
    return BookingRecord(
        origin=External(source="ota", external_id=name, source_version=1, source_updated_at=booked_at),
        listing_external_id="r-1", rate_plan_external_id="bar", check_in_date=check_in,
        check_out_date=check_in + timedelta(days=2), booked_at=booked_at, cancelled_at=cancelled_at,
        total_amount_minor=len(name), currency="USD", status="cancelled" if cancelled_at else "confirmed",
    )  # fmt: skip


def test_a_span_is_told_by_what_was_booked_cancelled_or_stayed_in_it(
    conn: Connection, listing_ids: dict[str, int]
) -> None:
    today = NOON.date()
    told = {
        "booked": booking("a", NOON - timedelta(hours=7), today + timedelta(days=90)),
        "cancelled": booking("bb", LONG_AGO, today + timedelta(days=90), cancelled_at=NOON - timedelta(hours=1)),
        "stayed": booking("ccc", LONG_AGO, today),
        "later": booking("dddd", LONG_AGO, today + timedelta(days=90)),
        "before": booking("eeeee", LONG_AGO, today - timedelta(days=30)),
        "unheard": booking("ffffff", NOON + timedelta(hours=1), today),
    }
    bookings.upsert(conn, list(told.values()), listing_ids)
    zones = ["Pacific/Honolulu"]
    near = booked.rows(conn, [listing_ids["r-1"]], zones, today - timedelta(days=3), NOON, today)
    assert sorted(near.total_minor.tolist()) == [1.0, 2.0, 3.0]
    far = booked.rows(conn, [listing_ids["r-1"]], zones, today - timedelta(days=3), NOON)
    assert sorted(far.total_minor.tolist()) == [1.0, 2.0, 3.0, 4.0]
    first = near.total_minor.tolist().index(1.0)
    # 05:00 UTC is still the day before in Honolulu.
    assert near.booked_day[first].item() == today - timedelta(days=1)
    assert [str(day) for day in near.cancelled_day[near.total_minor == 2.0]] == ["2026-03-02"]
    assert near.is_kept[near.total_minor == 2.0].tolist() == [False]
