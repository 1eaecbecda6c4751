"""What is foreseen, from stored bookings, prices and figures over the real worker to low alerts; off by setting."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from python_nodes.domain.columns import AriColumns
from python_nodes.domain.metrics import MetricPoints
from python_nodes.domain.records import BookingRecord, External
from python_nodes.notify import render
from python_nodes.steps import alert_route, picture, predict
from python_nodes.store import alerts, ari, bookings
from python_nodes.store import portfolio as portfolio_store

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

TODAY = date(2026, 3, 2)
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOMES, FALLEN, CHEAP = 8, "100101", "100201"
SLOW_FROM = TODAY - timedelta(days=42)


def stays(home: int, room: str) -> list[BookingRecord]:
    """Four nights a week, booked four weeks ahead, for two years; nobody has booked one home for six weeks."""
    made = []
    for week in range(-108, 5):
        check_in = TODAY + timedelta(days=7 * week + home % 3)
        for part in range(2):
            booked = check_in - timedelta(days=28 - 14 * part)
            if booked >= TODAY or (room == FALLEN and booked >= SLOW_FROM):
                continue
            at = datetime(booked.year, booked.month, booked.day, 9, tzinfo=UTC)
            made.append(BookingRecord(
                origin=External(source="test", external_id=f"{room}-{week}-{part}", source_version=1,
                                source_updated_at=at),
                listing_external_id=room, rate_plan_external_id="standard",
                check_in_date=check_in + timedelta(days=2 * part),
                check_out_date=check_in + timedelta(days=2 * part + 2),
                booked_at=at, cancelled_at=None, total_amount_minor=20_000, currency="EUR", status="confirmed",
            ))  # fmt: skip
    return made


def calendar(rooms: list[str]) -> AriColumns:
    """All open at 100 a night for 90 nights."""
    nights = np.arange(np.datetime64(TODAY), np.datetime64(TODAY) + 90)
    size = len(rooms) * 90
    return AriColumns(
        source="test", raw_id=None, observed_at=AS_OF, listing_external_id=np.repeat(np.array(rooms, dtype=object), 90),
        rate_plan_external_id=np.full(size, "standard", dtype=object), stay_date=np.tile(nights, len(rooms)),
        price_minor=np.full(size, 10_000.0), currency=np.full(size, "EUR", dtype=object),
        is_open=np.ones(size, dtype=np.bool_), units_left=np.ones(size, dtype=np.int64),
        min_stay_nights=np.ones(size, dtype=np.int64), fees_minor=np.zeros(size, dtype=np.int64), raw_row=lambda i: b"",
    )  # fmt: skip


@pytest.fixture(scope="module")
def ids(worker: Worker) -> dict[str, int]:
    """Eight homes; one is not booked any more, one is cheap while more and more look for it."""
    rooms = [f"100{n}01" for n in range(1, HOMES + 1)]
    place = {"market": "lisbon", "country": "PT", "subdivision": None, "timezone": "Europe/Lisbon", "currency": "EUR",
             "priority": 1.0}  # fmt: skip
    worker.post("/v1/portfolio", {
        "currency": "EUR",
        "properties": [{"external_id": f"p{n}", "name": f"Home {n}", **place} for n in range(HOMES)],
        "units": [{"external_id": f"u{n}", "property_external_id": f"p{n}", "name": f"Home {n}", "unit_count": 1,
                   "base_price_minor": 10_000, "floor_price_minor": 5_000} for n in range(HOMES)],
        "listings": [{"external_id": room, "unit_external_id": f"u{n}", "channel": "booking_com", "title": f"Home {n}",
                      "rate_plan_external_id": "standard", "channel_property_id": f"p{n}"}
                     for n, room in enumerate(rooms)],
    }).raise_for_status()  # fmt: skip
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        known = {one.external_id: one.listing_id for one in portfolio_store.load_listings(conn)}
        bookings.upsert(conn, [one for n, room in enumerate(rooms) for one in stays(n, room)], known)
        ari.upsert_changed(conn, [calendar(rooms)], known)
    days = np.arange(np.datetime64(TODAY) - 80, np.datetime64(TODAY))
    worker.services.metrics.write(worker.settings.tenant_id, figures(known, days))
    return known


def figures(known: dict[str, int], days: Any) -> MetricPoints:
    """Impressions are steady but for the cheap one's last weeks; its competitors ask for two fifths more."""
    n, size = len(known), len(days)
    shown = np.tile(200.0 + 10.0 * (np.arange(size) % 7), (n, 1))
    peers = np.full((n, size), 100.0)
    row = list(known).index(CHEAP)
    shown[row, -14:] *= 1.5
    peers[row] = 140.0
    return MetricPoints(
        listing_id=np.repeat(np.array(list(known.values())), size), day_date=np.tile(days, n), source="test",
        as_of_at=AS_OF, values={"search_impressions": shown.ravel(), "competitor_price": peers.ravel()},
    )  # fmt: skip


