"""Deliveries that a crash left behind, and the shape of stays, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from python_nodes.domain.records import BookingRecord, External
from python_nodes.store import bookings, deliveries, stays, undelivered
from python_nodes.store.session import Database

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


@dataclass(frozen=True)
class Told:
    sender: str
    recipient: str = "ops"
    step: str = "raised"
    reason: str = "category high"


@pytest.fixture
def sending(conn: Connection, listing_ids: dict[str, int]) -> int:
    """A delivery that somebody took and has not finished."""
    alert_id = conn.execute(
        text(
            "INSERT INTO alerts (fingerprint, scope, listing_id, metric, kind, cause, title, category, score, currency,"
            " impact_minor, loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, version, parts,"
            " evidence) VALUES ('f', 'listing', :listing, 'm', 'k', 'c', 't', 'high', 70, 'EUR', 1, 1, 1, :day, :at,"
            " :at, 1, '{}', '{}') RETURNING id"
        ),
        {"listing": listing_ids["r-1"], "day": NOON.date(), "at": NOON},
    ).scalar_one()
    (one,) = deliveries.plan(conn, alert_id, [Told("slack")], [], NOON)
    assert deliveries.claim(conn, one.delivery_id) is not None
    conn.commit()
    return one.delivery_id


@pytest.fixture
def own(app_database: Database, tenant_id: int, sending: int) -> Iterator[Connection]:
    with app_database.tenant(tenant_id) as opened:
        yield opened


def test_what_a_crash_left_is_freed_and_due_again(own: Connection, sending: int) -> None:
    assert undelivered.alert_ids(own) == []
    assert undelivered.release_interrupted(own, LATER) == 1
    left = deliveries.get(own, sending)
    assert (left.status, left.error) == ("failed", undelivered.INTERRUPTED)
    assert undelivered.alert_ids(own) == [left.alert_id]
    assert undelivered.release_interrupted(own, LATER) == 0


def test_what_this_cycle_planned_is_its_own(own: Connection, sending: int) -> None:
    assert undelivered.release_interrupted(own, NOON) == 0
    assert deliveries.get(own, sending).status == "sending"


def test_a_send_under_way_keeps_its_delivery(
    app_database: Database, tenant_id: int, own: Connection, sending: int
) -> None:
    with app_database.tenant(tenant_id) as sender:
        assert deliveries.hold(sender, sending)
        assert undelivered.release_interrupted(own, LATER) == 0
        assert not deliveries.hold(own, sending)
    # The process ended without finishing: its lock went with it.
    assert undelivered.release_interrupted(own, LATER) == 1


def test_one_that_was_finished_meanwhile_stays_finished(
    app_database: Database, tenant_id: int, own: Connection, sending: int
) -> None:
    with app_database.tenant(tenant_id) as sender:
        deliveries.finish(sender, sending, at=LATER, provider_ref="C1:1.0")
    assert undelivered.release_interrupted(own, LATER) == 0
    assert deliveries.get(own, sending).provider_ref == "C1:1.0"


def test_a_delivery_is_given_up_after_its_last_attempt(own: Connection, sending: int) -> None:
    undelivered.release_interrupted(own, LATER)
    alert_id = deliveries.get(own, sending).alert_id
    for _ in range(undelivered.MAX_ATTEMPTS - 1):
        assert undelivered.alert_ids(own) == [alert_id]
        deliveries.claim(own, sending)
        deliveries.finish(own, sending, at=LATER, error="no")
    assert undelivered.alert_ids(own) == []


def booking(name: str, listing: str, booked_at: datetime, lead_days: int, nights: int) -> BookingRecord:
    check_in = NOON.date() + timedelta(days=lead_days)
    return BookingRecord(
        origin=External(source="ota", external_id=name, source_version=1, source_updated_at=booked_at),
        listing_external_id=listing, rate_plan_external_id="bar", check_in_date=check_in,
        check_out_date=check_in + timedelta(days=nights), booked_at=booked_at, cancelled_at=None,
        total_amount_minor=100, currency="USD", status="confirmed",
    )  # fmt: skip


def test_stays_are_told_by_lead_time_in_the_property_s_own_days(conn: Connection, listing_ids: dict[str, int]) -> None:
    # 05:00 UTC on 2 March is still 1 March in Honolulu: one day more of lead.
    early = booking("a", "r-1", datetime(2026, 3, 2, 5, tzinfo=UTC), 10, 3)
    told = [early, booking("b", "r-1", NOON, 0, 1), booking("c", "r-2", NOON, 5, 2)]
    too_old = booking("d", "r-2", NOON - timedelta(days=2), 5, 2)
    bookings.upsert(conn, [*told, too_old], listing_ids)
    asked = [listing_ids["r-2"], listing_ids["r-1"]]
    found = stays.booked_between(conn, asked, ["Pacific/Honolulu"] * 2, date(2026, 3, 1), date(2026, 3, 3))
    rows = sorted(zip(found.listing_row.tolist(), found.lead_days.tolist(), found.stay_nights.tolist(), strict=True))
    assert rows == [(0, 5, 2), (1, 0, 1), (1, 11, 3)]


def test_no_bookings_are_no_stays(conn: Connection, listing_ids: dict[str, int]) -> None:
    asked = list(listing_ids.values())
    found = stays.booked_between(conn, asked, ["Pacific/Honolulu"] * len(asked), date(2026, 3, 1), date(2026, 3, 3))
    assert (len(found.listing_row), len(found.lead_days), len(found.stay_nights)) == (0, 0, 0)
