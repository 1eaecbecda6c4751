"""Which nights known bookings take, over all channels, on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.records import BookingRecord, BookingStatus, External
from python_nodes.store import bookings, stays

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 4, 1), date(2026, 4, 5)


def stay(number: int, listing: str, first: int, last: int, status: BookingStatus = "confirmed") -> BookingRecord:
    return BookingRecord(
        origin=External(source="t", external_id=str(number), source_version=1, source_updated_at=NOON),
        listing_external_id=listing, rate_plan_external_id=None, check_in_date=date(2026, 4, first),
        check_out_date=date(2026, 4, last), booked_at=NOON, cancelled_at=NOON if status == "cancelled" else None,
        total_amount_minor=1, currency="USD", status=status,
    )  # fmt: skip


def sold(conn: Connection, listings: list[ListingInfo]) -> list[list[bool]]:
    units = np.array(sorted({one.unit_id for one in listings}), dtype=np.int64)
    found: list[list[bool]] = stays.sold_out(conn, units, FIRST, LAST).tolist()
    return found


def test_a_unit_is_sold_out_when_every_like_unit_is_taken(
    conn: Connection, listings: list[ListingInfo], listing_ids: dict[str, int]
) -> None:
    single = [stay(1, "r-1", 2, 4), stay(2, "r-1", 4, 5, "cancelled")]
    many = [stay(10 + n, "r-2", 1, 3 if n else 2) for n in range(8)]
    bookings.upsert(conn, [*single, *many], listing_ids)
    assert sold(conn, listings) == [[False, True, True, False, False], [True, False, False, False, False]]


def test_stays_that_reach_over_the_ends_count_where_they_lie(
    conn: Connection, listings: list[ListingInfo], listing_ids: dict[str, int]
) -> None:
    long = BookingRecord(
        origin=External(source="t", external_id="l", source_version=1, source_updated_at=NOON),
        listing_external_id="r-1", rate_plan_external_id=None, check_in_date=date(2026, 3, 20),
        check_out_date=date(2026, 4, 2), booked_at=NOON, cancelled_at=None, total_amount_minor=1, currency="USD",
        status="confirmed",
    )  # fmt: skip
    bookings.upsert(conn, [long, stay(1, "r-1", 5, 12)], listing_ids)
    assert sold(conn, listings)[0] == [True, False, False, False, True]


def test_without_bookings_nothing_is_sold(conn: Connection, listings: list[ListingInfo]) -> None:
    assert not np.array(sold(conn, listings)).any()
