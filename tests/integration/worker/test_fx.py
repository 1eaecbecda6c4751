"""Exchange rates refreshed over real HTTP from the simulated central bank, and what is reckoned with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from flask import Flask
from werkzeug.serving import make_server

from python_nodes.config import Settings
from python_nodes.domain.portfolio import Listing, Portfolio, Property, Unit
from python_nodes.domain.records import BookingRecord, External
from python_nodes.errors import RetryableError
from python_nodes.steps import rates, snapshot
from python_nodes.store import bookings, fx
from python_nodes.store import portfolio as portfolios
from sandbox.clock import SimulatedClock
from sandbox.faults import FaultPlan
from sandbox.vendors import ecb
from sandbox.world import build_world
from tests.integration.worker.conftest import Worker

T0 = date(2026, 3, 30)
EVE = "2026-03-30T11:00:00Z"


@dataclass(frozen=True)
class Bank:
    """The simulated central bank."""

    url: str
    clock: SimulatedClock
    faults: FaultPlan


@pytest.fixture(scope="module")
def bank() -> Iterator[Bank]:
    world = build_world(7, 12, 60, 5, T0, None)
    clock, faults = SimulatedClock(datetime(2026, 3, 30, 9, tzinfo=UTC)), FaultPlan(ecb.OPERATIONS)
    app = Flask("bank")
    app.register_blueprint(ecb.blueprint(world, clock, faults, None))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Bank(f"http://127.0.0.1:{server.server_port}/ecb/stats/eurofxref/eurofxref-hist.zip", clock, faults)
    finally:
        server.shutdown()


@pytest.fixture(scope="module")
def worker_settings(worker_settings: Settings, bank: Bank) -> Settings:
    """The same worker, with its rates from the simulated bank."""
    return worker_settings.model_copy(update={"fx_url": bank.url})


def test_before_any_refresh_the_shipped_rates_hold(worker: Worker) -> None:
    told = worker.client.get("/v1/fx").json()
    assert (told["source"], told["as_of_at"]) == ("shipped", None)
    assert {"USD", "JPY", "CHF"} <= set(told["currencies"])


@pytest.mark.parametrize(("fault", "status"), [("server_error", 503), ("malformed", 502), ("cut_body", 503)])
def test_a_bank_that_fails_changes_nothing(worker: Worker, bank: Bank, fault: str, status: int) -> None:
    bank.faults.set({"name": fault, "times": 1})
    answer = worker.post("/v1/fx/refresh", {"as_of": EVE})
    assert answer.status_code == status, answer.text
    assert worker.client.get("/v1/fx").json()["source"] == "shipped"


def test_a_bank_that_answers_late_is_not_waited_for(worker: Worker, bank: Bank) -> None:
    bank.faults.set({"name": "timeout", "times": 1, "delay_s": 30.0})
    began = time.monotonic()
    answer = worker.post("/v1/fx/refresh", {"as_of": EVE})
    assert (answer.status_code, time.monotonic() - began < 5) == (503, True), answer.text
    assert "timed out" in answer.json()["detail"]


def test_a_bank_that_drips_is_given_up(worker: Worker) -> None:
    ended = threading.Event()

    def drip() -> Iterator[bytes]:
        while not ended.wait(0.1):
            yield b" "

    server = make_server("127.0.0.1", 0, lambda _, start: (start("200 OK", []), drip())[1], threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tenant_id, as_of = worker.settings.tenant_id, datetime(2026, 3, 30, 11, tzinfo=UTC)
    try:
        with pytest.raises(RetryableError, match="took longer than 3 s"):
            rates.refresh(
                worker.services, tenant_id, as_of, f"http://127.0.0.1:{server.server_port}/a.xml", is_waited_for=True
            )
    finally:
        ended.set()
        server.shutdown()


def test_a_refresh_stores_each_working_day_once(worker: Worker, bank: Bank) -> None:
    first = worker.post("/v1/fx/refresh", {"as_of": EVE}).json()
    # Rates of the 30th are published in the afternoon.
    assert (first["first_day"], first["last_day"]) == ("2026-01-29", "2026-03-27")
    assert first["stored"] == first["fetched"] == 3 * 42
    again = worker.post("/v1/fx/refresh", {"as_of": EVE}).json()
    assert (again["stored"], again["unchanged"]) == (0, first["fetched"])
    bank.clock.step_to(datetime(2026, 3, 31, 15, tzinfo=UTC))
    later = worker.post("/v1/fx/refresh", {"as_of": "2026-03-31T15:00:00Z"}).json()
    assert later["stored"] == 2 * 3
    told = worker.client.get("/v1/fx").json()
    assert (told["rate_date"], told["source"]) == ("2026-03-31", "ecb")


def test_rates_of_days_to_come_are_refused(worker: Worker, bank: Bank) -> None:
    answer = worker.post("/v1/fx/refresh", {"as_of": "2026-03-20T15:00:00Z"})
    assert answer.status_code == 502
    assert "future" in answer.text


def test_who_asks_too_often_is_told_at_once_when_to_come_again(worker: Worker, bank: Bank) -> None:
    answers = [worker.post("/v1/fx/refresh", {"as_of": "2026-03-31T15:00:00Z"})]
    while answers[-1].status_code == 200 and len(answers) < 11:
        answers.append(worker.post("/v1/fx/refresh", {"as_of": "2026-03-31T15:00:00Z"}))
    refused = answers[-1]
    assert (refused.status_code, refused.headers["Content-Type"]) == (429, "application/problem+json"), refused.text
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.elapsed.total_seconds() < 5
    assert worker.client.get("/v1/fx").json()["source"] == "ecb"


def test_an_older_telling_never_wins(worker: Worker) -> None:
    day = np.array(["2026-03-27"], dtype="datetime64[D]")
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        old = datetime(2026, 3, 28, tzinfo=UTC)
        assert fx.upsert(conn, "ecb", old, day, ["USD"], np.array([9.9])).stored == 0
        assert rates.table(conn).on(["USD"], day)[0, 0] == 1.09
        # A currency that the bank here does not quote keeps the shipped rate.
        assert rates.table(conn).on(["CHF"], day)[0, 0] > 0.5


def test_a_booking_counts_at_the_rate_of_its_day(worker: Worker) -> None:
    place = Property(
        external_id="p", name="p", market="Kyoto", country="JP", subdivision=None, timezone="Asia/Tokyo",
        currency="JPY", priority=0.5,
    )  # fmt: skip
    unit = Unit(
        external_id="u", property_external_id="p", name="u", unit_count=1, base_price_minor=20_000, floor_price_minor=1
    )
    listing = Listing(
        external_id="r", unit_external_id="u", channel="booking_com", title="t", rate_plan_external_id="bar"
    )
    as_of, tenant_id = datetime(2026, 3, 30, 12, tzinfo=UTC), worker.settings.tenant_id
    worth = []
    with worker.services.database.tenant(tenant_id) as conn:
        portfolios.upsert_portfolio(conn, tenant_id, Portfolio(properties=(place,), units=(unit,), listings=(listing,)))
        (stored,) = portfolios.load_listings(conn)
        for number in range(60):
            at = as_of - timedelta(days=40 + number % 20)
            record = BookingRecord(
                origin=External(
                    source="booking_com", external_id=str(number), source_version=1, source_updated_at=at
                ),
                listing_external_id="r", rate_plan_external_id="bar", check_in_date=at.date(),
                check_out_date=at.date() + timedelta(days=1), booked_at=at, cancelled_at=None,
                total_amount_minor=20_000, currency="JPY", status="confirmed",
            )  # fmt: skip
            bookings.upsert(conn, [record], {"r": stored.listing_id})
        booked_on = np.arange(np.datetime64("2026-01-25"), np.datetime64("2026-03-05"))
        for yen in (163.0, 81.5):
            told_at = datetime(2026, 4, 1, len(worth), tzinfo=UTC)
            fx.upsert(conn, "test", told_at, booked_on, ["JPY"] * len(booked_on), np.full(len(booked_on), yen))
            worth.append(snapshot.value_of_listings(conn, [stored], as_of, "EUR", 120).revenue_per_booking_minor[0])
    # 20,000 yen at 163 are 122.70 euro; at twice the yen's worth on the days they were booked, twice as much.
    assert worth[0] == pytest.approx(20_000 / 163 * 100, rel=0.01)
    assert worth[1] == pytest.approx(2 * worth[0])
