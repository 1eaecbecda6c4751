"""Guests go in by every door; afterwards their words are looked for wherever anything is kept, logged or sent."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from python_nodes import log
from python_nodes.domain.findings import Alert
from python_nodes.domain.imports import ImportSource
from python_nodes.errors import PermanentError
from python_nodes.notify import render
from python_nodes.steps import archive, flow_error, guest_erase, import_file, metrics_derive, replay
from python_nodes.steps.flow_error import Report
from python_nodes.steps.guest_erase import Wish
from python_nodes.steps.import_file import Order
from python_nodes.store import imports
from tests.integration.guests.conftest import ADA, AS_OF, BO, BY, House, Told, queue

CYD = Told("900003", "Cydalise", "Vandermeulen", "cydalise@vandermeulen.example", "+32 470 12 34 56")
EVERYBODY = (ADA, BO, CYD)
HISTORY = (
    "reservation_id,property_id,room_id,rate_id,status,booked_at,cancelled_at,checkin,checkout,guest_name,total_price,"
    "currency,modified_at\n"
    '900002,p00001,r00001,standard,ok,2026-02-01T10:00:00Z,,2026-02-03,2026-02-05,"Przybylski, Bogumil",99.00,EUR,'
    "2026-02-01T10:00:00Z\n"
    "900009,p00001,r00001,standard,what,2026-02-01T10:00:00Z,,2026-02-03,2026-02-05,Adelheid Löwenzahn,99.00,EUR,"
    "2026-02-01T10:00:00Z\n"
)
FILE = (
    "reservation,listing,status,booked,arrival,departure,guest_name,total,currency\n"
    "900003,r00002,ok,2026-02-01,2026-02-03,2026-02-05,Cydalise Vandermeulen,120.00,EUR\n"
    "900004,nowhere,ok,2026-02-01,2026-02-03,2026-02-05,Cydalise Vandermeulen,120.00,EUR\n"
)
SOURCE = ImportSource(
    name="pms", kind="reservations", channel="booking_com", date_format="YYYY-MM-DD",
    columns={
        "reservation_id": "reservation", "listing_id": "listing", "status": "status", "booked_at": "booked",
        "check_in": "arrival", "check_out": "departure", "guest_name": "guest_name", "total": "total",
        "currency": "currency",
    },
)  # fmt: skip


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """Logs as a worker writes them."""
    before = logging.getLogger().handlers[:]
    log.configure("DEBUG")
    yield capsys
    logging.getLogger().handlers[:] = before


def found(told: str) -> list[str]:
    """Words of guests within a text; a first name alone counts."""
    return [own for guest in EVERYBODY for own in guest.own if own in told]


def ingest(house: House) -> None:
    """Let them in by every door, also where it does not end well."""
    house.told(queue(ADA, BO))
    house.told(queue(replace(CYD, total="many")))
    house.told(HISTORY.encode(), "reservation_history")
    house.told(f"<HotelReservations><broken {ADA.email}".encode())
    with house.services.database.tenant(house.tenant_id) as conn:
        imports.save(conn, SOURCE, at=AS_OF)
    import_file.run(house.services, house.tenant_id, "pms", Order(file="pms.csv", content=FILE.encode()), AS_OF)
    replay.run(house.services, house.tenant_id, AS_OF)
    metrics_derive.run(house.services, house.tenant_id, AS_OF)
    said = f"Request failed for guest {ADA.given} {ADA.surname}, {ADA.email}, phone {ADA.phone}"
    flow_error.run(
        house.services, house.tenant_id, Report(workflow="w", node="n", message=said, execution_id="7"), AS_OF
    )
    with pytest.raises(PermanentError), log.stage("test"):
        raise PermanentError(said)


def test_no_table_no_file_and_no_log_names_a_guest(house: House, lines: pytest.CaptureFixture[str]) -> None:
    ingest(house)
    logged = lines.readouterr()
    assert "payload_normalize" in logged.err + logged.out, "the logs are there to be looked at"
    assert found(house.dump()) == []
    assert [own for guest in EVERYBODY for own in guest.own if own.encode() in house.on_disk()] == []
    assert found(logged.err + logged.out) == []
    everything = b"".join(house.payloads()).decode()
    assert {ADA.surname, BO.surname, CYD.surname} <= set(found(everything)), "the archive itself has them, for us"


def test_what_is_sent_names_no_guest(house: House) -> None:
    evidence = {
        "nights": 12, "message": f"Guest: {ADA.given} {ADA.surname}, call {ADA.phone}", "detail": f"mail {BO.email}",
        "guest_name": f"{BO.given} {BO.surname}",
    }  # fmt: skip
    alert = Alert(
        alert_id=1, fingerprint="f", scope="listing", listing_id=1, property_id=1, market="lisbon",
        metric="availability", kind="not_bookable", cause="calendar_closed", title="Calendar closed", category="high",
        score=70.4, currency="EUR", impact_minor=1, loss_per_day_minor=1, lost_so_far_minor=1,
        onset_date=date(2026, 3, 1), raised_at=AS_OF, updated_at=AS_OF, resolved_at=None, version=1, parts={},
        evidence=evidence,
    )  # fmt: skip
    message = render.render(alert, None, None, delivery_id="d", recipient="C", as_of=AS_OF)
    assert "[phone]" in repr(message)
    assert found(repr(message)) == []


def test_once_erased_nobody_is_anywhere_also_not_for_us(house: House) -> None:
    ingest(house)
    archive.run(house.services, house.tenant_id, AS_OF)
    for one in EVERYBODY:
        guest_erase.run(house.services, house.tenant_id, Wish(reservation=one.number, email=one.email), AS_OF, BY)
    left = {own for one in house.payloads() for own in found(one.decode("utf-8", "replace"))}
    assert left == {ADA.given, ADA.surname}, "a name alone, under a reservation that was not asked for, finds nobody"
    guest_erase.run(house.services, house.tenant_id, Wish(reservation="900009"), AS_OF, BY)
    assert not [own for one in house.payloads() for own in found(one.decode("utf-8", "replace"))]
    assert found(house.dump()) == []
