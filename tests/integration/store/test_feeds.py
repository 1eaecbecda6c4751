"""Review scores, pages, oddities, failing polls and units that bookings took, on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
from cryptography.fernet import Fernet
from sqlalchemy import Connection

from python_nodes.domain.records import BookingRecord, ContentRecord, External, ReviewRecord
from python_nodes.store import ari, bookings, connections, content, marks, polls, reviews, stays
from python_nodes.store.marks import Odd
from python_nodes.vendors.ari_columns import Night, ari_columns

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NIGHT = date(2026, 3, 10)


def scored(score: float, at: datetime = NOON, count: int = 12) -> ReviewRecord:
    return ReviewRecord(source="ota", listing_external_id="r-1", observed_at=at, score_10=score, review_count=count)


def page(at: datetime, *amenities: str, plans: tuple[str, ...] = ("flex",)) -> ContentRecord:
    return ContentRecord(
        source="ota", listing_external_id="r-1", observed_at=at, amenities=frozenset(amenities),
        rate_plans=frozenset(plans),
    )  # fmt: skip


def test_the_latest_score_stands_and_an_older_one_does_not_replace_it(
    conn: Connection, listing_ids: dict[str, int]
) -> None:
    assert reviews.upsert(conn, [scored(8.7)], listing_ids).stored == 1
    assert reviews.upsert(conn, [scored(8.7, NOON + DAY)], listing_ids).unchanged == 1
    assert reviews.upsert(conn, [scored(8.1, NOON + DAY, 13)], listing_ids).stored == 1
    assert reviews.upsert(conn, [scored(9.9, NOON - DAY)], listing_ids).stored == 0
    told = reviews.current(conn, [listing_ids["r-2"], listing_ids["r-1"]])
    assert np.isnan(told.score_10[0])
    assert (told.score_10[1], told.count.tolist()) == (8.1, [0, 13])


def test_what_a_page_no_longer_shows_is_missing_until_it_is_back(conn: Connection, listing_ids: dict[str, int]) -> None:
    ids = [listing_ids["r-2"], listing_ids["r-1"]]
    assert content.upsert(conn, [page(NOON, "wifi", "pool", plans=("flex", "nonref"))], listing_ids).stored == 1
    assert content.upsert(conn, [page(NOON + DAY, "pool")], listing_ids).unchanged == 1
    gone = content.missing(conn, ids, NOON - DAY)
    assert list(zip(gone.row.tolist(), gone.part, gone.name, gone.left_count, strict=True)) == [
        (1, "amenity", "wifi", 1), (1, "rate_plan", "nonref", 1),
    ]  # fmt: skip
    assert content.missing(conn, ids, NOON + timedelta(hours=1)).row.size == 0, "too long ago"
    content.upsert(conn, [page(NOON + 2 * DAY, "pool", "wifi", plans=())], listing_ids)
    gone = content.missing(conn, ids, NOON - DAY)
    assert list(zip(gone.name, gone.left_count, strict=True)) == [("flex", 0), ("nonref", 0)]


def test_a_mark_stands_until_the_feed_tells_the_day_without_it(conn: Connection, listing_ids: dict[str, int]) -> None:
    one, days = listing_ids["r-1"], np.array(["2026-02-27", "2026-03-01"], "datetime64[D]")

    def tell(at: datetime, days: np.ndarray, *odd_days: str) -> list[str]:
        odd = Odd(
            listing_id=np.full(len(odd_days), one), day_date=np.array(odd_days, "datetime64[D]"),
            value=["2"] * len(odd_days),
        )  # fmt: skip
        marks.replace(conn, "performance", "duplicate", np.array([one]), days, odd, at)
        return [str(day) for day in marks.current(conn, [one], NOON - DAY, NOON + 9 * DAY).day]

    assert tell(NOON, days, "2026-02-28", "2026-03-01") == ["2026-02-28", "2026-03-01"]
    assert tell(NOON + DAY, days[1:], "2026-03-01") == ["2026-02-28", "2026-03-01"]
    assert tell(NOON + DAY, days[1:]) == ["2026-02-28"]
    assert tell(NOON + 2 * DAY, days) == []


def test_failing_polls_are_counted_since_the_last_good_one(conn: Connection, listing_ids: dict[str, int]) -> None:
    key = Fernet.generate_key().decode()
    one = connections.create(
        conn, vendor="expedia_group", name="Vrbo", base_url="http://x", settings={"channel": "vrbo"}, credentials={},
        fernet_key=key,
    )  # fmt: skip
    for hours, error in ((0, "503"), (1, None), (2, "503"), (3, "time-out")):
        at = NOON + timedelta(hours=hours)
        run = polls.start(conn, one, "ari", at)
        polls.finish(conn, run, {}, finished_at=at, error=error)
    assert polls.failing(conn, NOON + timedelta(hours=1)) == []
    (found,) = polls.failing(conn, NOON + timedelta(hours=3))
    assert (found.connection, found.vendor, found.channel, found.operation) == ("Vrbo", "expedia_group", "vrbo", "ari")
    assert (found.failures, found.reason, found.failing_since_at) == (2, "time-out", NOON + timedelta(hours=2))


def test_units_are_taken_where_the_channel_has_not_moved_since(conn: Connection, listing_ids: dict[str, int]) -> None:
    def shown(at: datetime, units_left: int) -> None:
        night = Night("r-2", "bar", NIGHT, 10_000, "USD", True, units_left)
        told = ari_columns([night], source="ota", observed_at=at, raw_id=None, raw_row=lambda row: b"")
        ari.upsert_changed(conn, [told], listing_ids)

    def taken(hours: float = 24) -> list[int]:
        found = stays.booked_units(conn, [listing_ids["r-2"]], NIGHT, NIGHT + DAY, timedelta(hours=hours))
        return [int(one) for one in found[0]]

    shown(NOON, 8)
    booked_at = NOON + timedelta(hours=1)
    record = BookingRecord(
        origin=External(source="ota", external_id="b", source_version=1, source_updated_at=booked_at),
        listing_external_id="r-2", rate_plan_external_id="bar", check_in_date=NIGHT, check_out_date=NIGHT + DAY,
        booked_at=booked_at, cancelled_at=None, total_amount_minor=1, currency="USD", status="confirmed",
    )  # fmt: skip
    bookings.upsert(conn, [record], listing_ids)
    shown(NOON + timedelta(hours=2), 8)
    assert taken() == [0, 0], "the poll came too soon after the booking"
    assert taken(0.5) == [1, 0]
    shown(NOON + 2 * DAY, 8)
    assert taken() == [1, 0], "polled again, and nothing moved"
    shown(NOON + 3 * DAY, 7)
    assert taken() == [0, 0], "it moved"
