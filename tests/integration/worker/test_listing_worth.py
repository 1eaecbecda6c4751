"""What a day of each listing is worth is kept for its day, its listings and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from python_nodes.domain.records import BookingRecord, External
from python_nodes.steps import listing_worth
from python_nodes.store import bookings
from python_nodes.store import portfolio as portfolio_store

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

DAY = timedelta(days=1)
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def listed(worker: Worker, portfolio: dict[str, Any]) -> None:
    assert worker.post("/v1/portfolio", portfolio).status_code == 200


def book(worker: Worker, name: str) -> None:
    """Let the first listing have been booked a month before, which makes it worth more."""
    at = AT - 30 * DAY
    made = BookingRecord(
        origin=External(source="booking_com", external_id=name, source_version=1, source_updated_at=at),
        listing_external_id="100101", rate_plan_external_id=None, check_in_date=at.date() + 20 * DAY,
        check_out_date=at.date() + 22 * DAY, booked_at=at, cancelled_at=None, total_amount_minor=90_000,
        currency="EUR", status="confirmed",
    )  # fmt: skip
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        ids = {one.external_id: one.listing_id for one in portfolio_store.load_listings(conn)}
        bookings.upsert(conn, [made], ids)


def worth(worker: Worker, at: datetime = AT, *, last: int | None = None) -> list[float]:
    """Return the value of a booking of each listing, by what is kept or worked out now."""
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        listings = portfolio_store.load_listings(conn)[:last]
        found = listing_worth.of(worker.services, worker.settings.tenant_id, conn, listings, at)
    assert np.isfinite(found.revenue_per_booking_minor).all()
    assert len(found.bookings_per_day) == len(listings)
    return [float(one) for one in found.bookings_per_day]


def test_what_was_worked_out_holds_for_its_day_and_its_listings(worker: Worker) -> None:
    book(worker, "first")
    answer = worker.post("/v1/listings/value", {"as_of": AT.isoformat()})
    assert (answer.status_code, answer.json()["valued"]) == (200, len(worth(worker)))
    kept = worth(worker)
    book(worker, "second")
    assert worth(worker, AT + timedelta(hours=3)) == kept
    assert worth(worker, last=-1) != kept[:-1]
    assert worth(worker, AT + DAY) != kept
    soon = worker.post("/v1/listings/value", {"as_of": (AT + timedelta(hours=1)).isoformat()})
    assert (soon.json()["valued"], worth(worker)) == (0, kept)
    later = worker.post("/v1/listings/value", {"as_of": (AT + timedelta(hours=6)).isoformat()})
    assert later.json()["valued"] == len(kept)
    anew = worth(worker)
    assert anew != kept
    assert sum(anew) > sum(kept)


def test_what_a_raise_had_to_work_out_is_kept_for_the_next_until_a_sweep_brings_it(worker: Worker) -> None:
    next_day = AT + DAY
    book(worker, "third")
    before = worth(worker, next_day)
    worker.post("/v1/alerts/raise", {"as_of": next_day.isoformat()}).raise_for_status()
    book(worker, "fourth")
    assert worth(worker, next_day) == before
    swept = worker.post("/v1/listings/value", {"as_of": next_day.isoformat()}).json()["valued"]
    assert swept == len(before)
    assert sum(worth(worker, next_day)) > sum(before)