def test_what_is_foreseen_becomes_low_alerts_with_money_that_nobody_is_woken_for(
    worker: Worker, ids: dict[str, int]
) -> None:
    tenant_id = worker.settings.tenant_id
    told = worker.post("/v1/outlooks/refresh", {"as_of": AS_OF.isoformat()}).json()
    assert told["checked"] == HOMES
    assert told["kinds"] == {"calendar_running_empty": 1, "month_missed": 1, "price_below_peers": 1}
    assert worker.post("/v1/alerts/raise", {"as_of": AS_OF.isoformat()}).json()["raised"] == 3
    with worker.services.database.tenant(tenant_id) as conn:
        found = {one.kind: one for one in alerts.open_all(conn)}
    assert {one.category for one in found.values()} == {"low"}
    month, price = found["month_missed"], found["price_below_peers"]
    assert (month.listing_id, price.listing_id) == (ids[FALLEN], ids[CHEAP])
    assert month.evidence["month"] == "2026-04"
    assert month.evidence["probability"] >= 0.9
    assert 0 <= month.evidence["will_bring_minor"] < 0.8 * month.evidence["last_year_minor"]
    assert month.evidence["at_stake_minor"] > 50_000
    gain = price.evidence["gain_per_day_minor"]
    assert 0 < gain["low"] < gain["mid"] < gain["high"]
    assert found["calendar_running_empty"].evidence["usual_nights"] > 8
    for one in found.values():
        assert alert_route.run(worker.services, tenant_id, one.alert_id, AS_OF)["send"] == []


def test_asked_again_it_stands_and_off_it_ends(worker: Worker, ids: dict[str, int]) -> None:
    tenant_id = worker.settings.tenant_id
    later = AS_OF + timedelta(hours=1)
    assert predict.run(worker.services, tenant_id, later)["found"] == 3
    assert worker.post("/v1/alerts/raise", {"as_of": later.isoformat()}).json()["raised"] == 0
    off = replace(worker.services, foreseen=frozenset())
    last = AS_OF + timedelta(hours=2)
    assert predict.run(off, tenant_id, last) == {"checked": HOMES, "found": 0, "kinds": {}}
    assert worker.post("/v1/alerts/raise", {"as_of": last.isoformat()}).json()["resolved"] == 3


def test_each_has_a_picture_and_its_facts_in_words(worker: Worker, ids: dict[str, int]) -> None:
    later = AS_OF + timedelta(hours=3)
    predict.run(worker.services, worker.settings.tenant_id, later)
    worker.post("/v1/alerts/raise", {"as_of": later.isoformat()}).raise_for_status()
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        listings = {one.listing_id: one for one in portfolio_store.load_listings(conn)}
        found = {one.kind: one for one in alerts.open_all(conn)}
        drawn = {kind: picture.of(conn, one, listings[one.listing_id or 0], later) for kind, one in found.items()}
    assert len(drawn) == 3
    assert len({one for one in drawn.values() if one is not None and one.startswith(b"\x89PNG")}) == 3
    for kind, labels in {
        "month_missed": {"Month", "Will bring", "Last year", "On the books"},
        "calendar_running_empty": {"The next nights", "Will sell", "Usual"},
        "price_below_peers": {"Price a night", "Demand", "To gain a day"},
    }.items():
        told = {one.label: one.value for one in render.fields(found[kind], None)}
        assert labels <= set(told)
        assert "Money lost per day" not in told
    assert render.fields(found["price_below_peers"], None)[0].value == "100 EUR, comparable places 140 EUR"
    assert render.summary(found["month_missed"], later).endswith("probability.")
