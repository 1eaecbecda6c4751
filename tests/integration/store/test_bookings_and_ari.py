"""Bookings, rates, health and the operator's calendar on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, text

from python_nodes.domain.columns import AriColumns
from python_nodes.domain.inputs import Spans
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.records import BookingRecord, External, HealthRecord, OperatorNight
from python_nodes.store import ari, bookings, daily_bookings, health, operator
from python_nodes.store.counts import Counts
from python_nodes.store.session import Database

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT = date(2026, 4, 1)


def booking(external_id: str = "b-1", version: int = 1, **changes: object) -> BookingRecord:
    origin = External(source="ota", external_id=external_id, source_version=version, source_updated_at=NOON)
    record = BookingRecord(
        origin=origin, listing_external_id="r-1", rate_plan_external_id="bar", check_in_date=NIGHT,
        check_out_date=NIGHT + timedelta(days=3), booked_at=NOON, cancelled_at=None, total_amount_minor=30000,
        currency="USD", status="confirmed", guest_name="Zoë Ōta",
    )  # fmt: skip
    return replace(record, **changes)


def rates(*nights: Mapping[str, Any], observed_at: datetime = NOON, raw_id: int | None = None) -> AriColumns:
    """What one document told: each night as the usual one, with changes."""
    usual = {
        "listing_external_id": "r-1", "rate_plan_external_id": "bar", "stay_date": NIGHT, "price_minor": 10000.0,
        "currency": "USD", "is_open": True, "units_left": 1, "min_stay_nights": 1, "fees_minor": 0,
    }  # fmt: skip
    told = [{**usual, **night} for night in nights or ({},)]
    kinds = {"stay_date": "datetime64[D]", "price_minor": "f8", "is_open": "?", "units_left": "i8",
             "min_stay_nights": "i8", "fees_minor": "i8"}  # fmt: skip
    columns = {name: np.array([one[name] for one in told], dtype=kinds.get(name, object)) for name in usual}
    return AriColumns(source="ota", raw_id=raw_id, observed_at=observed_at, raw_row=lambda row: b"", **columns)


def test_each_revision_is_kept_and_the_newest_is_current(conn: Connection, listing_ids: dict[str, int]) -> None:
    cancelled = booking(version=2, status="cancelled", cancelled_at=NOON + timedelta(hours=2))
    assert bookings.upsert(conn, [cancelled, booking()], listing_ids) == Counts(2, 0)
    assert bookings.upsert(conn, [booking()], listing_ids) == Counts(0, 1)
    row = conn.execute(text("SELECT status, source_version, guest_name, guest_email, raw_id FROM bookings")).one()
    assert tuple(row) == ("cancelled", 2, "Z. Ō.", None, None)
    versions = conn.execute(text("SELECT source_version FROM booking_revisions ORDER BY 1")).scalars().all()
    assert versions == [1, 2]


def test_an_older_revision_that_comes_late_is_kept_but_not_current(
    conn: Connection, listing_ids: dict[str, int]
) -> None:
    bookings.upsert(conn, [booking(version=5, total_amount_minor=5)], listing_ids)
    assert bookings.upsert(conn, [booking(version=4, total_amount_minor=4)], listing_ids) == Counts(1, 0)
    assert conn.execute(text("SELECT total_amount_minor FROM bookings")).scalar_one() == 5


def test_each_revision_is_kept_once_wherever_it_stands(conn: Connection, listing_ids: dict[str, int]) -> None:
    batch = [booking("b-1", 3), booking("b-1", 1), booking("b-2", 1), booking("b-1", 3, total_amount_minor=9)]
    assert bookings.upsert(conn, batch, listing_ids) == Counts(3, 1)
    again = [booking("b-1", 1), booking("b-1", 2), booking("b-1", 4), booking("b-2", 1), booking("b-3", 7)]
    assert bookings.upsert(conn, again, listing_ids) == Counts(3, 2)
    assert bookings.upsert(conn, [*batch, *again], listing_ids) == Counts(0, 9)
    current = text("SELECT external_id, source_version, total_amount_minor FROM bookings ORDER BY 1")
    assert [tuple(row) for row in conn.execute(current)] == [("b-1", 4, 30000), ("b-2", 1, 30000), ("b-3", 7, 30000)]
    every = text(
        "SELECT external_id, array_agg(source_version ORDER BY source_version) FROM booking_revisions"
        " GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in conn.execute(every)] == [("b-1", [1, 2, 3, 4]), ("b-2", [1]), ("b-3", [7])]


def test_a_blank_at_the_end_makes_no_other_booking(conn: Connection, listing_ids: dict[str, int]) -> None:
    assert bookings.upsert(conn, [booking("b-1"), booking("b-1 ", 2)], listing_ids) == Counts(2, 0)
    assert bookings.upsert(conn, [booking("b-1  ", 3), booking("b-2")], listing_ids) == Counts(2, 0)
    assert bookings.upsert(conn, [booking("b-2 ")], listing_ids) == Counts(0, 1)
    current = text("SELECT external_id, source_version FROM bookings ORDER BY 1")
    assert [tuple(row) for row in conn.execute(current)] == [("b-1", 3), ("b-2", 1)]


def test_what_a_revision_replaced_is_kept_as_it_was(conn: Connection, listing_ids: dict[str, int]) -> None:
    bookings.upsert(conn, [booking(guest_email="zoe@example.org", total_amount_minor=1)], listing_ids)
    bookings.upsert(conn, [booking(version=2, status="cancelled", cancelled_at=NOON, guest_name=None)], listing_ids)
    told = text(
        "SELECT source_version, status, guest_name, guest_email, total_amount_minor, cancelled_at"
        " FROM booking_revisions ORDER BY 1"
    )
    assert [tuple(row) for row in conn.execute(told)] == [
        (1, "confirmed", "Z. Ō.", "z***@***", 1, None), (2, "cancelled", None, None, 30000, NOON)]  # fmt: skip


def test_two_writers_of_the_same_bookings_leave_each_revision_once(app_database: Database, tenant_id: int) -> None:
    ids = {"r-1": 1}

    def write(version: int) -> Counts:
        with app_database.tenant(tenant_id) as conn:
            return bookings.upsert(conn, [booking(f"b-{at}", version) for at in range(200)], ids)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(write, [3, 1, 2, 3, 1, 2, 4]))
    assert sum(one.stored for one in done) == 800
    with app_database.tenant(tenant_id) as conn:
        assert conn.execute(text("SELECT DISTINCT source_version FROM bookings")).scalars().all() == [4]
        assert conn.execute(text("SELECT count(*) FROM booking_revisions")).scalar_one() == 800


def test_bookings_count_on_the_propertys_own_day(conn: Connection, listing_ids: dict[str, int]) -> None:
    # 05:00 UTC on 2 March is still 1 March in Honolulu.
    early = booking("b-2", booked_at=datetime(2026, 3, 2, 5, tzinfo=UTC), status="cancelled", cancelled_at=NOON)
    bookings.upsert(conn, [booking(), early], listing_ids)
    asked = [listing_ids["r-2"], listing_ids["r-1"]]
    zones = ["Pacific/Honolulu"] * 2
    found = daily_bookings.daily_stats(conn, asked, zones, date(2026, 3, 1), date(2026, 3, 2))
    assert found.bookings.tolist() == [[0, 0], [1, 1]]
    assert found.cancelled.tolist() == [[0, 0], [1, 0]]
    assert found.nights.tolist() == [[0, 0], [3, 3]]
    assert found.revenue_minor.tolist() == [[0, 0], [30000, 30000]]


def test_only_changed_rates_are_kept(conn: Connection, listing_ids: dict[str, int]) -> None:
    days = [NOON + timedelta(days=day) for day in range(3)]
    told = [
        rates(observed_at=days[0]),
        rates(observed_at=days[1]),
        rates({"price_minor": np.nan, "is_open": False}, observed_at=days[2]),
    ]
    assert ari.upsert_changed(conn, told, listing_ids) == Counts(2, 1)
    assert ari.upsert_changed(conn, told, listing_ids) == Counts(0, 3)
    assert conn.execute(text("SELECT count(*) FROM ari_observations")).scalar_one() == 2
    matrix = ari.current(conn, [listing_ids["r-2"], listing_ids["r-1"]], NIGHT, NIGHT + timedelta(days=1))
    assert matrix.known.tolist() == [[False, False], [True, False]]
    assert not matrix.is_open.any()
    assert np.isnan(matrix.price_minor).all()
    assert np.isnat(matrix.observed_at[0])
    assert matrix.observed_at[1] == np.datetime64("2026-03-04T12:00:00")


def test_several_documents_are_stored_at_once_and_the_last_told_night_stands(
    conn: Connection, listing_ids: dict[str, int]
) -> None:
    told = [
        rates({"price_minor": 100.0}, {"listing_external_id": "r-2", "price_minor": 300.0}, raw_id=1),
        rates({"price_minor": 200.0}, {"rate_plan_external_id": "other"}, raw_id=2),
    ]
    assert ari.upsert_changed(conn, told, listing_ids) == Counts(3, 1)
    query = "SELECT listing_id, rate_plan_external_id, price_minor, raw_id FROM ari_current ORDER BY 1, 2"
    first, second = listing_ids["r-1"], listing_ids["r-2"]
    assert [tuple(row) for row in conn.execute(text(query))] == [
        (first, "bar", 200, 2), (first, "other", 10000, 2), (second, "bar", 300, 1)]  # fmt: skip


def test_an_older_observation_that_comes_late_changes_nothing(conn: Connection, listing_ids: dict[str, int]) -> None:
    ari.upsert_changed(conn, [rates()], listing_ids)
    late = rates({"price_minor": 1.0}, observed_at=NOON - timedelta(days=1))
    assert ari.upsert_changed(conn, [late], listing_ids) == Counts(0, 1)
    matrix = ari.current(conn, [listing_ids["r-1"]], NIGHT, NIGHT)
    assert (matrix.price_minor.tolist(), matrix.observed_at[0]) == ([[10000.0]], np.datetime64("2026-03-02T12:00:00"))


def test_nothing_told_is_nothing_stored(conn: Connection, listing_ids: dict[str, int]) -> None:
    assert ari.upsert_changed(conn, [], listing_ids) == Counts(0, 0)


def test_an_unchanged_poll_still_counts_as_seen(conn: Connection, listing_ids: dict[str, int]) -> None:
    ari.upsert_changed(conn, [rates()], listing_ids)
    ari.upsert_changed(conn, [rates(observed_at=NOON + timedelta(days=1))], listing_ids)
    matrix = ari.current(conn, [listing_ids["r-1"]], NIGHT, NIGHT)
    assert matrix.observed_at[0] == np.datetime64("2026-03-03T12:00:00")
    assert matrix.price_minor.tolist() == [[10000.0]]


@pytest.mark.parametrize("day_of_error", [1, 9])
def test_the_median_weighs_a_price_by_how_long_it_stood(
    conn: Connection, listing_ids: dict[str, int], day_of_error: int
) -> None:
    prices = [10000.0 if day != day_of_error else 99000.0 for day in range(10)]
    told = [rates({"price_minor": price}, observed_at=NOON + timedelta(days=day)) for day, price in enumerate(prices)]
    ari.upsert_changed(conn, told, listing_ids)
    before = NOON + timedelta(days=10)
    asked = [listing_ids["r-2"], listing_ids["r-1"]]
    found = ari.trailing_median_price(conn, asked, NIGHT, NIGHT, before)
    np.testing.assert_array_equal(found, [[np.nan], [10000.0]])
    assert np.isnan(ari.trailing_median_price(conn, asked, NIGHT, NIGHT, NOON)).all()


def test_a_doubted_price_never_becomes_the_usual_one(conn: Connection, listing_ids: dict[str, int]) -> None:
    first_seen_doubted = NIGHT + timedelta(days=1)
    for day in range(12):
        wrong = 3 <= day < 9
        changes = [{"price_minor": 2500.0 if wrong else 10000.0}]
        if day >= 4:
            changes.append({"stay_date": first_seen_doubted, "price_minor": 2500.0 if wrong else 10000.0})
        ari.upsert_changed(conn, [rates(*changes, observed_at=NOON + timedelta(days=day))], listing_ids)
    one = listing_ids["r-1"]
    begin, end = (NOON.replace(tzinfo=None) + timedelta(days=day) for day in (3, 9))
    doubtful = Spans(
        np.array([one]), np.array([begin - timedelta(hours=1)], "datetime64[s]"), np.array([end], "datetime64[s]")
    )
    for day in (5, 8, 9, 11):
        before = NOON + timedelta(days=day)
        still = Spans(doubtful.listing_id, doubtful.from_at, np.minimum(doubtful.until_at, np.datetime64(
            before.replace(tzinfo=None), "s")))  # fmt: skip
        found = ari.trailing_median_price(conn, [one], NIGHT, first_seen_doubted, before, still)
        np.testing.assert_array_equal(found, [[10000.0, np.nan if day <= 9 else 10000.0]])
    poisoned = ari.trailing_median_price(conn, [one], NIGHT, NIGHT, NOON + timedelta(days=9))
    np.testing.assert_array_equal(poisoned, [[2500.0]])
    others = Spans(np.array([listing_ids["r-2"]]), doubtful.from_at, doubtful.until_at)
    unmoved = ari.trailing_median_price(conn, [one], NIGHT, NIGHT, NOON + timedelta(days=9), others)
    np.testing.assert_array_equal(unmoved, poisoned)


def test_the_median_of_many_nights_matches_numpy(conn: Connection, listing_ids: dict[str, int]) -> None:
    draw = np.random.default_rng(7).integers(5000, 20000, size=(9, 5))
    told = [
        rates(*({"stay_date": NIGHT + timedelta(days=night), "price_minor": float(price)}
                for night, price in enumerate(row)), observed_at=NOON + timedelta(days=day))
        for day, row in enumerate(draw)
    ]  # fmt: skip
    ari.upsert_changed(conn, told, listing_ids)
    last = NIGHT + timedelta(days=4)
    found = ari.trailing_median_price(conn, [listing_ids["r-1"]], NIGHT, last, NOON + timedelta(days=9))
    np.testing.assert_array_equal(found[0], np.median(draw, axis=0))


def test_health_keeps_the_latest_word(conn: Connection, listing_ids: dict[str, int]) -> None:
    told = HealthRecord(source="ota", listing_external_id="r-1", status="bookable", changed_at=NOON, observed_at=NOON)
    assert health.upsert(conn, [told], listing_ids) == Counts(1, 0)
    assert health.upsert(conn, [told], listing_ids) == Counts(0, 1)
    later = NOON + timedelta(days=1)
    health.upsert(conn, [replace(told, status="suspended", changed_at=later, observed_at=later)], listing_ids)
    health.upsert(conn, [told], listing_ids)
    state = health.current(conn, [listing_ids["r-2"], listing_ids["r-1"]])
    assert state.status.tolist() == ["", "suspended"]
    assert np.isnat(state.changed_at[0])
    assert state.changed_at[1] == np.datetime64("2026-03-03T12:00:00")


def test_the_operators_calendar_replaces_what_stood(conn: Connection, listings: list[ListingInfo]) -> None:
    unit_ids = {one.unit_external_id: one.unit_id for one in listings}
    night = OperatorNight(unit_external_id="u-1", stay_date=NIGHT, is_open=True, units=1)
    later = replace(night, stay_date=NIGHT + timedelta(days=1))
    assert operator.upsert(conn, [night, later], unit_ids, NOON) == Counts(2, 0)
    again = [later, night, replace(night, is_open=False)]
    assert operator.upsert(conn, again, unit_ids, NOON + timedelta(hours=1)) == Counts(1, 2)
    asked = [unit_ids["u-2"], unit_ids["u-1"], unit_ids["u-1"]]
    known, is_open, since = operator.current(conn, asked, NIGHT, NIGHT + timedelta(days=1))
    assert known.tolist() == [[False, False], [True, True], [True, True]]
    assert is_open.tolist() == [[False, False], [False, True], [False, True]]
    assert np.isnat(since[0]).all()
    # Of when its word was first told: that it is told again changes nothing.
    assert since[1].tolist() == [NOON.replace(tzinfo=None) + timedelta(hours=1), NOON.replace(tzinfo=None)]
