"""Bookings as they stood at any moment, from their revisions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection

from python_nodes.domain.records import BookingRecord, External
from python_nodes.store import bookings, nights

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SINCE = date(2025, 1, 1)
ZONES = ["Pacific/Honolulu"]


def revision(
    version: int, told_at: datetime, *, booked_at: datetime, stay: int, total: int, cancelled_at: datetime | None = None
) -> BookingRecord:  # fmt: skip
    return BookingRecord(
        origin=External(source="ota", external_id="b-1", source_version=version, source_updated_at=told_at),
        listing_external_id="r-1", rate_plan_external_id="bar", check_in_date=date(2026, 4, 1),
        check_out_date=date(2026, 4, 1) + timedelta(days=stay), booked_at=booked_at, cancelled_at=cancelled_at,
        total_amount_minor=total, currency="USD", status="cancelled" if cancelled_at else "confirmed",
    )  # fmt: skip


def stood(conn: Connection, listing_id: int, as_of: datetime) -> list[tuple[str, str, int, float]]:
    rows = nights.stood(conn, [listing_id], ZONES, SINCE, as_of)
    columns = zip(rows.from_day, rows.until_day, rows.stay_nights, rows.total_minor, strict=True)
    return sorted((str(begun), str(ended), int(stay), float(total)) for begun, ended, stay, total in columns)


def test_each_revision_stands_until_the_next_and_a_cancellation_ends_it(
    conn: Connection, listing_ids: dict[str, int]
) -> None:
    booked_at = NOON - timedelta(days=30)
    changed_at, gone_at = NOON - timedelta(days=20), NOON - timedelta(days=10)
    bookings.upsert(conn, [
        revision(1, booked_at + timedelta(hours=1), booked_at=booked_at, stay=2, total=200),
        revision(2, changed_at, booked_at=booked_at, stay=3, total=300),
        revision(3, gone_at, booked_at=booked_at, stay=3, total=300, cancelled_at=gone_at),
    ], listing_ids)  # fmt: skip
    room = listing_ids["r-1"]
    first, second = ("2026-01-31", "2026-02-10", 2, 200.0), ("2026-02-10", "2026-02-20", 3, 300.0)
    assert stood(conn, room, NOON) == [first, second]
    # Before it was cancelled nobody knew that it would be; before it was changed, nor that.
    assert stood(conn, room, gone_at - timedelta(hours=1)) == [first, (*second[:1], "NaT", *second[2:])]
    assert stood(conn, room, changed_at - timedelta(hours=1)) == [(first[0], "NaT", 2, 200.0)]
    assert stood(conn, room, booked_at - timedelta(hours=1)) == []


def test_a_history_told_late_stands_from_when_it_was_booked(conn: Connection, listing_ids: dict[str, int]) -> None:
    booked_at = NOON - timedelta(days=200)
    bookings.upsert(conn, [revision(7, NOON - timedelta(days=1), booked_at=booked_at, stay=2, total=200)], listing_ids)
    assert stood(conn, listing_ids["r-1"], NOON) == [("2025-08-14", "NaT", 2, 200.0)]
